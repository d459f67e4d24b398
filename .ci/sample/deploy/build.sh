#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

set -euo pipefail

echo "built"
