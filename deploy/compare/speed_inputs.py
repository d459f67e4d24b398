#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Makes what speed is measured on besides a real model and real rows.

`model`: a folder with RoBERTa-base's shape (12 layers of 768), random weights and the tokenizer of another BERT folder,
so that the same sentences have the same tokens. `rows`: a file like CoLA's whose rows are cut at 128 tokens by any
tokenizer, made of its sentences.
"""
import argparse
import shutil
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel


def make_model(options):
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    config = AutoConfig.from_pretrained(options.like)
    config.update({"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12})
    torch.manual_seed(1)
    AutoModel.from_config(config).save_pretrained(folder)
    for name in ["vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]:
        if Path(options.like, name).exists():
            shutil.copy(Path(options.like, name), folder / name)
    print(f"{folder} is made")


def make_rows(options):
    rows = [line.split("\t") for line in Path(options.like).read_text(encoding="utf-8").splitlines()]
    sentences = [row[3] for row in rows]
    with open(options.out, "w", encoding="utf-8") as file:
        for number in range(options.count):
            words = []
            place = number
            while len(words) < 140:
                words += sentences[place % len(sentences)].split()
                place += 7919
            file.write("\t".join(["made", rows[number % len(rows)][1], "", " ".join(words)]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    model = commands.add_parser("model")
    model.add_argument("--like", required=True, help="a BERT folder: its vocabulary and its tokenizer")
    model.add_argument("--out", required=True)
    model.set_defaults(run=make_model)
    rows = commands.add_parser("rows")
    rows.add_argument("--like", required=True, help="CoLA's train.tsv")
    rows.add_argument("--out", required=True)
    rows.add_argument("--count", type=int, default=1024)
    rows.set_defaults(run=make_rows)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
