#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Trains a byte-level and a SentencePiece-style byte-pair model on a data folder and writes tokenizers around them.

    train_byte_pair.py --data FOLDER --output FOLDER

Every configuration of byte_pair.py is a folder with a tokenizer.json, for compare_with_huggingface.py. Made with
tokenizers 0.23.3.
"""

import argparse
import json
import pathlib
import re

import tokenizers

import byte_pair
import compare_with_huggingface


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--size", type=int, default=16_000)
    arguments = parser.parse_args()
    texts = sorted({row[0] for _, rows in compare_with_huggingface.data_texts(arguments.data) for row in rows})
    print(f"tokenizers {tokenizers.__version__}, {len(texts)} texts")
    configurations = byte_pair.byte_level_configurations(byte_pair.train_byte_level(texts, arguments.size))
    configurations |= byte_pair.sentencepiece_configurations(
        byte_pair.train_sentencepiece(texts, arguments.size // 2, 90))
    for name, whole in configurations.items():
        folder = arguments.output / re.sub(r"[^a-z0-9]+", "-", name.lower())
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
        print(f"{folder}: {len(whole['model']['vocab'])} pieces, {len(whole['model']['merges'])} merges")


if __name__ == "__main__":
    main()
