#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# A finished adapter in use: predict, evaluate, merge, inspect, logs, and what they refuse. A tiny random model is
# trained for a few steps first; then the run's own figures are what evaluate has to reproduce.
set -euo pipefail

: "${LORADROP:?the executable}" "${SCRATCH:?an empty folder}"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
model=Tests/Vectors/bert/models/pairs
other=Tests/Vectors/bert/models/small
run=$SCRATCH/run
adapter=$run/adapter

fail() {
    echo "FAILED: $1"
    exit 1
}

# expect_code CODE TEXT COMMAND…: the command ends with CODE, says TEXT on standard error, and nothing on standard output.
expect_code() {
    local expected=$1 text=$2 code=0
    shift 2
    "$@" > "$SCRATCH/stdout" 2> "$SCRATCH/stderr" || code=$?
    [ "$code" = "$expected" ] || { cat "$SCRATCH/stderr"; fail "exit code $code instead of $expected: $*"; }
    grep -qF -- "$text" "$SCRATCH/stderr" || { cat "$SCRATCH/stderr"; fail "no \"$text\" on standard error: $*"; }
    [ ! -s "$SCRATCH/stdout" ] || fail "output in spite of the error: $*"
}

# figure KEY FILE: the number under a key of a JSON file.
figure() {
    sed -nE "s/.*\"$1\" ?: ?([-+0-9.e]+).*/\1/p" "$2"
}

# Twenty rows of each kind, of differing lengths.
row=0
for word in good bad; do
    text=""
    for letter in a b c d e f g h i j k l m n o p q r s t; do
        text="$text$letter "
        printf '%s was %s.\t%s\n' "$text" "$word" "$word" >> "$SCRATCH/train.tsv"
        row=$((row + 1))
        if [ $((row % 3)) = 0 ]; then
            printf 'the %s film, %s %s\t%s\n' "$word" "$letter" "$word" "$word" >> "$SCRATCH/validation.tsv"
        fi
    done
done
cut -f 1 "$SCRATCH/validation.tsv" > "$SCRATCH/unlabelled.tsv"
rows=$(wc -l < "$SCRATCH/validation.tsv")

columns=(--task.header false --task.columns.text 0)
labelled=("${columns[@]}" --task.columns.label 1)
lengths=(--training.max-sequence-length 20 --training.shard-tokens 32)
# train FOLDER FLAGS…
train() {
    local folder=$1
    shift
    "$LORADROP" simulate --model "$model" --task.train "$SCRATCH/train.tsv" --task.validation "$SCRATCH/validation.tsv" \
        "${labelled[@]}" "${lengths[@]}" --training.max-steps 6 --training.batch-size 8 --lora-drop.sample-ratio 0.5 \
        --lora-drop.threshold 0.5 --workers 2 --slots 1 --output-dir "$folder" "$@" > "$SCRATCH/simulate.log" 2>&1 \
        || { cat "$SCRATCH/simulate.log"; fail "simulate"; }
}
train "$run"

echo "evaluate gives the figures of a run of split floats, to the last bit"
train "$SCRATCH/split" --training.matmul-precision high
grep -q '"matmul_precision" : "high"' "$SCRATCH/split/adapter/lora_drop.json" || fail "the record does not name the precision"
for flags in "" "--training.matmul-precision highest"; do
    # shellcheck disable=SC2086 # Flags or nothing.
    "$LORADROP" evaluate --model "$model" --adapter "$SCRATCH/split/adapter" --file "$SCRATCH/validation.tsv" \
        "${labelled[@]}" $flags > "$SCRATCH/evaluation.json" 2> "$SCRATCH/stderr"
    found=$(figure eval_loss <(tr ',' '\n' < "$SCRATCH/evaluation.json"))
    expected=$(figure eval_loss "$SCRATCH/split/all_results.json")
    if [ -z "$flags" ]; then
        [ "$found" = "$expected" ] || fail "the loss is '$found', the run has '$expected'"
    else
        [ "$found" != "$expected" ] || fail "with whole floats the loss has the same bits"
    fi
