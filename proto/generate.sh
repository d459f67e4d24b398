#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Compiles proto/ to C with protoc-c, headers under include/ as SwiftPM wants them.
# usage: proto/generate.sh [FOLDER], Sources/CWireMessages if none is given
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath "${1:-Sources/CWireMessages}")

pinned="protobuf-c 1.4.1"
versions=$(protoc-c --version)
found=${versions%%$'\n'*}
if [ "$found" != "$pinned" ]; then
    echo "proto/generate.sh: expected $pinned, found $found: its code would differ from the committed code" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd proto && protoc-c --c_out="$work" loradrop/wire/v1/*.proto)

rm -rf "$target/loradrop" "$target/include/loradrop"
count=0
while IFS= read -r file; do
    case "$file" in
        *.h) destination=$target/include/$file ;;
        *) destination=$target/$file ;;
    esac
    mkdir -p "$(dirname "$destination")"
    {
        printf '//\n// This source file is part of the loradrop open source project.\n'
        printf '// SPDX-License-Identifier: Apache-2.0\n//\n\n'
        cat "$work/$file"
    } > "$destination"
    count=$((count + 1))
done < <(cd "$work" && find . -name '*.pb-c.[ch]' -printf '%P\n' | sort)

expected=$((2 * $(find proto -name '*.proto' | wc -l)))
if [ "$count" -ne "$expected" ]; then
    echo "proto/generate.sh: expected $expected generated files, made $count" >&2
    exit 1
fi
