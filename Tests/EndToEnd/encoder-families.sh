#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# The families of encoders beside BERT: one adapter, byte for byte, whoever computed it; then the adapter in use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# family NAME TARGETS TENSOR...: TARGETS as in run.yaml; each TENSOR is in the adapter, by the end of its name.
family() {
    local name=$1 targets=$2 folder=$SCRATCH/$1 first='' layout out sum tensor
    shift 2
    mkdir -p "$folder"
    python3 "$here/tiny_run.py" "$vectors" "$folder" "$name" "$targets"
    for layout in 1x1 1x2 3x1; do
        out=$folder/$layout
        run_to "$folder/$layout.log" 0 "$LORADROP" simulate --config "$folder/run.yaml" \
            --workers "${layout%x*}" --slots "${layout#*x}" --output-dir "$out"
        sum=$(adapter_sum "$out")
        echo "$name $layout $sum"
        first=${first:-$sum}
        [ "$sum" = "$first" ] || fail "$name: $layout has other bytes than 1x1"
    done
    says "$folder/1x1.log" " kept " " shared "
    for tensor in "$@"; do
        grep -qaF "$tensor\"" "$folder/1x1/adapter/adapter_model.safetensors" || fail "$name: no tensor …$tensor"
    done

    local use=(--model "$folder/model" --adapter "$folder/1x1/adapter")
    local data=(--file "$folder/dev.tsv" --task.header false --task.columns.text 0 --task.columns.label 1)
    run_to "$folder/inspect.log" 0 "$LORADROP" inspect "$folder/1x1"
    says "$folder/inspect.log" "kept layers" "shared LoRA"
    run_to "$folder/evaluate.log" 0 "$LORADROP" evaluate "${use[@]}" "${data[@]}" --metric accuracy
    says "$folder/evaluate.log" '"eval_samples":20'
    run_to "$folder/predict.log" 0 "$LORADROP" predict "${use[@]}" "${data[@]}" --output "$folder/out.jsonl"
    [ "$(wc -l < "$folder/out.jsonl")" = 20 ] || fail "$name: not a prediction a row"
    run_to "$folder/merge.log" 0 "$LORADROP" merge "${use[@]}" --output "$folder/merged"
    # What was merged is a base model of the family again.
    run_to "$folder/again.log" 0 "$LORADROP" simulate --config "$folder/run.yaml" --model "$folder/merged" \
        --training.max-steps 1 --lora-drop.threshold 1 --workers 1 --output-dir "$folder/again"
}

family roberta "query, value, output.dense" classifier.dense.weight classifier.out_proj.bias \
    roberta.encoder.layer.3.attention.self.query.lora_A.weight
family distilbert "q_lin, v_lin, out_lin, lin2" pre_classifier.weight classifier.bias \
    distilbert.transformer.layer.3.ffn.lin2.lora_B.weight
family electra "query, value" classifier.dense.bias classifier.out_proj.weight \
    electra.encoder.layer.3.attention.self.value.lora_B.weight

# Two of the 42 rows of RoBERTa's position table are never a token's.
run_to "$SCRATCH/long.log" 2 "$LORADROP" simulate --config "$SCRATCH/roberta/run.yaml" \
    --training.max-sequence-length 41 --workers 1 --output-dir "$SCRATCH/long"
says "$SCRATCH/long.log" "training.max_sequence_length is 41, the model has positions for 40 tokens"