done

echo "evaluate gives the figures of the run, to the last bit"
"$LORADROP" evaluate --model "$model" --adapter "$adapter" --file "$SCRATCH/validation.tsv" "${labelled[@]}" \
    --metric accuracy > "$SCRATCH/evaluation.json" 2> "$SCRATCH/stderr"
[ "$(wc -l < "$SCRATCH/evaluation.json")" = 1 ] || fail "evaluate printed more than one line"
for name in eval_accuracy eval_loss eval_samples; do
    found=$(figure "$name" <(tr ',' '\n' < "$SCRATCH/evaluation.json"))
    expected=$(figure "$name" "$run/all_results.json")
    if [ -z "$found" ] || [ "$found" != "$expected" ]; then
        fail "$name is '$found', the run has '$expected'"
    fi
done

echo "texts are cut as in the training, unless a flag says otherwise"
says_loss() { figure eval_loss <(tr ',' '\n' < "$1"); }
"$LORADROP" evaluate --model "$model" --adapter "$adapter" --file "$SCRATCH/validation.tsv" "${labelled[@]}" \
    --training.max-sequence-length 5 --metric accuracy > "$SCRATCH/shorter.json" 2> "$SCRATCH/stderr"
grep -qF 'rows were cut to 5 tokens' "$SCRATCH/stderr" || fail "the flag does not win"
[ "$(says_loss "$SCRATCH/shorter.json")" != "$(says_loss "$SCRATCH/evaluation.json")" ] || fail "the same loss of other texts"
grep -qF '"max_sequence_length" : 20,' "$adapter/lora_drop.json" || fail "lora_drop.json lacks max_sequence_length"
grep -qF '"shard_tokens" : 32' "$adapter/lora_drop.json" || fail "lora_drop.json lacks shard_tokens"
grep -qF '"shared_lora" : "trained"' "$adapter/lora_drop.json" || fail "lora_drop.json lacks shared_lora"

echo "predict answers each row in order, with labels in the file and without"
"$LORADROP" predict --model "$model" --adapter "$adapter" --file "$SCRATCH/validation.tsv" "${labelled[@]}" \
    --output "$SCRATCH/out.jsonl" > /dev/null 2>&1
"$LORADROP" predict --model "$model" --adapter "$adapter" --file "$SCRATCH/unlabelled.tsv" "${columns[@]}" \
    "${lengths[@]}" --output "$SCRATCH/unlabelled.jsonl" > /dev/null 2>&1
cmp "$SCRATCH/out.jsonl" "$SCRATCH/unlabelled.jsonl" || fail "labels in the file changed the predictions"
[ "$(wc -l < "$SCRATCH/out.jsonl")" = "$rows" ] || fail "not one prediction a row"
form='^\{"index":[0-9]+,"label":"(bad|good)","logits":\[-?[0-9.e-]+,-?[0-9.e-]+\]\}$'
[ "$(grep -cE "$form" "$SCRATCH/out.jsonl")" = "$rows" ] || fail "a prediction of another form"
sed -E 's/.*"index":([0-9]+).*/\1/' "$SCRATCH/out.jsonl" | cmp - <(seq 0 $((rows - 1))) || fail "not in file order"
right=$(paste <(cut -f 2 "$SCRATCH/validation.tsv") <(sed -E 's/.*"label":"([a-z]+)".*/\1/' "$SCRATCH/out.jsonl") |
    awk '$1 == $2 { n++ } END { print n + 0 }')
awk -v right="$right" -v rows="$rows" -v said="$(figure eval_accuracy "$run/all_results.json")" \
    'BEGIN { d = right / rows - said; exit !(d < 1e-12 && d > -1e-12) }' || fail "$right of $rows right is not the accuracy"

echo "merge writes a model once, and inspect shows what was decided"
"$LORADROP" merge --model "$model" --adapter "$adapter" --output "$SCRATCH/merged" > /dev/null
for file in config.json model.safetensors vocab.txt; do
    [ -s "$SCRATCH/merged/$file" ] || fail "merge wrote no $file"
