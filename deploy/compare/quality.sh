#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# The quality table of docs: uci_sentiment with 3 seeds, CoLA with 5.
# usage: quality.sh PYTHON PEER_SCRIPT COLA_FOLDER     after deploy/build.sh and deploy/demo.sh
# PYTHON has requirements.txt installed; COLA_FOLDER holds train.tsv and in_domain_dev.tsv (not ours to ship).
set -euo pipefail
python=${1:?usage: quality.sh PYTHON PEER_SCRIPT COLA_FOLDER}
peer=${2:?usage: quality.sh PYTHON PEER_SCRIPT COLA_FOLDER}
cola=${3:?usage: quality.sh PYTHON PEER_SCRIPT COLA_FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
common=(--loradrop "$root/.build/release/loradrop" --model "$root/models/all-MiniLM-L6-v2" --peer "$peer" --header false
    --epochs 5 --learning-rate 1e-3)

# Both tables are wanted, also if the first one's requirement fails.
status=0
"$python" "$here/quality.py" "${common[@]}" --out "$root/runs/quality/uci_sentiment" --metric accuracy --seeds 1,2,3 \
    --train "$root/deploy/data/uci_sentiment/train.tsv" --validation "$root/deploy/data/uci_sentiment/validation.tsv" \
    --text-column 0 --label-column 1 --require-points 1.5 || status=$?
"$python" "$here/quality.py" "${common[@]}" --out "$root/runs/quality/cola" --metric matthews_correlation \
    --seeds 1,2,3,4,5 --train "$cola/train.tsv" --validation "$cola/in_domain_dev.tsv" \
    --text-column 3 --label-column 1 --require-errors 2 || status=$?
exit "$status"
