#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# What the end-to-end scripts share. Sourced with LORADROP (the executable) and SCRATCH (an empty folder) set.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vectors=$here/../Vectors
started=()

# Ends what a script started and has not seen the end of, by its id. A stopped process has to be killed.
end_started() {
    local id
    for id in "${started[@]:-}"; do
        if [ -n "$id" ] && kill -0 "$id" 2> /dev/null; then kill -KILL "$id" 2> /dev/null || true; fi
    done
}
trap end_started EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# run_to FILE STATUS COMMAND...: the command's output goes to FILE; it must end with STATUS, within two minutes.
run_to() {
    local file=$1 expected=$2 found=0
    shift 2
    timeout --kill-after 5 120 "$@" > "$file" 2>&1 || found=$?
    [ "$found" = "$expected" ] || { cat "$file"; fail "expected exit code $expected, found $found: $*"; }
}

# says FILE TEXT...: each text stands in the file.
says() {
    local file=$1 text
    shift
    for text in "$@"; do
        grep -qF -- "$text" "$file" || { cat "$file"; fail "$file lacks: $text"; }
    done
}

# until_true COMMAND...: waits until the command succeeds, a minute at most.
until_true() {
    local deadline=$((SECONDS + 60))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || fail "not within a minute: $*"
        sleep 0.02
    done
}

# ended_with ID STATUS FILE: waits for a child of this shell, a minute at most.
ended_with() {
    local id=$1 expected=$2 file=$3 found=0
    until_true has_ended "$id"
    wait "$id" || found=$?
    [ "$found" = "$expected" ] || { cat "$file"; fail "expected exit code $expected, found $found"; }
}

has_ended() {
    # A child that nobody has waited for is a zombie.
    local state
    state=$(sed -E 's/.*\) (.).*/\1/' "/proc/$1/stat" 2> /dev/null) || return 0
    [ "$state" = Z ]
}

adapter_sum() { sha256sum < "$1/adapter/adapter_model.safetensors" | cut -d ' ' -f 1; }

# process_of WORKER OUTPUT: the process that the coordinator was told of.
process_of() { sed -nE "s/^$1 asks to join .* process ([0-9]+)\$/\1/p" "$2" | tail -n 1; }
