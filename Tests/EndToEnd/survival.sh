#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Whatever happens to workers and coordinator on the way, the adapter has the bytes of a run that nobody disturbed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

python3 "$here/tiny_run.py" "$vectors" "$SCRATCH"
certificates=$SCRATCH/certificates
"$LORADROP" certs init --dir "$certificates" --run tiny > /dev/null
"$LORADROP" certs issue --dir "$certificates" --role coordinator coordinator > /dev/null
"$LORADROP" certs issue --dir "$certificates" --role worker w0 w1 w2 > /dev/null

# Long enough for what is done to it; how long that takes on the machine does not matter.
epochs=400
settings=(--config "$SCRATCH/run.yaml" --training.epochs "$epochs" --training.save-strategy steps --training.save-steps 100
    --training.evaluation-strategy steps --training.evaluation-steps 300 --log.level debug
    --cluster.silence-timeout 4 --cluster.rejoin-timeout 60 --cluster.coordinator-timeout 60)

run_to "$SCRATCH/whole.log" 0 "$LORADROP" simulate "${settings[@]}" --output-dir "$SCRATCH/whole" --workers 1
expected=$(adapter_sum "$SCRATCH/whole")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# coordinate NAME ARGUMENT...: a coordinator in the background, again with the same folder where it ran before; sets
# `coordinator`, `out` and `log`.
coordinate() {
    out=$SCRATCH/$1
    log=$out.log
    shift
    "$LORADROP" coordinator --certificates "$certificates" "${settings[@]}" --cluster.port "$port" --output-dir "$out" \
        "$@" >> "$log" 2>&1 &
    coordinator=$!
    started+=("$coordinator")
}

# work NAME ARGUMENT...: a worker in the background; its id is in `worker[NAME]`.
declare -A worker
work() {
    "$LORADROP" worker --coordinator "127.0.0.1:$port" --model "$SCRATCH/model" --certificates "$certificates" \
        --name "$1" --join-timeout 60 "${@:2}" > "$out.$1.log" 2>&1 &
    worker[$1]=$!
    started+=("$!")
}

reached() { until_true grep -qE "^fine-tune +$1[0-9][0-9]/" "$log"; }
rosters() { grep -c '^the roster of generation' "$log"; }
has_rosters() { [ "$(rosters)" -ge "$1" ]; }

ends_well() {
    ended_with "$coordinator" 0 "$log"
    [ "$(adapter_sum "$out")" = "$expected" ] || { tail -n 40 "$log"; fail "$1: other bytes than undisturbed"; }
    for name in "${!worker[@]}"; do
        ended_with "${worker[$name]}" 0 "$out.$name.log"
        unset "worker[$name]"
    done
}

echo "a worker is killed and started again"
coordinate killed --workers 3
for name in w0 w1 w2; do work "$name"; done
reached 1
kill -KILL "${worker[w1]}"
until_true grep -q '^warning: waiting for 1 worker' "$log"
work w1
until_true has_rosters 2
ends_well "killed and started again"

echo "workers are lost, the run goes on with those that are left, and one joins late"
coordinate fewer --workers 3 --min-workers 1
for name in w0 w1 w2; do work "$name"; done
reached 1
kill -KILL "${worker[w0]}"
until_true has_rosters 2
kill -KILL "${worker[w2]}"
until_true has_rosters 3
reached 2
work w2
until_true has_rosters 4
unset "worker[w0]"
ends_well "lost and joined"

echo "a worker is stopped and goes on"
coordinate stopped --workers 2
for name in w0 w1; do work "$name"; done
reached 1
kill -STOP "${worker[w0]}"
until_true grep -q '^warning: w0: nothing was heard from it' "$log"
kill -CONT "${worker[w0]}"
until_true has_rosters 2
ends_well "stopped and continued"

echo "everyone is killed, and the run goes on from its last checkpoint"
coordinate everyone --workers 2
for name in w0 w1; do work "$name"; done
reached 2
kill -KILL "${worker[w0]}" "${worker[w1]}"
until_true grep -q '^warning: waiting for 2 workers' "$log"
for name in w0 w1; do work "$name"; done
ends_well "everyone killed"
says "$log" "nobody is left that holds the state" "going on from the last checkpoint"

echo "the coordinator is killed and started again"
coordinate restarted --workers 2
for name in w0 w1; do work "$name"; done
reached 2
kill -KILL "$coordinator"
until_true has_ended "$coordinator"
coordinate restarted --workers 2
until_true has_rosters 2
ends_well "the coordinator started again"
grep -q 'coordinator_incarnation\|"incarnation":2' "$out/journal.jsonl" || fail "the journal does not tell of the second start"

for fault in count-twice leave-out alter-gradient; do
    echo "wrong sums: $fault"
    coordinate "$fault" --workers 3 --cluster.audit 1
    for name in w0 w2; do work "$name"; done
    work w1 --fault "$fault@120"
    ends_well "$fault"
    # Named at the step, and redone.
    grep -E '^error: .*w1.*step 1(19|20)' "$log" || { grep -E 'error|warning' "$log"; fail "$fault is not named"; }
done

echo "a worker that nobody starts again"
coordinate alone --workers 2 --cluster.rejoin-timeout 2
for name in w0 w1; do work "$name"; done
reached 1
kill -KILL "${worker[w1]}"
ended_with "$coordinator" 1 "$log"
grep -E '^error: .*w1 is lost.*cluster.rejoin_timeout' "$log" || { tail -n 20 "$log"; fail "the error does not say who is missing"; }
[ ! -e "$out/adapter" ] || fail "a failed run has an adapter"
ended_with "${worker[w0]}" 1 "$out.w0.log"
