#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# From nothing to a fine-tuned adapter: installs what is missing, builds, fetches a small real model, simulates a run of
# two workers on this machine (real processes, real TLS), and shows the result. See deploy/demo.yaml for the settings.
#
# Run again, it makes the run anew; after an interruption it goes on. Only a run that this script itself finished is ever
# removed.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

run=runs/demo
made_here=$run/.made-by-demo
model=models/all-MiniLM-L6-v2
validation=deploy/data/uci_sentiment/validation.tsv

if [ -e "$run/all_results.json" ] && [ ! -e "$made_here" ]; then
    echo "demo: $run holds results that are not of this script. Move the folder away and run this again:" >&2
    echo "    mv $run $run.$(date +%Y%m%d-%H%M%S)" >&2
    exit 1
fi

deploy/build.sh
deploy/demo-model.sh
if [ -e "$made_here" ]; then
    echo "demo: removing the finished demo in $run"
    rm -rf "$run"
fi

begun=$SECONDS
.build/release/loradrop simulate --config deploy/demo.yaml --workers 2 --output-dir "$run"
touch "$made_here"
echo "demo: the run took $((SECONDS - begun)) s"

# The adapter at work, on rows that were not trained on.
.build/release/loradrop predict --model "$model" --adapter "$run/adapter" --file "$validation" \
    --task.header false --task.columns.text 0 --task.columns.label 1 --output "$run/predictions.jsonl"

echo
echo "Predictions for held out sentences (label 1: positive, 0: negative):"
paste -d '\t' <(head -n 4 "$run/predictions.jsonl") <(head -n 4 "$validation" | cut -f 1) |
    while IFS=$'\t' read -r prediction sentence; do
        printf '  %s\n    %s\n' "$sentence" "$prediction"
    done
cat << END

Where things are:
  $run/adapter/              the adapter, as PEFT writes it: PeftModel.from_pretrained loads it as it is
  $run/adapter/lora_drop.json   importance per layer and module, what was kept and what is shared
  $run/all_results.json      the figures, under Hugging Face's names
  $run/logs/all.jsonl        what coordinator and workers logged, merged
  $run/predictions.jsonl     a prediction for every row of $validation
  $model    the base model
END
