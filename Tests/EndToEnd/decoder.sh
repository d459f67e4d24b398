#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# A tiny Llama that learns to go on with texts: one adapter, byte for byte, whoever computed it and whether activations
# were kept; then the adapter in use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

python3 "$here/tiny_decoder.py" "$vectors" "$SCRATCH"
first=
# train NAME OPTION...: a run whose adapter must have the bytes of the first one.
train() {
    local name=$1 sum
    shift
    run_to "$SCRATCH/$name.log" 0 "$LORADROP" simulate --config "$SCRATCH/run.yaml" "$@" --output-dir "$SCRATCH/$name"
    sum=$(adapter_sum "$SCRATCH/$name")
    echo "$name $sum"
    first=${first:-$sum}
    [ "$sum" = "$first" ] || fail "$name has other bytes than the first run"
}

train 1x1 --workers 1 --slots 1
train 1x2 --workers 1 --slots 2
train 3x1 --workers 3 --slots 1
train recomputing --workers 2 --slots 1 --training.recompute true
LORADROP_PRODUCT_LEVEL=3 train avx2 --workers 2 --slots 1
says "$SCRATCH/1x1.log" " kept " " shared "

run=$SCRATCH/1x1
grep -qF '"task_type": "CAUSAL_LM"' "$run/adapter/adapter_config.json" || fail "the adapter is not PEFT's of a language model"
grep -qaF 'model.layers.3.self_attn.v_proj.lora_B.weight"' "$run/adapter/adapter_model.safetensors" \
    || fail "no LoRA on v_proj, the family's default"
figure() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }
python3 - "$run" << 'PYTHON' || fail "the perplexity did not fall, or is not that of the loss"
import json, math, pathlib, sys

history = json.loads((pathlib.Path(sys.argv[1]) / "trainer_state.json").read_text())["log_history"]
evaluations = [entry for entry in history if "eval_loss" in entry]
assert len(evaluations) == 2 and evaluations[1]["eval_loss"] < evaluations[0]["eval_loss"], evaluations
assert math.isclose(evaluations[1]["eval_perplexity"], math.exp(evaluations[1]["eval_loss"])), evaluations
PYTHON

use=(--model "$SCRATCH/model" --adapter "$run/adapter" --file "$SCRATCH/dev.jsonl" --config "$SCRATCH/run.yaml")
run_to "$SCRATCH/evaluate.log" 0 "$LORADROP" evaluate "${use[@]}"
[ "$(figure <(tail -1 "$SCRATCH/evaluate.log") eval_loss)" = "$(figure "$run/all_results.json" eval_loss)" ] \
    || fail "evaluate has another loss than the run"
for how in "" "--beams 3" "--temperature 0.8 --top-p 0.9"; do
    # shellcheck disable=SC2086 # the options of one way of generating are several words
    run_to "$SCRATCH/predict.log" 0 "$LORADROP" predict "${use[@]}" --new-tokens 12 $how --output "$SCRATCH/out.jsonl"
    [ "$(wc -l < "$SCRATCH/out.jsonl")" = 20 ] || fail "not a text a row: $how"
done
# Texts of an evaluation are those of predict: two rows of one prompt are two texts, or two references of one.
{ cat "$SCRATCH/dev.jsonl"; head -3 "$SCRATCH/dev.jsonl" | sed 's/"ref": "/&not /'; } > "$SCRATCH/twice.jsonl"
use=(--model "$SCRATCH/model" --adapter "$run/adapter" --file "$SCRATCH/twice.jsonl" --config "$SCRATCH/run.yaml" --beams 2)
run_to "$SCRATCH/predict.log" 0 "$LORADROP" predict "${use[@]}" --new-tokens 12 --output "$SCRATCH/out.jsonl"
run_to "$SCRATCH/texts.log" 0 "$LORADROP" evaluate "${use[@]}" --new-tokens 12 --metric bleu
run_to "$SCRATCH/groups.log" 0 "$LORADROP" evaluate "${use[@]}" --new-tokens 12 --metric bleu --group-references
python3 - "$SCRATCH" << 'PYTHON' || fail "evaluate measures other texts than predict writes"
import json, pathlib, sys

