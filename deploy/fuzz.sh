#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Runs every fuzzer of Tests/Fuzz, all at once, each for a number of seconds, and demands of each:
#
# - that it finds the bug that its planted.patch puts into a copy of its reader: who finds nothing may be blind;
# - that it sees the reader's code while it runs (libFuzzer's "cov:" above 0) and ends without a finding;
# - that what it ran covers 90 % of the reader's regions.
#
#   deploy/fuzz.sh SECONDS [FUZZER…]
#
# A finding is left in .build-fuzz/findings. Once mended, it goes into the fuzzer's corpus and stays there.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
usage="usage: deploy/fuzz.sh SECONDS [FUZZER…]"
seconds=${1:?$usage}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "$usage; found: $seconds" >&2; exit 2; }
shift
all=(FuzzFrames FuzzLogs FuzzSafetensors FuzzTables FuzzTokenizer)
fuzzers=("${@:-${all[@]}}")

# reader FUZZER: the files whose coverage counts.
reader() {
    case $1 in
        FuzzFrames) echo Sources/Wire ;;
        FuzzLogs)
            echo Sources/RunRecords/LogLines.swift Sources/RunRecords/LogRecord+JSON.swift \
                Sources/RunRecords/Timestamp.swift Sources/RunRecords/ProcessTranscript.swift
            ;;
        FuzzSafetensors) echo Sources/Tensors/SafetensorsHeader.swift Sources/Tensors/SafetensorsHeaderParser.swift ;;
        FuzzTables)
            echo Sources/Datasets/DatasetReader+Rows.swift Sources/Datasets/DelimitedRecords.swift \
                Sources/Datasets/UTF8Validation.swift Sources/JSONText/JSONParser.swift
            ;;
        # TokenizerFolder reads the disk, Tokenizer states the protocol; all else is the reader.
        FuzzTokenizer)
            find Sources/Tokenizers -name '*.swift' ! -name TokenizerFolder.swift ! -name Tokenizer.swift
            echo Sources/JSONText/JSONParser.swift
            ;;
        *) echo "deploy/fuzz.sh: no fuzzer $1, expected one of ${all[*]}" >&2; exit 2 ;;
    esac
}
for fuzzer in "${fuzzers[@]}"; do
    reader "$fuzzer" > /dev/null
done

deploy/toolchain.sh
deploy/dependencies.sh build
# The compiler's own coverage tools: those of another LLVM do not read its profiles.
tools=$(dirname "$(readlink -f "$(command -v swift)")")
least=90
most_seconds_for_planted=120
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p .build-fuzz/findings

# build TREE: compiles the fuzzers of a source tree. Address sanitizer does not go with this compiler's libFuzzer: it
# leaves the fuzzer blind.
build() {
    local fuzzer
    for fuzzer in "${fuzzers[@]}"; do
        LORADROP_FUZZ=1 swift build --package-path "$1" --scratch-path "$1/.build-fuzz" -c release \
            --product "$fuzzer" --sanitize=fuzzer -Xswiftc -profile-generate -Xswiftc -profile-coverage-mapping
    done
}

# start TREE FUZZER SECONDS LOG ARTIFACTS: one fuzzer, from its committed corpus on. Swift's own crash report is off, or
# it ends the process before libFuzzer has written the input down.
start() {
    local tree=$1 fuzzer=$2 time=$3 log=$4 artifacts=$5
    mkdir -p "$log.corpus"
    SWIFT_BACKTRACE=enable=no LLVM_PROFILE_FILE=$log.profraw \
        "$tree/.build-fuzz/release/$fuzzer" -max_total_time="$time" -max_len=8192 -timeout=20 -rss_limit_mb=4096 \
        -artifact_prefix="$artifacts" "$log.corpus" "Tests/Fuzz/$fuzzer/corpus" > "$log" 2>&1
}

failures=0
fault() {
    echo "FAILED: $1"
    failures=$((failures + 1))
}

echo "planted bugs: each must be found within $most_seconds_for_planted s"
planted=.build-fuzz/planted
mkdir -p "$planted"
rm -rf "$planted/Sources" "$planted/Tests"
mkdir "$planted/Tests"
cp -r Package.swift Sources "$planted"
cp -r Tests/Fuzz "$planted/Tests"
for fuzzer in "${fuzzers[@]}"; do
    patch --batch --quiet -p1 -d "$planted" < "Tests/Fuzz/$fuzzer/planted.patch" \
        || { echo "deploy/fuzz.sh: $fuzzer/planted.patch no longer fits the reader; make it anew" >&2; exit 1; }
done
build "$planted"
for fuzzer in "${fuzzers[@]}"; do
    log=$scratch/$fuzzer.planted
    begun=$SECONDS
    status=0
    start "$planted" "$fuzzer" "$most_seconds_for_planted" "$log" "$log.artifact-" || status=$?
    if [ "$status" != 0 ] && compgen -G "$log.artifact-crash-*" > /dev/null; then
        echo "  $fuzzer: found after $((SECONDS - begun)) s"
    else
        tail -n 5 "$log"
        fault "$fuzzer did not find its planted bug"
    fi
done

echo "fuzzing for $seconds s:"
build .
declare -A running
for fuzzer in "${fuzzers[@]}"; do
    start . "$fuzzer" "$seconds" "$scratch/$fuzzer" ".build-fuzz/findings/$fuzzer-" &
    running[$fuzzer]=$!
done
for fuzzer in "${fuzzers[@]}"; do
    log=$scratch/$fuzzer
    status=0
    wait "${running[$fuzzer]}" || status=$?
    if [ "$status" != 0 ]; then
        tail -n 40 "$log"
        fault "$fuzzer ended with $status; its input is in .build-fuzz/findings"
        continue
    fi
    runs=$(sed -nE 's/^Done ([0-9]+) runs.*/\1/p' "$log")
    cov=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -n 1)
    [ "${cov:-0}" -gt 0 ] || { fault "$fuzzer is blind: no cov: above 0"; continue; }
    "$tools/llvm-profdata" merge -o "$log.profdata" "$log.profraw"
    read -ra files <<< "$(reader "$fuzzer" | xargs)"
    "$tools/llvm-cov" report ".build-fuzz/release/$fuzzer" -instr-profile="$log.profdata" "${files[@]}" \
        > "$log.coverage"
    covered=$(awk '$1 == "TOTAL" { sub(/%/, "", $4); print $4 }' "$log.coverage")
    echo "  $fuzzer: ${runs:-0} runs, cov: $cov, $covered % of the reader's regions"
    if ! awk -v covered="${covered:-0}" -v least="$least" 'BEGIN { exit !(covered >= least) }'; then
        cat "$log.coverage"
        fault "$fuzzer covers $covered % of its reader, expected $least"
    fi
done

if [ "$failures" != 0 ]; then
    echo "deploy/fuzz.sh: FAILED ($failures faults)"
    exit 1
fi
echo "deploy/fuzz.sh: all passed"
