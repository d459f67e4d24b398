#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Faults at events of a run, one kind after the other: each run must end with the bytes of the undisturbed one-worker
# run, and its ledger must hold. Then a few drawn runs, whose seed is printed: LORADROP_CHAOS_SEED makes them again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

python3 "$here/tiny_run.py" "$vectors" "$SCRATCH"
length=(--training.epochs 4 --lora-drop.probe-epochs 3 --cluster.silence-timeout 3)
simulate=("$LORADROP" simulate --config "$SCRATCH/run.yaml" "${length[@]}")

run_to "$SCRATCH/undisturbed.log" 0 "${simulate[@]}" --workers 1 --output-dir "$SCRATCH/undisturbed"
expected=$(adapter_sum "$SCRATCH/undisturbed")

# disturbed NAME ARGUMENT...: a disturbed run has the right bytes and a ledger that holds.
disturbed() {
    local out=$SCRATCH/$1 log=$SCRATCH/$1.log
    shift
    run_to "$log" 0 "${simulate[@]}" --output-dir "$out" "$@"
    [ "$out" = "$SCRATCH/shaped" ] || says "$log" "recovery timeline"
    [ "$(adapter_sum "$out")" = "$expected" ] || { cat "$log"; fail "$*: other bytes than undisturbed"; }
    run_to "$log.ledger" 0 "$LORADROP" inspect --ledger "$out"
    says "$log.ledger" "every example of every epoch was used exactly once" "24 of 24 steps" "4 whole epochs of 96 examples"
    echo "$*: equal bytes"
}

echo "a shaped network"
disturbed shaped --workers 3 --latency 2ms --bandwidth 200mbit

echo "one fault of every kind"
disturbed killed --workers 3 --kill 1@5
says "$SCRATCH/killed.log" "worker-1 is killed" "generation 2:"
disturbed alone --workers 2 --cluster.min-workers 1 --max-restarts 0 --kill 1@5
disturbed stopped --workers 2 --stop 0@probe:3:4500ms
disturbed cut --workers 3 --disconnect 2@importance
disturbed parted --workers 3 --partition '0|1,2@evaluation:4500ms'
disturbed joined --workers 2 --join 2@7
disturbed restarted --workers 2 --kill coordinator@12
says "$SCRATCH/restarted.log.ledger" "starts of the coordinator: 2"
disturbed everybody --workers 2 --kill 0@9 --kill 1@9 --kill coordinator@export

echo "drawn faults"
campaign=("$LORADROP" chaos-campaign --config "$SCRATCH/run.yaml" "${length[@]}" --output-dir "$SCRATCH/campaign"
    --probe-steps 9 --fine-tune-steps 24 --boundaries 3 --folder "$SCRATCH/campaign" --evidence "$SCRATCH/evidence.tsv")
if [ -n "${LORADROP_CHAOS_SEED:-}" ]; then campaign+=(--seed "$LORADROP_CHAOS_SEED"); fi
status=0
timeout --kill-after 30 600 "${campaign[@]}" --runs "${LORADROP_CHAOS_RUNS:-12}" > "$SCRATCH/campaign.log" 2>&1 || status=$?
cat "$SCRATCH/campaign.log"
echo "note: $(head -n 1 "$SCRATCH/campaign.log"); $(tail -n 1 "$SCRATCH/campaign.log")"
if [ "$status" != 0 ]; then
    for log in "$SCRATCH"/campaign/*.log; do
        [ ! -e "$log" ] || { echo "== $log"; tail -n 60 "$log"; }
    done
    fail "the campaign ended with $status"
fi

echo "what is no fault, and who is not there"
run_to "$SCRATCH/usage.log" 2 "${simulate[@]}" --workers 2 --output-dir "$SCRATCH/none" --kill 5@20
says "$SCRATCH/usage.log" "there is no worker 5"
run_to "$SCRATCH/usage.log" 2 "${simulate[@]}" --workers 2 --output-dir "$SCRATCH/none" --kill 1@nowhere
says "$SCRATCH/usage.log" "no place in a run"
[ ! -e "$SCRATCH/none" ] || fail "a refused simulation left a folder"

echo "a ledger that does not hold"
cp -r "$SCRATCH/killed" "$SCRATCH/bent"
python3 - "$SCRATCH/bent/journal.jsonl" << 'PYTHON'
import json, pathlib, sys, zlib

path = pathlib.Path(sys.argv[1])
lines = path.read_text().splitlines()
for place, line in enumerate(lines):
    record = json.loads(line)
    if record["event"] == "commit" and record["phase"] == "fine-tune" and record["step"] == 3:
        text, check = line.rsplit(',"crc":"', 1)
        first, *others = record["examples"]
        text = text.replace(f'"examples":[{first},', f'"examples":[{others[0]},')
        lines[place] = f'{text},"crc":"{zlib.crc32(text.encode()):08x}"}}'
path.write_text("\n".join(lines) + "\n")
PYTHON
run_to "$SCRATCH/bent.log" 1 "$LORADROP" inspect --ledger "$SCRATCH/bent"
says "$SCRATCH/bent.log" "FAULT: epoch 1 of the fine-tune used example"
