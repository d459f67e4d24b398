#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# A hostile network: a coordinator and two workers train while others send garbage, leave handshakes half done, open two
# thousand idle connections to each port, and use certificates that are not theirs to use. Training goes on to the bytes
# of an undisturbed run, memory stays bounded, and the log says what was refused.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

python3 "$here/tiny_run.py" "$vectors" "$SCRATCH"
hostile=(python3 "$here/hostile_client.py")
# What strangers may cost a process, in KiB.
allowance=$((96 * 1024))
length=(--training.epochs 40 --training.evaluation-strategy no)

certs() { "$LORADROP" certs "$@" > /dev/null; }
good=$SCRATCH/certificates
# An authority that serves more than one run: only the identity tells their members apart.
certs init --dir "$good"
certs issue --dir "$good" --run tiny --role coordinator coordinator impostor
certs issue --dir "$good" --run tiny --role worker w1 w2 w3
certs issue --dir "$good" --run other --role worker neighbour
# Another authority for the same run and name; it certifies no other run.
certs init --dir "$SCRATCH/foreign" --run tiny
certs issue --dir "$SCRATCH/foreign" --role worker w1
run_to "$SCRATCH/certs.log" 1 "$LORADROP" certs issue --dir "$SCRATCH/foreign" --role worker --run other w9
# A certificate of the run's own authority whose hour is over.
faketime -f -10h "$LORADROP" certs issue --dir "$good" --run tiny --role worker --hours 1 late > /dev/null

free_ports() {
    python3 -c 'import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*[s.getsockname()[1] for s in sockets])' "$1"
}

# watch ID FILE: the largest resident size that a process reached, in KiB, as long as it runs.
watch() {
    while :; do
        sed -nE 's/^VmHWM:\s+([0-9]+) kB/\1/p' "/proc/$1/status" > "$2.part" 2> /dev/null || return 0
        [ -s "$2.part" ] || return 0
        mv "$2.part" "$2"
        sleep 0.1
    done
}

# background FILE COMMAND...: starts a command; its output goes to FILE; sets `id`.
background() {
    local file=$1
    shift
    "$@" > "$file" 2>&1 &
    id=$!
    started+=("$id")
}

# start_coordinator NAME / start_workers NAME: a run by hand; sets `coordinator`, `endpoint`, `w1`, `w2`.
start_coordinator() {
    rm -f "$SCRATCH/endpoint"
    background "$SCRATCH/$1.log" "$LORADROP" coordinator --certificates "$good" --endpoint-file "$SCRATCH/endpoint" \
        --config "$SCRATCH/run.yaml" --output-dir "$SCRATCH/$1" --workers 2 --cluster.join-timeout 600 "${length[@]}"
    coordinator=$id
    background /dev/null watch "$coordinator" "$SCRATCH/$1.coordinator.peak"
    until_true test -s "$SCRATCH/endpoint"
    endpoint=$(cat "$SCRATCH/endpoint")
}
start_workers() {
    local name
    for name in w1 w2; do
        local port=port_$name
        background "$SCRATCH/$1.$name.log" "$LORADROP" worker --coordinator "$endpoint" --model "$SCRATCH/model" \
            --certificates "$good" --name "$name" --port "${!port}"
        declare -g "$name=$id"
        background /dev/null watch "$id" "$SCRATCH/$1.$name.peak"
    done
}
end_run() {
    # Three minutes: strangers take their part of a small machine's time.
    local deadline=$((SECONDS + 180))
    until has_ended "$coordinator"; do
        [ "$SECONDS" -lt "$deadline" ] || { tail -n 40 "$SCRATCH/$1.log"; fail "$1 does not end"; }
        sleep 0.1
    done
    ended_with "$coordinator" 0 "$SCRATCH/$1.log"
    ended_with "$w1" 0 "$SCRATCH/$1.w1.log"
    ended_with "$w2" 0 "$SCRATCH/$1.w2.log"
}

echo "undisturbed"
read -r port_w1 port_w2 <<< "$(free_ports 2)"
start_coordinator quiet
start_workers quiet
end_run quiet

echo "strangers, before anybody has joined"
read -r port_w1 port_w2 <<< "$(free_ports 2)"
start_coordinator attacked
attackers=()
attack() {
    background "$@"
    attackers+=("$id")
}
attack "$SCRATCH/garbage.log" "${hostile[@]}" garbage "$endpoint"
attack "$SCRATCH/half-open.log" "${hostile[@]}" half-open "$endpoint" 300
attack "$SCRATCH/idle.log" "${hostile[@]}" idle "$endpoint" 2000
until_true grep -q 'opened' "$SCRATCH/idle.log"
until_true grep -q '100' "$SCRATCH/garbage.log"

