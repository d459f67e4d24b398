#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# One adapter, byte for byte, whoever computed it: workers times slots, and runs that were stopped and went on with
# another number of workers.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

python3 "$here/tiny_run.py" "$vectors" "$SCRATCH"
simulate=("$LORADROP" simulate --config "$SCRATCH/run.yaml")

first=
for layout in 1x1 1x2 2x1 3x1 5x1; do
    out=$SCRATCH/$layout
    run_to "$SCRATCH/$layout.log" 0 "${simulate[@]}" --workers "${layout%x*}" --slots "${layout#*x}" --output-dir "$out"
    sum=$(adapter_sum "$out")
    echo "$layout $sum"
    first=${first:-$sum}
    [ "$sum" = "$first" ] || fail "$layout has other bytes than 1x1"
done
# Processors with AVX2 and with AVX-512 give the same bits.
LORADROP_PRODUCT_LEVEL=3 run_to "$SCRATCH/avx2.log" 0 "${simulate[@]}" --workers 2 --output-dir "$SCRATCH/avx2"
[ "$(adapter_sum "$SCRATCH/avx2")" = "$first" ] || fail "products with AVX2 give other bytes than 1x1"
says "$SCRATCH/1x1.log" " kept " " shared "

# So do products of split floats, with a matrix unit and without; they are others than those of floats.
split=
for workers in 1 2; do
    out=$SCRATCH/split-$workers
    run_to "$SCRATCH/split.log" 0 "${simulate[@]}" --training.matmul-precision high --workers "$workers" --output-dir "$out"
    sum=$(adapter_sum "$out")
    echo "split floats, $workers workers: $sum"
    split=${split:-$sum}
    [ "$sum" = "$split" ] || fail "$workers workers have other bytes than one with products of split floats"
done
LORADROP_MATRIX_UNIT=0 run_to "$SCRATCH/split.log" 0 "${simulate[@]}" --training.matmul-precision high --workers 2 \
    --output-dir "$SCRATCH/split-plain"
[ "$(adapter_sum "$SCRATCH/split-plain")" = "$split" ] || fail "without the matrix unit the bytes are others"
[ "$split" != "$first" ] || fail "products of split floats have the bytes of products of floats"

# Every layer that uses the shared LoRA of a target gets a copy of its own in the file; kept layers differ.
python3 - "$SCRATCH/1x1/adapter" << 'PYTHON'
import json, pathlib, re, struct, sys

folder = pathlib.Path(sys.argv[1])
data = (folder / "adapter_model.safetensors").read_bytes()
(length,) = struct.unpack("<Q", data[:8])
copies = {}
for name, entry in json.loads(data[8 : 8 + length]).items():
    found = re.search(r"\.layer\.(\d+)\.(.*lora_[AB].*)", name)
    if found:
        begin, end = entry["data_offsets"]
        copies.setdefault(found[2], {})[int(found[1])] = data[8 + length + begin : 8 + length + end]
record = json.loads((folder / "lora_drop.json").read_text())
text = json.dumps(record)
assert len(copies) == 8, f"expected A and B of four targets, found {sorted(copies)}"
shared = None
for target, layers in copies.items():
    assert sorted(layers) == [0, 1, 2, 3], f"{target} has layers {sorted(layers)}"
    groups = {}
    for layer, content in layers.items():
        groups.setdefault(content, set()).add(layer)
    largest = max(groups.values(), key=len)
    assert len(largest) > 1 and len(groups) == 4 - len(largest) + 1, f"{target}: {groups.values()}"
    assert shared in (None, largest), f"{target} is shared by {largest}, others by {shared}"
    shared = largest
assert len(shared) < 4, "no layer has a LoRA of its own"
print(f"layers {sorted(shared)} hold equal copies of the shared LoRA")
PYTHON

# stop_and_resume PHASE WORKERS WORKERS: stopped by SIGINT in the phase, resumed with another number of workers. A run
# that ends before the signal is taken says nothing; it is made again, longer.
stop_and_resume() {
    local phase=$1 before=$2 after=$3 epochs out log id status length
    for epochs in 64 512 4096; do
        out=$SCRATCH/stop-$phase-$epochs
        log=$out.log
        length=(--training.epochs "$epochs")
        [ "$phase" = probe ] && length=(--lora-drop.probe-epochs "$epochs")
        "${simulate[@]}" --workers "$before" --output-dir "$out" "${length[@]}" \
            > "$log" 2>&1 &
        id=$!
        started+=("$id")
        until_true grep -qE "^$phase +[0-9]+/" "$log"
        kill -INT "$id"
        until_true has_ended "$id"
        status=0
        wait "$id" || status=$?
        if [ "$status" = 0 ]; then continue; fi
        [ "$status" = 3 ] || { cat "$log"; fail "stopped run: expected exit code 3, found $status"; }
        says "$log" "the state is saved"
        [ ! -e "$out/all_results.json" ] || fail "a stopped run has results"
        if [ "$phase" = probe ] && grep -q '^fine-tune' "$log"; then continue; fi
        run_to "$log.resumed" 0 "${simulate[@]}" --workers "$after" --output-dir "$out" "${length[@]}"
        says "$log.resumed" " from step "
        run_to "$log.whole" 0 "${simulate[@]}" --workers 1 --output-dir "$out-whole" "${length[@]}"
        [ "$(adapter_sum "$out")" = "$(adapter_sum "$out-whole")" ] ||
            fail "stopped in the $phase and resumed: other bytes than in one go"
        echo "stopped in the $phase of $epochs epochs, resumed with $after workers: equal bytes"
        return
    done
    fail "no run was long enough to be stopped in the $phase"
}
stop_and_resume probe 2 3
stop_and_resume fine-tune 3 1
