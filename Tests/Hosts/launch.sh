#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Four machines, one command: the adapter has the bytes of one worker on one machine, and nothing is left running.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/hosts.bash"

python3 "$here/../EndToEnd/tiny_run.py" "$vectors" "$SCRATCH"
run_to "$SCRATCH/one.log" 0 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --workers 1 --output-dir "$SCRATCH/one"
expected=$(adapter_sum "$SCRATCH/one")
echo "one worker: $expected"

for i in 1 2 3; do make_host "h$i" "10.77.0.1$i" "$SCRATCH/model"; done
# It has no model, and fetches it from the coordinator.
make_host h4 10.77.0.14
printf '# four machines\nh1\nh2 slots=2\nh3 # the slow one\nh4\n' > "$SCRATCH/hosts"

# same FOLDER LOG: the run ended as one worker would have ended it, and everywhere.
same() {
    [ "$(adapter_sum "$1")" = "$expected" ] || { cat "$2"; fail "$1 has other bytes than one worker's"; }
    none_left
    none_recorded_runs
}

echo "what would be done"
"$launch" --dry-run --env EXTRA='a b' > "$SCRATCH/dry.log"
says "$SCRATCH/dry.log" "ssh -T" "-- h2 " "supervise start" "EXTRA=" "2 slots"
[ -z "$(ours)" ] || fail "a dry run started something"
on h1 test ! -e "$home/.loradrop" || fail "a dry run wrote to a host"

echo "refusals"
printf 'h1\nh1\n' > "$SCRATCH/twice"
run_to "$SCRATCH/twice.log" 2 "$launch" --hostfile "$SCRATCH/twice"
says "$SCRATCH/twice.log" "twice:2: the host h1 stands in line 1 already"
run_to "$SCRATCH/more.log" 2 "$launch" --workers 5
says "$SCRATCH/more.log" "has 4 hosts and cluster.workers is 5"

echo "a host without the model, where it has to be there: the doctor says so, and nothing is started"
make_host h5 10.77.0.15
printf 'h5\n' > "$SCRATCH/lacking"
DOCTOR='' run_to "$SCRATCH/lacking.log" 1 "$launch" --hostfile "$SCRATCH/lacking" --require-model \
    --output-dir "$SCRATCH/lacking-out"
says "$SCRATCH/lacking.log" "examining the hosts" "h5" "model" "the doctor found what would keep the run from working"
[ ! -e "$SCRATCH/lacking-out" ] || fail "a refused run made its folder"
none_left

echo "four hosts"
run_to "$SCRATCH/four.log" 0 "$launch" --output-dir "$SCRATCH/four" --run four --env EXTRA='a b'
says "$SCRATCH/four.log" "h4: installing" "h2 (worker-1), 2 slots" "the roster of generation 1" "worker-3 at 10.77.0.14:"
same "$SCRATCH/four" "$SCRATCH/four.log"
on h4 test ! -e "$SCRATCH/model" || fail "h4 has the model's folder, and there was nothing to fetch"
on h4 find "$home/.cache/loradrop" -name model.safetensors | grep -q . || fail "h4 has no copy of the model"
on h3 find "$home/.loradrop" -name '*.key' | grep . && fail "a key is left on a host after the run"
[ "$(find "$home/.loradrop" -name 'worker-*.key' | wc -l)" = 0 ] || fail "a worker's key is on the launcher's machine"

echo "a release that was tampered with is replaced; one that is whole is not sent again"
on h1 bash -c "echo >> $home/.loradrop/releases/*/LICENSE"
on h2 rm -rf "$home/.loradrop/releases"
run_to "$SCRATCH/again.log" 0 "$launch" --output-dir "$SCRATCH/again"
says "$SCRATCH/again.log" "h1: installing" "h2: installing"
grep -q "h3: installing" "$SCRATCH/again.log" && fail "a whole release was sent again"
same "$SCRATCH/again" "$SCRATCH/again.log"

echo "one host at 50 Mbit/s"
tc qdisc add dev port-h3 root tbf rate 50mbit burst 64kb latency 100ms
on h3 tc qdisc add dev net0 root tbf rate 50mbit burst 64kb latency 100ms
run_to "$SCRATCH/slow.log" 0 "$launch" --output-dir "$SCRATCH/slow"
same "$SCRATCH/slow" "$SCRATCH/slow.log"

echo "a host that is not there is named, and nothing is left on the others"
printf 'h1\nh2\nh9\n' > "$SCRATCH/absent"
run_to "$SCRATCH/absent.log" 1 "$launch" --hostfile "$SCRATCH/absent" --output-dir "$SCRATCH/absent-out"
says "$SCRATCH/absent.log" "h9: ssh failed"
none_left
none_recorded_runs
