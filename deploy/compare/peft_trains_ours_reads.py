#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Does `loradrop predict` read an adapter that PEFT trained and saved?

    python peft_trains_ours_reads.py --loradrop .build/release/loradrop --model models/all-MiniLM-L6-v2 \\
        --train deploy/data/uci_sentiment/train.tsv --file deploy/data/uci_sentiment/validation.tsv \\
        --header false --text-column 0 --label-column 1 --work-dir runs/peft-adapter

Exit code 0 if every logit is within the tolerance and every label the same, else 1.
"""
import argparse
import random
import sys
from pathlib import Path

import peft
import torch
from transformers import AutoTokenizer

import peer


def train(options, rows, labels, tokenizer):
    """A PEFT LoRA after some steps, far enough from its zero B that every tensor matters."""
    torch.manual_seed(options.seed)
    config = peft.LoraConfig(task_type="SEQ_CLS", r=options.adapter_rank, lora_alpha=2 * options.adapter_rank,
                             lora_dropout=0.0, target_modules=options.target_modules.split(","))
    model = peft.get_peft_model(peer.base_model(options.model, len(labels)), config)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    encoded = peer.tokenise(tokenizer, rows, options)
    draw = random.Random(options.seed)
    model.train()
    for step in range(options.steps):
        indexes = draw.sample(range(len(rows)), 16)
        targets = torch.tensor([labels.index(rows[i][2]) for i in indexes])
        loss = model(**peer.padded(encoded, indexes), labels=targets).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        if step % 10 == 0 or step == options.steps - 1:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peer.add_data_options(parser)
    parser.add_argument("--train", required=True)
    parser.add_argument("--loradrop", required=True, help="the program")
    parser.add_argument("--work-dir", required=True, help="gets adapter/ and out.jsonl")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--adapter-rank", type=int, default=8)
    parser.add_argument("--target-modules", default="query,value")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    peer.quiet()
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    rows = peer.read_rows(options.train, options)
    labels = peer.label_list(options, None, rows)
    adapter, predictions = Path(options.work_dir) / "adapter", Path(options.work_dir) / "out.jsonl"
    predictions.unlink(missing_ok=True)
    train(options, rows, labels, tokenizer).save_pretrained(adapter)
    # PEFT keeps no class names; ours are asked for by the same flag that names them in training.
    peer.run([options.loradrop, "predict", "--model", options.model, "--adapter", str(adapter), "--file", options.file,
              *peer.column_flags(options), "--task.labels", ",".join(labels), "--output", str(predictions),
              "--training.max-sequence-length", str(options.max_sequence_length)])
    encoded = peer.tokenise(tokenizer, peer.read_rows(options.file, options), options)
    logits = peer.all_logits(peer.load_adapter(options.model, adapter), encoded)
    return 0 if peer.compare_predictions(logits, predictions, labels, options.tolerance) else 1


if __name__ == "__main__":
    sys.exit(main())
