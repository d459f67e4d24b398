#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# What happens to machines: a process is killed, a link is down for 10 s, two hosts lose each other, a host vanishes. The
# run ends with the bytes of the undisturbed one-worker run, and nothing is left where a machine is left.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/hosts.bash"

python3 "$here/../EndToEnd/tiny_run.py" "$vectors" "$SCRATCH"
long=(--training.epochs 300)
run_to "$SCRATCH/one.log" 0 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --workers 1 --output-dir "$SCRATCH/one" \
    "${long[@]}"
expected=$(adapter_sum "$SCRATCH/one")
for i in 1 2 3 4; do make_host "h$i" "10.77.0.1$i" "$SCRATCH/model"; done
printf 'h1\nh2 slots=2\nh3\nh4\n' > "$SCRATCH/hosts"

# begin NAME ARGUMENT...: a launch in the background, in the midst of the fine-tuning when this returns.
begin() {
    local name=$1
    shift
    log=$SCRATCH/$name.log
    out=$SCRATCH/$name
    "$launch" --output-dir "$out" --run "$name" "${long[@]}" --cluster.silence-timeout 3 --workers 4 --min-workers 3 "$@" \
        > "$log" 2>&1 &
    id=$!
    started+=("$id")
    until_true grep -qsE "fine-tune +[0-9]+/" "$log"
    ! has_ended "$id" || { cat "$log"; fail "$name ended before anything could happen to it"; }
}

# same: the launch in the background ends well, with the bytes of one worker.
same() {
    local deadline=$((SECONDS + 240)) status=0
    until has_ended "$id"; do
        [ "$SECONDS" -lt "$deadline" ] || { cat "$log"; fail "no end within four minutes"; }
        sleep 0.1
    done
    wait "$id" || status=$?
    [ "$status" = 0 ] || { cat "$log"; fail "expected exit code 0, found $status"; }
    [ "$(adapter_sum "$out")" = "$expected" ] || { cat "$log"; fail "$out has other bytes than one worker's"; }
    none_left
    none_recorded_runs
    echo "  equal bytes, nothing left"
}

# process_on HOST NAME: the recorded process there.
process_on() {
    on "$1" bash -c "sed -E 's/.*\"processID\":([0-9]+).*/\1/' ~/.loradrop/runs/*/*/*/$2.process.json"
}

echo "a worker is killed: its supervisor starts it again"
begin killed-worker
kill -KILL "$(process_on h3 worker-2)"
same
says "$log" "h3 (worker-2): killed by signal 9" "restart 1 of 3"

echo "the coordinator is killed: its supervisor starts it again, where it was"
begin killed-coordinator
kill -KILL "$(sed -E 's/.*"processID":([0-9]+).*/\1/' "$home"/.loradrop/runs/killed-coordinator/launches/*/coordinator.process.json)"
same
says "$log" "coordinator: killed by signal 9"

echo "a link is down for 10 s"
begin link-down
ip link set port-h2 down
sleep 10
ip link set port-h2 up
same

echo "two hosts lose each other, and reach all the others"
begin apart --cluster.link-timeout 4 --cluster.step-timeout-floor 4
on h3 ip route add blackhole 10.77.0.14
on h4 ip route add blackhole 10.77.0.13
same
says "$log" "did not get all data links" "others have no data link with it, and the run goes on without it for a while"
on h3 ip route del blackhole 10.77.0.14
on h4 ip route del blackhole 10.77.0.13

echo "a host vanishes"
begin vanished --host-timeout 5
ip link set port-h4 down
network=$(readlink "/proc/${holder[h4]}/ns/net")
for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/ns/net" 2> /dev/null)" = "$network" ]; then kill -KILL "$(basename "$process")" || true; fi
done
unset 'holder[h4]'
same
says "$log" "h4 (worker-3): "
