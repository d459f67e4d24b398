#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Runs the tests in which threads meet under the thread sanitizer and fails on any report. Before that, the sanitizer
# must report the race that Tests/ThreadSanitizer/planted.patch puts into a copy of the sources: who reports nothing may
# be blind.
#
#   deploy/sanitize.sh [TEST TARGET…]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
targets=("${@:-CollectivesTests SecureTransportTests ClusterTests TensorsTests}")

deploy/toolchain.sh
deploy/dependencies.sh build
tools=$(dirname "$(readlink -f "$(command -v swift)")")
mkdir -p .build-tsan
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The sanitizer sees only the fast path of Synchronization.Mutex; this tells it of the other.
mutex=$PWD/.build-tsan/mutex_slow_path.o
"$tools/clang" -O1 -Wall -Werror -c Tests/ThreadSanitizer/mutex_slow_path.c -o "$mutex"

# sanitized COMMAND TREE TARGETS [OPTION…]: swift build or swift test with the test targets that are to be there.
sanitized() {
    local command=$1 tree=$2 kept=$3
    shift 3
    LORADROP_TESTS=$kept TSAN_OPTIONS="external_symbolizer_path=$tools/llvm-symbolizer" \
        swift "$command" --package-path "$tree" --scratch-path "$tree/.build-tsan" -c release --sanitize=thread \
        -Xlinker "$mutex" "$@"
}

# reports: how many reports the log holds.
reports() {
    grep -c '^WARNING: ThreadSanitizer' "$log" || true
}

planted=.build-tsan/planted
mkdir -p "$planted"
rm -rf "$planted/Sources" "$planted/Tests"
cp -r Package.swift Sources Tests "$planted"
patch --batch --quiet -p1 -d "$planted" < Tests/ThreadSanitizer/planted.patch \
    || { echo "deploy/sanitize.sh: planted.patch no longer fits the sources; make it anew" >&2; exit 1; }
sanitized build "$planted" SecureTransportTests --product loradropPackageTests
if sanitized test "$planted" SecureTransportTests --skip-build --disable-xctest --filter StreamTests > "$log" 2>&1 \
    || [ "$(reports)" = 0 ]; then
    tail -n 20 "$log"
    echo "deploy/sanitize.sh: FAILED: the planted race was not reported" >&2
    exit 1
fi
echo "the planted race: reported"

sanitized build . "${targets[*]}" --product loradropPackageTests
status=0
sanitized test . "${targets[*]}" --skip-build --disable-xctest > "$log" 2>&1 || status=$?
ran=$(sed -nE 's/.*Test run with ([0-9]+) tests?.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
echo "${targets[*]}: $ran tests, $(reports) reports"
if [ "$status" != 0 ] || [ "$(reports)" != 0 ] || [ "$ran" = 0 ]; then
    cat "$log"
    echo "deploy/sanitize.sh: FAILED (swift test ended with $status)" >&2
    exit 1
fi
echo "deploy/sanitize.sh: all passed"
