#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Whatever is wrong with a file or an option is an error that says where, what was expected and what was found; it ends
# with 2 for the command line and the configuration, with 1 for files; and nothing is written.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

python3 "$here/tiny_run.py" "$vectors" "$SCRATCH"
cd "$SCRATCH"
log=$SCRATCH/log

# refused STATUS TEXT... -- ARGUMENT...: a run with these arguments ends so and says this.
refused() {
    local status=$1 texts=()
    shift
    while [ "$1" != -- ]; do
        texts+=("$1")
        shift
    done
    shift
    echo "  $*"
    run_to "$log" "$status" "$LORADROP" simulate --config run.yaml "$@"
    says "$log" "${texts[@]}"
    grep -qi '^error: ' "$log" || { cat "$log"; fail "no line begins with error:"; }
    [ ! -e out ] || fail "a refused run made its folder"
}

echo "data"
: > empty.tsv
printf 'a cat\t0\nno label\n' > few.tsv
printf 'a cat\t7\n' > unknown.tsv
printf 'a cat\t0\na \377 cat\t1\n' > bytes.tsv
refused 1 "nowhere.tsv: there is no such file" -- --task.train nowhere.tsv
refused 1 "empty.tsv: the file is empty; expected at least one row" -- --task.train empty.tsv
refused 1 "few.tsv:2: expected at least 2 fields" "found 1" -- --task.train few.tsv
refused 1 'unknown.tsv:1: the label "7"' '"0", "1"' -- --task.validation unknown.tsv
refused 1 "bytes.tsv:2: the byte 0xFF" "not UTF-8" -- --task.train bytes.tsv

echo "configuration"
sed 's/^  epochs: 2$/  epoch: 2/' run.yaml > misspelt.yaml
run_to "$log" 2 "$LORADROP" simulate --config misspelt.yaml
says "$log" "misspelt.yaml:" "training.epoch; did you mean training.epochs?"
run_to "$log" 2 "$LORADROP" simulate --config nowhere.yaml
says "$log" "nowhere.yaml" "there is no such file"
refused 2 "there is no such option; did you mean --training.epochs?" -- --trainig.epochs 3
refused 2 "lora.rank: expected a whole number from 1 to 4096" 'found "-1"' -- --lora.rank -1
refused 2 "target module valu matches no projection" "near it: value" -- --lora.target-modules query,valu
run_to "$log" 2 "$LORADROP" certs status --no-such-flag
says "$log" "--no-such-flag"
run_to "$log" 2 "$LORADROP" frobnicate
says "$log" "frobnicate"

echo "base models"
python3 - << 'PYTHON'
import json, pathlib, shutil, struct

name = "bert.encoder.layer.1.attention.self.key.weight"
data = pathlib.Path("model/model.safetensors").read_bytes()
(length,) = struct.unpack("<Q", data[:8])


def write(folder, change):
    header, body = json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])
    body = change(header, body) or body
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    shutil.copytree("model", folder)
    pathlib.Path(folder, "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(body))


def overlap(header, body):
    header[name]["data_offsets"] = [offset - 4 for offset in header[name]["data_offsets"]]


def not_a_number(header, body):
    begin = header[name]["data_offsets"][0]
    body[begin + 8 : begin + 12] = struct.pack("<f", float("nan"))


write("truncated", lambda header, body: body[: len(body) // 2])
write("overlap", overlap)
write("dtype", lambda header, body: header[name].update(dtype="I32"))
write("shape", lambda header, body: header[name].update(shape=[6, 24]))
write("nan", not_a_number)
write("absent", lambda header, body: header.update(renamed=header.pop(name)))
PYTHON
key=bert.encoder.layer.1.attention.self.key.weight
refused 1 "nowhere" -- --model nowhere
refused 1 "truncated/model.safetensors, tensor " "is the download complete?" -- --model truncated
refused 1 "overlap/model.safetensors, tensor $key: its bytes start at" -- --model overlap
refused 1 "dtype/model.safetensors, tensor $key: expected F32, F16 or BF16, found I32" -- --model dtype
refused 1 "tensor $key: expected the shape [12, 12], found [6, 24]" -- --model shape
refused 1 "tensor $key of shape [12, 12]: element 2 is an infinity or not a number" -- --model nan
refused 1 "absent: there is no tensor $key" -- --model absent

echo "a port in use"
python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
time.sleep(600)' > port &
started+=("$!")
until_true test -s port
port=$(cat port)
run_to "$log" 1 "$LORADROP" simulate --config run.yaml --cluster.port "$port" --output-dir taken
says "$log" "error: cannot listen on 127.0.0.1:$port: port $port is in use"
# Nothing of the refused run is left that would have another run refused.
[ "$(ls -A taken)" = run.lock ] || fail "the refused run left in its folder: $(ls -A taken)"