done
sum=$(sha256sum "$SCRATCH/merged/model.safetensors")
expect_code 1 "expected a new or empty folder" \
    "$LORADROP" merge --model "$model" --adapter "$adapter" --output "$SCRATCH/merged"
[ "$sum" = "$(sha256sum "$SCRATCH/merged/model.safetensors")" ] || fail "merge overwrote a folder"
"$LORADROP" inspect "$run" > "$SCRATCH/inspect.txt"
grep -qE '^shared LoRA +attention.self.query: equal bytes in layers [0-9]' "$SCRATCH/inspect.txt" ||
    { cat "$SCRATCH/inspect.txt"; fail "inspect shows no shared LoRA"; }
"$LORADROP" inspect --json "$adapter" > "$SCRATCH/inspect.json"
weights=$(sha256sum < "$adapter/adapter_model.safetensors" | cut -d ' ' -f 1)
grep -qF "\"sha256\": \"$weights\"" "$SCRATCH/inspect.json" || fail "inspect gives another sum of the weights"
grep -qF '"kept_layers"' "$SCRATCH/inspect.json" || fail "inspect --json without the kept layers"

echo "logs shows every record once, and no worker's out of order"
"$LORADROP" logs "$run" --json > "$SCRATCH/logs.jsonl"
cmp <(sort "$run/logs/all.jsonl") <(sort "$SCRATCH/logs.jsonl") || fail "logs shows other records than the file has"
for worker in coordinator worker-0 worker-1; do
    cmp "$run/logs/$worker.jsonl" <("$LORADROP" logs "$run" --json --worker "$worker") || fail "$worker is out of order"
done
"$LORADROP" logs "$run" --grep 'joined run' --worker worker-1 > "$SCRATCH/joined.txt"
[ "$(grep -c 'worker-1: joined run' "$SCRATCH/joined.txt")" = 1 ] || fail "logs --grep --worker"
[ "$(wc -l < "$SCRATCH/joined.txt")" = 1 ] || fail "logs shows what --grep does not match"

echo "refusals"
expect_code 2 "there is no such file" "$LORADROP" logs "$SCRATCH/absent"
expect_code 2 "no regular expression" "$LORADROP" logs "$run" --grep '('
expect_code 2 "nothing was logged by it" "$LORADROP" logs "$run" --worker nobody
sound=(--model "$model" --adapter "$adapter" --file "$SCRATCH/validation.tsv" "${labelled[@]}" "${lengths[@]}")
expect_code 1 "was trained on a base model with the fingerprint" "$LORADROP" predict --model "$other" \
    --adapter "$adapter" --file "$SCRATCH/validation.tsv" "${labelled[@]}" "${lengths[@]}" --output "$SCRATCH/none.jsonl"
expect_code 1 "was trained on a base model with the fingerprint" \
    "$LORADROP" merge --model "$other" --adapter "$adapter" --output "$SCRATCH/none"
expect_code 1 "there is no such file" "$LORADROP" evaluate --model "$model" --adapter "$adapter" \
    --file "$SCRATCH/absent.tsv" "${labelled[@]}" "${lengths[@]}"
expect_code 1 "adapter_config.json" "$LORADROP" evaluate --model "$model" --adapter "$SCRATCH/absent" \
    --file "$SCRATCH/validation.tsv" "${labelled[@]}" "${lengths[@]}"
expect_code 1 "found no" "$LORADROP" inspect "$SCRATCH/absent"
expect_code 2 "acuracy" "$LORADROP" evaluate "${sound[@]}" --metric acuracy
expect_code 2 "missing task.columns.label" "$LORADROP" evaluate --model "$model" --adapter "$adapter" \
    --file "$SCRATCH/validation.tsv" "${columns[@]}"
