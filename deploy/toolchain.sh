#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Is there a Swift that can build this? The one thing that is not installed for you.
set -euo pipefail

required=6.3

if ! command -v swift > /dev/null; then
    echo "Swift is missing. Install $required or newer from https://www.swift.org/install/linux/ and put its" >&2
    echo "usr/bin on the PATH; everything else is installed by deploy/dependencies.sh." >&2
    exit 1
fi
version=$(swift --version 2>&1 | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
if [ "$(printf '%s\n' "$required" "${version:-0}" | sort -V | head -n 1)" != "$required" ]; then
    echo "Swift $required or newer is needed; found ${version:-none} at $(command -v swift)." >&2
    exit 1
fi
echo "Swift $version"
