#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# One adapter, byte for byte, on the real demo model for 20 steps: a tiny one never leaves one block of a GEMM.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

cd "$here/../.."
deploy/demo-model.sh
first=
# Shards enough for three workers.
for layout in 1x1 3x1 1x2; do
    out=$SCRATCH/$layout
    run_to "$SCRATCH/$layout.log" 0 "$LORADROP" simulate --config deploy/demo.yaml --training.max-steps 20 \
        --training.shard-tokens 96 --task.validation null --lora-drop.probe-epochs 1 \
        --workers "${layout%x*}" --slots "${layout#*x}" --output-dir "$out"
    sum=$(adapter_sum "$out")
    echo "$layout $sum"
    first=${first:-$sum}
    [ "$sum" = "$first" ] || fail "$layout has other bytes than 1x1"
done