expect_code 2 "task.type" "$LORADROP" evaluate "${sound[@]}" --task.type regression
expect_code 2 "the adapter's labels are bad, good" "$LORADROP" evaluate "${sound[@]}" --task.labels good,bad
expect_code 2 "has positions for 24 tokens" "$LORADROP" evaluate --model "$model" --adapter "$adapter" \
    --file "$SCRATCH/validation.tsv" "${labelled[@]}" --training.max-sequence-length 25
expect_code 2 "--output" "$LORADROP" predict "${sound[@]}"
expect_code 2 "is the file to be predicted" "$LORADROP" predict "${sound[@]}" --output "$SCRATCH/validation.tsv"
printf 'a film\tdull\n' > "$SCRATCH/unknown.tsv"
expect_code 1 "unknown.tsv:1: the label \"dull\" is not among the 2 known ones" "$LORADROP" evaluate --model "$model" \
    --adapter "$adapter" --file "$SCRATCH/unknown.tsv" "${labelled[@]}" "${lengths[@]}"
[ ! -e "$SCRATCH/none.jsonl" ] && [ ! -e "$SCRATCH/none" ] || fail "a refused command wrote something"

echo "an adapter without lora_drop.json: labels from task.labels, else from the base model"
cp -r "$adapter" "$SCRATCH/bare"
rm "$SCRATCH/bare/lora_drop.json"
bare=(--model "$model" --adapter "$SCRATCH/bare" --file "$SCRATCH/validation.tsv" "${labelled[@]}" "${lengths[@]}")
"$LORADROP" predict "${bare[@]}" --task.labels bad,good --output "$SCRATCH/bare.jsonl" > /dev/null 2>&1
cmp "$SCRATCH/out.jsonl" "$SCRATCH/bare.jsonl" || fail "the same adapter predicts otherwise"
"$LORADROP" predict "${bare[@]}" --output "$SCRATCH/base.jsonl" > /dev/null 2>&1
grep -qF '"label":"LABEL_' "$SCRATCH/base.jsonl" || fail "the base model's labels are not used"
expect_code 2 "task.labels names 3 labels" "$LORADROP" predict "${bare[@]}" --task.labels a,b,c --output "$SCRATCH/none"

echo "a task of GLUE by its name: the files as GLUE has them, and its metrics"
mkdir "$SCRATCH/CoLA"
for part in train validation; do
    sed -E "s/^(.*)\t(good|bad)\$/s\t\2\t\t\1/; s/\tgood\t/\t1\t/; s/\tbad\t/\t0\t*/" "$SCRATCH/$part.tsv" > "$SCRATCH/CoLA/$part.tsv"
done
glue=(--model "$model" --task-name cola --data-dir "$SCRATCH/CoLA" "${lengths[@]}" --lora-drop.threshold 1)
expect_code 2 "CoLA/dev.tsv; expected the folder of GLUE's files in task.data_dir, which has train.tsv, validation.tsv" \
    "$LORADROP" simulate "${glue[@]}" --output-dir "$SCRATCH/glue"
"$LORADROP" simulate "${glue[@]}" --task.validation "$SCRATCH/CoLA/validation.tsv" --training.max-steps 4 \
    --output-dir "$SCRATCH/glue" > "$SCRATCH/simulate.log" 2>&1 || { cat "$SCRATCH/simulate.log"; fail "simulate --task-name"; }
"$LORADROP" evaluate --model "$model" --adapter "$SCRATCH/glue/adapter" --file "$SCRATCH/CoLA/validation.tsv" \
    --task-name cola > "$SCRATCH/evaluation.json" 2> "$SCRATCH/stderr"
for name in eval_matthews_correlation eval_accuracy eval_loss eval_samples; do
    found=$(figure "$name" <(tr ',' '\n' < "$SCRATCH/evaluation.json"))
    expected=$(figure "$name" "$SCRATCH/glue/all_results.json")
    if [ -z "$found" ] || [ "$found" != "$expected" ]; then
        fail "$name is '$found', the run has '$expected'"
    fi
done
echo "all as expected"
