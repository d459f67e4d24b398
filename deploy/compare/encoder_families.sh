#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# For every family of encoders, on the tiny random models of Tests/Vectors: does PEFT predict what we predict with our
# adapter, does transformers with what `merge` wrote, and do we predict what PEFT predicts with its adapter?
#
#     deploy/compare/encoder_families.sh .venv/bin/python WORK_DIR
#
# LORADROP names the executable, .build/release/loradrop unless it is set. Ends with 1 at the first difference.
set -euo pipefail

python=${1:?the interpreter of an environment with PEFT} work=${2:?a folder for what is made}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
loradrop=${LORADROP:-.build/release/loradrop}
data=deploy/data/uci_sentiment
columns=(--task.header false --task.columns.text 0 --task.columns.label 1)
# Three labels, of which the data has two: as many as the models' own heads, so that logits are of the order of 1.
peer_columns=(--header false --text-column 0 --label-column 1 --max-sequence-length 32 --labels 0,1,2)

for family in bert roberta xlm-roberta distilbert electra; do
    model=Tests/Vectors/$family/models/small
    adapter=$work/$family/run/adapter
    predictions=$work/$family/out.jsonl
    merged=$work/$family/merged
    rm -rf "${work:?}/$family"
    mkdir -p "$work/$family"
    targets=query,value
    [ "$family" != distilbert ] || targets=q_lin,v_lin
    echo "== $family"
    # A rate that moves every tensor far from where it began.
    "$loradrop" simulate --model "$model" --task.train $data/train.tsv "${columns[@]}" --task.labels 0,1,2 --training.max-steps 40 \
        --training.learning-rate 2e-2 --training.max-sequence-length 32 --lora-drop.threshold 0.5 --workers 2 --slots 1 \
        --output-dir "$work/$family/run" > "$work/$family/simulate.log"
    "$loradrop" predict --model "$model" --adapter "$adapter" --file $data/validation.tsv "${columns[@]}" \
        --output "$predictions"
    "$loradrop" merge --model "$model" --adapter "$adapter" --output "$merged"
    "$python" deploy/compare/peft_loads_it.py --model "$model" --adapter "$adapter" --file $data/validation.tsv \
        "${peer_columns[@]}" --predictions "$predictions" --merged "$merged" --tolerance 1e-5
    "$python" deploy/compare/peft_trains_ours_reads.py --loradrop "$loradrop" --model "$model" \
        --train $data/train.tsv --file $data/validation.tsv "${peer_columns[@]}" --target-modules "$targets" \
        --work-dir "$work/$family/peft" --tolerance 1e-5
done
