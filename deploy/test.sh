#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Installs what is missing, builds the release configuration, and runs every test: those of the modules, then the
# end-to-end scripts. Fails when a test fails, when none ran, and when one was skipped.
#
#   deploy/test.sh [--hosts]
#
# --hosts adds the tests that make network namespaces and need root.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
hosts=no
for argument in "$@"; do
    case $argument in
        --hosts) hosts=yes ;;
        *) echo "usage: deploy/test.sh [--hosts]; found: $argument" >&2; exit 2 ;;
    esac
done

deploy/toolchain.sh
deploy/dependencies.sh build checks
swift build -c release --build-tests

log=$(mktemp)
scratch=$(mktemp -d)
trap 'rm -rf "$log" "$scratch"' EXIT

failures=0
fault() {
    echo "FAILED: $1"
    failures=$((failures + 1))
}

# The runner's own exit status is not enough: it is 0 when no test ran, and when tests were skipped.
echo "module tests:"
begun=$SECONDS
status=0
swift test -c release --skip-build --disable-xctest > "$log" 2>&1 || status=$?
closing=$(grep -E 'Test run with [0-9]+ tests?' "$log" || true)
ran=$(sed -nE 's/.*Test run with ([0-9]+) tests?.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
skips='(Test|Suite) .* skipped(\.|: .*)$'
skipped=$(grep -cE "$skips" "$log" || true)
if [ "$status" != 0 ]; then
    cat "$log"
    fault "swift test ended with $status"
fi
[ "$ran" -gt 0 ] || { tail -n 20 "$log"; fault "no module test ran"; }
[ "$skipped" = 0 ] || { grep -E "$skips" "$log"; fault "$skipped module tests were skipped"; }
echo "${closing:-no closing line of the runner}"
echo "module tests: $ran ran ($((SECONDS - begun)) s)"

# run_scripts FOLDER: each script gets the executable and an empty folder of its own.
run_scripts() {
    local folder=$1 script name passed=0 failed=0 begun
    for script in "$folder"/*.sh; do
        [ -e "$script" ] || continue
        name=$(basename "$script" .sh)
        begun=$SECONDS
        mkdir -p "$scratch/$name"
        if LORADROP=$PWD/.build/release/loradrop SCRATCH=$scratch/$name "$script" > "$log" 2>&1; then
            echo "  passed: $name ($((SECONDS - begun)) s)"
            # What a script wants known although it passed, such as a seed.
            sed -n 's/^note: /    /p' "$log"
            passed=$((passed + 1))
        else
            cat "$log"
            echo "  FAILED: $name ($((SECONDS - begun)) s)"
            failed=$((failed + 1))
        fi
    done
    echo "$folder: $passed passed, $failed failed"
    [ "$failed" = 0 ] || fault "$failed scripts of $folder"
}

run_scripts Tests/EndToEnd
if [ "$hosts" = yes ]; then
    deploy/dependencies.sh hosts
    # What they install on their machines is the release as it is shipped.
    LORADROP_RELEASE=$PWD/$(deploy/package.sh | tail -n 1)
    export LORADROP_RELEASE
    run_scripts Tests/Hosts
fi

if [ "$failures" != 0 ]; then
    echo "deploy/test.sh: FAILED ($failures faults)"
    exit 1
fi
echo "deploy/test.sh: all passed"