folder = pathlib.Path(sys.argv[1])
read = lambda name: [json.loads(line) for line in (folder / name).read_text().splitlines()]
texts, rows = read("out.jsonl"), read("twice.jsonl")
each, grouped = read("texts.log")[-1], read("groups.log")[-1]
firsts = [place for place, row in enumerate(rows) if row["mr"] not in (one["mr"] for one in rows[:place])]
assert len(rows) == 23 and len(firsts) <= 20, len(firsts)
for name, figures, places in (("each", each, range(23)), ("grouped", grouped, firsts)):
    count = len(places)
    assert figures["eval_texts"] == count and figures["eval_samples"] == 23, (name, figures)
    assert abs(figures["eval_gen_len"] - sum(len(texts[place]["tokens"]) for place in places) / count) < 1e-9, (name, figures)
    right = 0
    for place in places:
        references = [row for row in rows if row["mr"] == rows[place]["mr"]] if name == "grouped" else [rows[place]]
        right += texts[place]["text"].strip() in (row["ref"].strip() for row in references)
    assert abs(figures["eval_exact_match"] - right / count) < 1e-9, (name, figures, right)
    assert {"eval_bleu", "eval_rougeL", "eval_perplexity"} <= set(figures) and figures["eval_chrf"] > 0, figures
assert grouped["eval_loss"] == each["eval_loss"], (each, grouped)
PYTHON
# A run that measures its texts and goes by them: the same bytes and figures, whoever generated what, and those of evaluate.
first=
texts=(--metric chrf --new-tokens 4 --beams 3 --group-references --task.validation "$SCRATCH/twice.jsonl"
    --training.load-best-at-end --training.evaluation-strategy steps --training.evaluation-steps 5)
train texts-1x2 --workers 1 --slots 2 "${texts[@]}"
[ "$first" != "$(adapter_sum "$run")" ] || fail "the best state by chrF is the last one: this tells nothing"
train texts-3x1 --workers 3 --slots 1 "${texts[@]}"
train texts-killed --workers 2 --slots 1 "${texts[@]}" --kill 1@evaluation:2
grep -q "never came to" "$SCRATCH/texts-killed.log" && fail "no worker was killed while it generated"
run_to "$SCRATCH/texts.log" 0 "$LORADROP" evaluate --model "$SCRATCH/model" --adapter "$SCRATCH/texts-1x2/adapter" \
    --file "$SCRATCH/twice.jsonl" --config "$SCRATCH/texts-1x2/config.yaml"
for name in texts-1x2 texts-3x1 texts-killed; do
    for key in eval_bleu eval_chrf eval_rougeL eval_exact_match eval_gen_len eval_texts eval_loss; do
        [ "$(figure <(tail -1 "$SCRATCH/texts.log") $key)" = "$(figure "$SCRATCH/$name/all_results.json" $key)" ] \
            || fail "evaluate has another $key than $name"
    done
done
grep -qF '"eval_chrf"' "$SCRATCH/texts-1x2/trainer_state.json" || fail "the history has no chrF"

run_to "$SCRATCH/merge.log" 0 "$LORADROP" merge --model "$SCRATCH/model" --adapter "$run/adapter" --output "$SCRATCH/merged"
run_to "$SCRATCH/again.log" 0 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --model "$SCRATCH/merged" \
    --training.max-steps 1 --lora-drop.threshold 1 --workers 1 --output-dir "$SCRATCH/again"

# What such a run refuses.
run_to "$SCRATCH/long.log" 1 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --training.max-sequence-length 8 \
    --workers 1 --output-dir "$SCRATCH/long"
says "$SCRATCH/long.log" "leaves no room for a completion"
run_to "$SCRATCH/columns.log" 2 "$LORADROP" simulate --config "$SCRATCH/run.yaml" --task.columns.text mr --workers 1 \
    --output-dir "$SCRATCH/columns"
says "$SCRATCH/columns.log" "a generation has task.prompt and task.completion"
