#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Compiles the messages into a folder.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
protoc-c --c_out="${1:-../Sources/CWireMessages}" parcel.proto
