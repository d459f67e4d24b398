#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Workers whose hosts lack the base model fetch it from the coordinator: torn transfers go on, wrong bytes and full disks
# are errors, one host fetches once, and the run has the bytes of one where everybody had the model. Another build of the
# program is refused.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

python3 "$here/tiny_run.py" "$vectors" "$SCRATCH"
cd "$SCRATCH"

# Four mebibytes more, in a tensor that nobody reads, so that the model travels in several pieces.
python3 - << 'PYTHON'
import json, pathlib, struct

path = pathlib.Path("model/model.safetensors")
data = path.read_bytes()
(length,) = struct.unpack("<Q", data[:8])
header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
padding = bytes(4 << 20)
header["unread"] = {"dtype": "F32", "shape": [1 << 20], "data_offsets": [len(body), len(body) + len(padding)]}
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
path.write_bytes(struct.pack("<Q", len(text)) + text + body + padding)
PYTHON

certificates=$SCRATCH/certificates
"$LORADROP" certs init --dir "$certificates" --run tiny > /dev/null
"$LORADROP" certs issue --dir "$certificates" --role coordinator coordinator > /dev/null
"$LORADROP" certs issue --dir "$certificates" --role worker w1 w2 > /dev/null

# coordinate NAME: a coordinator that waits for two workers; sets `coordinator`, `endpoint` and `out`.
coordinate() {
    out=$SCRATCH/$1
    rm -f endpoint
    "$LORADROP" coordinator --certificates "$certificates" --endpoint-file endpoint --config run.yaml \
        --output-dir "$out" --workers 2 --cluster.join-timeout 600 > "$out.log" 2>&1 &
    coordinator=$!
    started+=("$coordinator")
    until_true test -s endpoint
    endpoint=$(cat endpoint)
}

# work NAME ARGUMENT...: a worker in the background; sets `id`.
work() {
    local name=$1
    shift
    "$LORADROP" worker --coordinator "$endpoint" --certificates "$certificates" --name "$name" --cache cache "$@" \
        > "$name.log" 2>&1 &
    id=$!
    started+=("$id")
}

fetches() { grep -cE '"event": ?"model-fetched"' "$out/logs/coordinator.jsonl" || true; }

coordinate first

echo "another build"
cp "$LORADROP" other-build
printf x >> other-build
run_to w1.log 1 ./other-build worker --coordinator "$endpoint" --certificates "$certificates" --name w1 --model model
sums=$(grep -oE 'build [0-9a-f]{16}' w1.log | sort -u | wc -l)
says w1.log "error:" "install the same build on every host"
[ "$sums" = 2 ] || { cat w1.log; fail "not both builds are named"; }
[ "$("$LORADROP" --version)" != "$(./other-build --version)" ] || fail "both builds have one name"

echo "a full disk"
# Without the signal that the limit sends: a write beyond it then fails as one to a full disk does.
work_limited=(bash -c 'trap "" XFSZ && ulimit -f 2048 && exec "$@"' limited "$LORADROP" worker --coordinator "$endpoint"
    --certificates "$certificates" --name w1 --cache cache)
run_to w1.log 1 "${work_limited[@]}"
says w1.log "error:" "bytes have come and stay" "--cache"
partial=$(echo cache/models/*.partial)
[ "$(stat -c %s "$partial/model.safetensors")" = $((2048 * 1024)) ] || fail "what had come is not there"
[ ! -e "${partial%.partial}" ] || fail "half a model has a model's name"

echo "wrong bytes"
# The coordinator's file changes after it was listed.
byte() { printf '%b' "$1" | dd of=model/model.safetensors bs=1 seek=$((4 << 20)) conv=notrunc status=none; }
before=$(sha256sum < model/model.safetensors)
byte '\x01'
[ "$before" != "$(sha256sum < model/model.safetensors)" ] || fail "the file did not change"
run_to w1.log 1 "$LORADROP" worker --coordinator "$endpoint" --certificates "$certificates" --name w1 --cache cache
says w1.log "error:" "model.safetensors: expected the SHA-256" "once more"
[ ! -e "$partial/model.safetensors" ] && [ ! -e "${partial%.partial}" ] || fail "wrong bytes were kept"
byte '\x00'
[ "$before" = "$(sha256sum < model/model.safetensors)" ] || fail "the file is not what it was"

echo "a torn transfer goes on where it was"
run_to w1.log 1 "${work_limited[@]}"
count=$(fetches)
work w1
w1=$id
until_true grep -qF "bytes are there from an earlier transfer" w1.log
until_true grep -qF "using the model in" w1.log
cmp model/model.safetensors "${partial%.partial}/model.safetensors" || fail "another model than the coordinator's"
cmp model/config.json "${partial%.partial}/config.json" || fail "another config.json than the coordinator's"
[ ! -e "$partial" ] || fail "the partial model is still there"

echo "a host that has the model already does not fetch it, whatever else it has"
work w2 --model "$vectors/bert/models/pairs"
w2=$id
ended_with "$coordinator" 0 "$out.log"
ended_with "$w1" 0 w1.log
ended_with "$w2" 0 w2.log
says w2.log "has the fingerprint" "using the model in"
[ "$(fetches)" = $((count + 1)) ] || { cat "$out/logs/coordinator.jsonl"; fail "the model was fetched more than once"; }
run_to undisturbed.log 0 "$LORADROP" simulate --config run.yaml --output-dir undisturbed
sum=$(adapter_sum undisturbed)
[ "$(adapter_sum "$out")" = "$sum" ] || fail "with a fetched model: other bytes than with the coordinator's"

echo "two workers of a host fetch once, also what was damaged"
coordinate second
printf ' ' >> "$(echo cache/models/*/config.json)"
work w1 --model nowhere
w1=$id
work w2
w2=$id
ended_with "$coordinator" 0 "$out.log"
ended_with "$w1" 0 w1.log
ended_with "$w2" 0 w2.log
says w1.log "there is no model in nowhere"
[ "$(cat w1.log w2.log | grep -c 'is damaged: fetching the model again')" = 1 ] || fail "not fetched again by one of them"
[ "$(fetches)" = 1 ] || { cat "$out/logs/coordinator.jsonl"; fail "$(fetches) transfers"; }
[ "$(adapter_sum "$out")" = "$sum" ] || fail "with a model fetched again: other bytes"