log=$SCRATCH/attacked/logs/all.jsonl

# refused WORDS CERTIFICATES NAME: this member does not get in, and the log says why. More than one attempt: a handshake may
# have to give way to strangers, and a refusal may be one of many that are only counted.
refused() {
    local attempt
    for attempt in {1..60}; do
        run_to "$SCRATCH/member.log" 0 "${hostile[@]}" member "$endpoint" "$2" "$3"
        says "$SCRATCH/member.log" "refused:"
        ! grep -qF -- "$1" "$log" || { echo "  refused: $1"; return 0; }
        sleep 0.3
    done
    fail "the log does not say: $1"
}
refused "issued by another certificate authority" "$SCRATCH/foreign" w1
refused "it belongs to another run" "$good" neighbour
refused "expired at" "$good" late
refused "it has another role" "$good" impostor
echo "frames with every field at its limits"
run_to "$SCRATCH/frames.log" 0 "${hostile[@]}" frames "$endpoint" "$good" w3
cat "$SCRATCH/frames.log"
kill -0 "$coordinator" || { cat "$SCRATCH/attacked.log"; fail "strangers ended the run"; }

echo "a worker does not take another worker for the coordinator"
attack "$SCRATCH/serve.log" "${hostile[@]}" serve "$good" w3 "$SCRATCH/serve.endpoint"
until_true test -s "$SCRATCH/serve.endpoint"
run_to "$SCRATCH/serve-worker.log" 1 "$LORADROP" worker --coordinator "$(cat "$SCRATCH/serve.endpoint")" \
    --model "$SCRATCH/model" --certificates "$good" --name w1 --join-timeout 10
says "$SCRATCH/serve-worker.log" "another role" 'worker "w3"'

echo "every certificate is renewed, the authority's too, while the coordinator runs"
cp -r "$good" "$SCRATCH/stolen"
certs renew-authority --dir "$good"
certs renew --dir "$good" coordinator w1 w2
certs retire-authorities --dir "$good"
before=$(grep -cF "issued by another certificate authority" "$log")
refused_again() { [ "$(grep -cF "issued by another certificate authority" "$log")" -gt "$before" ]; }
for _ in {1..60}; do
    run_to "$SCRATCH/member.log" 0 "${hostile[@]}" member "$endpoint" "$SCRATCH/stolen" w3
    if grep -q "refused:" "$SCRATCH/member.log" && refused_again; then break; fi
    sleep 0.3
done
refused_again || fail "a certificate of the retired authority is not refused"
echo "  refused: a certificate of the retired authority"

echo "the run, with strangers at every port"
for port in "$port_w1" "$port_w2"; do
    attack "$SCRATCH/garbage-$port.log" "${hostile[@]}" garbage "127.0.0.1:$port"
    attack "$SCRATCH/half-open-$port.log" "${hostile[@]}" half-open "127.0.0.1:$port" 300
    attack "$SCRATCH/idle-$port.log" "${hostile[@]}" idle "127.0.0.1:$port" 2000
done
start_workers attacked
until_true grep -qE '^fine-tune +[0-9]+/' "$SCRATCH/attacked.log"
# A member that is not in the roster, at a worker's port; a worker that has joined already, once more.
run_to "$SCRATCH/member.log" 0 "${hostile[@]}" member "127.0.0.1:$port_w1" "$SCRATCH/stolen" w3
end_run attacked
for id in "${attackers[@]}"; do kill "$id" 2> /dev/null || true; done

[ "$(adapter_sum "$SCRATCH/attacked")" = "$(adapter_sum "$SCRATCH/quiet")" ] || fail "attacked: other bytes than undisturbed"
says "$log" "issued by another certificate authority" "it belongs to another run" "expired at" "it has another role" \
    "is not TLS" "gave way to a newer caller" "has no place on a link"
bytes=$(stat -c %s "$log")
quiet=$(stat -c %s "$SCRATCH/quiet/logs/all.jsonl")
[ "$bytes" -lt $((quiet + 4 * 1024 * 1024)) ] || fail "strangers filled the log: $bytes bytes, undisturbed $quiet"
for process in coordinator w1 w2; do
    peak=$(cat "$SCRATCH/attacked.$process.peak")
    base=$(cat "$SCRATCH/quiet.$process.peak")
    echo "  $process: at most $peak KiB, undisturbed $base KiB"
    [ "$peak" -lt $((base + allowance)) ] || fail "strangers cost $process $((peak - base)) KiB"
done
