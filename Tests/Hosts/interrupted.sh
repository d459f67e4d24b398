#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Whenever and however deploy/launch.sh is interrupted, no process of its own is left on any machine; killed, it leaves a
# run that goes on, which status, attach and stop find.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/hosts.bash"

python3 "$here/../EndToEnd/tiny_run.py" "$vectors" "$SCRATCH"
for i in 1 2; do make_host "h$i" "10.77.0.1$i" "$SCRATCH/model"; done
printf 'h1\nh2 slots=2\n' > "$SCRATCH/hosts"
# Long enough to be interrupted at any point.
long=(--training.epochs 3000)

# begin NAME: a launch in the background; its id is in `id`, what it prints in `log`. The script becomes the launcher, so
# the id stays. A shell lets its background commands ignore INT, and whoever started it may ignore HUP; a terminal does not.
begin() {
    log=$SCRATCH/$1.log
    env --default-signal=INT,HUP "$launch" --output-dir "$SCRATCH/$1" --run "$1" "${long[@]}" > "$log" 2>&1 &
    id=$!
    started+=("$id")
}

# interrupt NAME SIGNAL WHEN...: WHEN is a command that waits for the moment.
interrupt() {
    local name=$1 signal=$2
    shift 2
    begin "$name"
    "$@"
    kill "-$signal" "$id" 2> /dev/null || true
    until_true has_ended "$id"
    none_left
    none_recorded_runs
    echo "  $name: nothing left; it said: $(tail -n 1 "$log")"
}

prints() { until_true grep -qsE "$1" "$log"; }

echo "by what it says"
n=0
for moment in 'run .* on 2 hosts' 'installing' 'preparing' 'listening' '\(worker-1\)' 'roster' 'probe +[0-9]+/' 'fine-tune +[0-9]+/'; do
    n=$((n + 1))
    signals=(INT TERM HUP)
    # Where the release is already there it is installed anew.
    [ "$moment" = installing ] && on h2 rm -rf "$home/.loradrop/releases"
    interrupt "said-$n" "${signals[n % 3]}" prints "$moment"
done
says "$log" "the state is saved"

echo "by the clock"
for tenths in 2 5 10 15 20 22 24 26 28 30 32 35 38 42 46 50 60; do
    interrupt "after-$tenths" INT sleep "$(printf '%d.%d' $((tenths / 10)) $((tenths % 10)))"
done

echo "twice: at once"
begin twice
prints 'fine-tune +[0-9]+/'
kill -INT "$id"
kill -INT "$id"
until_true has_ended "$id"
none_left

echo "killed: the run goes on"
begin orphan
prints 'fine-tune +[0-9]+/'
kill -KILL "$id"
until_true has_ended "$id"
cli=$(echo "$home"/.loradrop/releases/*/loradrop)
run_to "$SCRATCH/status.log" 0 "$cli" status orphan
says "$SCRATCH/status.log" "running" "launcher     gone" "h1 (worker-0)  process" "runs"
run_to "$SCRATCH/all.log" 0 "$cli" status
says "$SCRATCH/all.log" "orphan  running" "said-8  stopped"
"$cli" attach orphan > "$SCRATCH/attach.log" 2>&1 &
attached=$!
started+=("$attached")
until_true grep -qE 'fine-tune +[0-9]+/' "$SCRATCH/attach.log"
kill -INT "$attached"
ended_with "$attached" 0 "$SCRATCH/attach.log"
says "$SCRATCH/attach.log" "the run goes on"
run_to "$SCRATCH/again.log" 2 "$launch" --output-dir "$SCRATCH/orphan" --run orphan
says "$SCRATCH/again.log" "is going on" "loradrop attach orphan"
run_to "$SCRATCH/stop.log" 0 "$cli" stop orphan
says "$SCRATCH/stop.log" "orphan has ended"
says "$home/.loradrop/runs/orphan/launches/"*/coordinator.out "the state is saved"
none_left
none_recorded_runs
run_to "$SCRATCH/stopped.log" 1 "$cli" status orphan
says "$SCRATCH/stopped.log" "stopped"
