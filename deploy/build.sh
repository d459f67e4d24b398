#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Installs what is missing and builds the release executable. The last line is its path.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
deploy/toolchain.sh
deploy/dependencies.sh build
swift build -c release --product loradrop
[ -x .build/release/loradrop ] || { echo "build: expected .build/release/loradrop, found none" >&2; exit 1; }
echo .build/release/loradrop
