#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# What ends a run, and what a run is not ended by: workers that die or fall silent, strangers, and folders and ports
# that are taken.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

python3 "$here/tiny_run.py" "$vectors" "$SCRATCH"

# begin NAME ARGUMENT...: simulates a run in the background that takes far longer than what is done to it, and in which
# nobody is started again; sets `id`,
# `log` and `out`.
begin() {
    out=$SCRATCH/$1
    log=$out.log
    shift
    "$LORADROP" simulate --config "$SCRATCH/run.yaml" --max-restarts 0 --output-dir "$out" "$@" > "$log" 2>&1 &
    id=$!
    started+=("$id")
}

echo "a worker is killed"
# Checkpoints every 50 steps: the kill comes after the first, and the resumed run has the bytes of an undisturbed one.
for epochs in 100 1000 8000; do
    length=(--training.epochs "$epochs" --training.save-strategy steps --training.save-steps 50
        --training.evaluation-strategy no)
    begin "killed-$epochs" --workers 3 "${length[@]}"
    until_true grep -qE '^fine-tune +(6[0-9]|[0-9]{3,})/' "$log"
    kill -KILL "$(process_of worker-1 "$log")" || true
    until_true has_ended "$id"
    # A machine may be so quick that the run was over before.
    [ -e "$out/all_results.json" ] || break
done
ended_with "$id" 1 "$log"
says "$log" "worker-1" "error:"
grep -E '^error: .*worker-1.*(signal 9|lost)' "$log" || { cat "$log"; fail "the error does not say how worker-1 ended"; }
[ ! -e "$out/adapter" ] || fail "a failed run has an adapter"
says "$log" "the run has failed" "killed by signal 9 (SIGKILL)" "to try"
run_to "$log.check" 0 "$LORADROP" logs "$out" --check
run_to "$log.end" 0 "$LORADROP" logs "$out" --worker 1 --level error
says "$log.end" "killed by signal 9"
run_to "$log.resumed" 0 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --output-dir "$out" --workers 2 "${length[@]}"
says "$log.resumed" " from step "
run_to "$log.check" 0 "$LORADROP" logs "$out" --check
run_to "$log.whole" 0 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --output-dir "$out-whole" --workers 1 "${length[@]}"
[ "$(adapter_sum "$out")" = "$(adapter_sum "$out-whole")" ] || fail "resumed after a death: other bytes than undisturbed"

echo "a worker is stopped"
begin silent --workers 2 --training.epochs 1000000 --cluster.silence-timeout 3 --cluster.shutdown-timeout 1 \
    --cluster.rejoin-timeout 2
until_true grep -qE '^fine-tune +[0-9]+/' "$log"
kill -STOP "$(process_of worker-0 "$log")"
ended_with "$id" 1 "$log"
grep -E '^error: .*worker-0.*nothing was heard' "$log" || { cat "$log"; fail "the silent worker is not named"; }

echo "folders that are taken"
begin owner --workers 1 --training.epochs 1000000
until_true grep -qE '^probe +[0-9]+/' "$log"
run_to "$SCRATCH/second.log" 1 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --output-dir "$out" \
    --training.epochs 1000000
says "$SCRATCH/second.log" "another coordinator owns the folder" "$out"
kill -INT "$id"
ended_with "$id" 3 "$log"
before=$(cat "$out/config.yaml" "$out/run.json" | sha256sum)
run_to "$SCRATCH/other.log" 1 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --output-dir "$out" --training.seed 9
says "$SCRATCH/other.log" "the folder holds another run" "$out"
run_to "$SCRATCH/again.log" 1 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --output-dir "$out" \
    --training.epochs 1000000 --resume false
says "$SCRATCH/again.log" "the folder holds this run already"
[ "$before" = "$(cat "$out/config.yaml" "$out/run.json" | sha256sum)" ] || fail "a refused run wrote into the folder"

echo "strangers"
certs() { "$LORADROP" certs "$@" > /dev/null; }
good=$SCRATCH/certificates
certs init --dir "$good" --run tiny
certs issue --dir "$good" --role coordinator coordinator
certs issue --dir "$good" --role worker w1 w2
certs init --dir "$SCRATCH/foreign" --run tiny
certs issue --dir "$SCRATCH/foreign" --role worker w1
# The same authority for a name of another role.
certs issue --dir "$good" --role coordinator impostor

out=$SCRATCH/by-hand
log=$out.log
"$LORADROP" coordinator --certificates "$good" --endpoint-file "$SCRATCH/endpoint" --config "$SCRATCH/run.yaml" \
    --output-dir "$out" --workers 2 --cluster.join-timeout 600 > "$log" 2>&1 &
coordinator=$!
started+=("$coordinator")
until_true test -s "$SCRATCH/endpoint"
endpoint=$(cat "$SCRATCH/endpoint")
worker=("$LORADROP" worker --coordinator "$endpoint" --model "$SCRATCH/model" --join-timeout 60)

run_to "$SCRATCH/foreign.log" 1 "${worker[@]}" --certificates "$SCRATCH/foreign" --name w1
says "$SCRATCH/foreign.log" "error:"
run_to "$SCRATCH/impostor.log" 2 "${worker[@]}" --certificates "$good" --name impostor
says "$SCRATCH/impostor.log" "error:" "impostor" "expected worker"
# A file that is of another name: the certificate says who a worker is.
cp "$good/w1.pem" "$good/w9.pem"
cp "$good/w1.key" "$good/w9.key"
run_to "$SCRATCH/renamed.log" 2 "${worker[@]}" --certificates "$good" --name w9
says "$SCRATCH/renamed.log" "error:" "w1" "w9"
rm "$good/w9.pem" "$good/w9.key"
kill -0 "$coordinator" || { cat "$log"; fail "a stranger ended the run"; }

port=${endpoint##*:}
run_to "$SCRATCH/port.log" 1 "$LORADROP" coordinator --certificates "$good" --config "$SCRATCH/run.yaml" \
    --output-dir "$SCRATCH/other-folder" --cluster.port "$port"
says "$SCRATCH/port.log" "error:" "$port" "use"

for name in w1 w2; do
    "$LORADROP" worker --coordinator "$endpoint" --model "$SCRATCH/model" --certificates "$good" --name "$name" \
        > "$SCRATCH/$name.log" 2>&1 &
    started+=("$!")
    declare "$name=$!"
done
ended_with "$coordinator" 0 "$log"
ended_with "$w1" 0 "$SCRATCH/w1.log"
ended_with "$w2" 0 "$SCRATCH/w2.log"
run_to "$SCRATCH/undisturbed.log" 0 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --output-dir "$out-undisturbed"
[ "$(adapter_sum "$out")" = "$(adapter_sum "$out-undisturbed")" ] || fail "by hand: other bytes than simulated"
