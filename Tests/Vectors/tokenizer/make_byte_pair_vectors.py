#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Writes byte_pair.json and versions.txt beside this file: small byte-pair tokenizers, texts, and what Hugging Face
`tokenizers` makes of them, and of ids.

Two models are trained on the texts below and the repository's LICENSE; "VOCABULARY", "MERGES" and "JOINED" in a configuration stand for the model's
pieces in the order of their ids and for its merges, as lists or as texts. Made with tokenizers 0.23.3.
"""

import json
import pathlib
import random

import tokenizers

import byte_pair
import compare_with_huggingface
import make_vectors

HERE = pathlib.Path(__file__).parent

TEXTS = [
    "", " ", "  ", "\n", "\n\n", " \n", "\n ", "\t", "\r\n", " \r\n \r\n x", "a", " a", "a ", "  a  b  ", "a\n\nb\n \n c\n", "\u00a0", "a\u00a0b",
    "   \u00a0 x", "\u2028", "a\u2028 b", "\u0085", "a\u0085b \u0085 c", "a\u3000b\u2003 c", "\u180e\u200b\ufeff", "x \n\t y\t\tz",
    "Hello, World! Hello world.", "don't DON'T Don'T doN't", "it's IT'S It'S", "they're THEY'RE we've WE'VE I'll I'LL I'm I'M he'd HE'D",
    "'s 'S 't 're 'RE 'rE 've 'll 'lL 'd 'm '", "''s 'x' 'sx 'l 'r 'v", "it'\u017f '\u017f \u017f", "rock 'n' roll y'all'd've", "\u2019s it\u2019s",
    "1 12 123 1234 12345 1234567890", "3.14159 1,000,000 a1b22c333d4444", "\u0665\u0666\u0667\u0668 \u0967\u0968\u0969", "\u2167 \u00bd x\u00b2 \u2460", "007 0x1F 1e-9",
    "...!!!??? --- ***", "a.b,c;d", "$5 50% #tag @me (x) [y] {z}", "!\n!\r\n! \n", "==\n\n==", "a_b __c__ \\n", "<s> </s> <unk> <pad> <mask>", "a<mask>b  <mask>",
    "<|begin_of_text|>a<|endoftext|> <|im_start|>user\nhi<|im_end|>\n", "<think> x</think>y", "<tool> a<tool>b x<tool> <tool>,", "x don't <tool>don't", "\u00c5m \u212bm A\u030am  b",
    "<0x41> <0xE2><0x82><0xAC>", "\u2581 \u2581\u2581a a\u2581b", "\u0120the \u010a", "\u00ad\u007f\u0000\u0001\u001b[0m", "\u0000", "a\u0000b",
    "\U0001F600\U0001F680 ok", "\U0001F44D\U0001F3FD", "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466", "\u2764\ufe0f 1\ufe0f\u20e3 \U0001F1E9\U0001F1EA",
    "na\u00efve caf\u00e9", "nai\u0308ve cafe\u0301", "\u212b \u212a \u2126 \ufb01 \ufb03 \u00bd \u2460 \ufdfa", "a\u0315\u0300\u05aeb", "\u0301\u0302", "e\u0301\u0323 e\u0323\u0301", "s\u0323\u0307 \u1e69",
    "\u0958 \u0915\u093c \u09be\u09c7\u09be", "\u1112\u1161\u11ab \ud55c \uac00\u11a8 \u1100\u1161", "\uf900 \U0002F800 \U0001D15E", "\u1ea4\u1ec7 Vi\u1ec7t", "\uff21\uff22\uff01 \uff76\uff9e",
    "\u4f60\u597d\u4e16\u754c abc\u4e2d\u6587def", "\u3053\u3093\u306b\u3061\u306f\u30c6\u30b9\u30c8", "\ud55c\uad6d\uc5b4 \uc548\ub155", "\u0627\u0644\u0633\u0644\u0627\u0645 \u05e9\u05dc\u05d5\u05dd", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0928\u092e\u0938\u094d\u0924\u0947",
    "Stra\u00dfe \u1e9e \u0130stanbul \u01c5 \u039f\u03a3", "\U00010400\U0001D400\U000E0001\U0010FFFF", "\ufffd\ufffe\ue000", "\U0001F3FB \u200d\u200d",
    "The quick brown fox jumps over the lazy dog.", "def f(x):\n    return x + 1\n\n\nprint(f(2))\n", "{\"a\": [1, 2.5, null]}\n", "Meaning: name[The Eagle], food[French]\nText: The Eagle serves French food.",
    "x" * 300, "ab" * 200, "a b " * 40, " " * 70 + "x", "\n" * 40, "'" * 20, "9" * 50, "\u00e9" * 90, "\U0001F600" * 20, "supercalifragilisticexpialidocious" * 4,
]
# So long that what it is encoded to is only counted and summed.
LONG = {"letters": "abcdefghij" * 1000, "one letter": "a" * 10_000, "spaces": " " * 10_000, "digits": "1234567890" * 1000,
        "emoji": "\U0001F600" * 2500, "line breaks": " \n" * 5000, "punctuation": "!?" * 5000}
IDS = [[], [0], [1, 2], [10_000_000]]


def checksum(ids):
    total = 0
    for number in ids:
        total = (total * 31 + number + 1) % 1_000_000_007
    return total


def cases(tokenizer, seed):
    draw = random.Random(seed)
    rows = [(text,) for text in TEXTS] + [("a b c", "d e"), ("", "x"), ("x", ""), ("don't  ", " 12")]
    rows += compare_with_huggingface.random_texts(40, seed, byte_pair.SPECIAL * 3)
    found = []
    for number, row in enumerate(rows):
        length = None if number < len(TEXTS) + 4 or any(len(text) > 40 for text in row) else draw.choice([None, 5, 9])
        if length is None:
            tokenizer.no_truncation()
        else:
            tokenizer.enable_truncation(max_length=length)
        encoding = tokenizer.encode(*row)
        found.append({"texts": row, "length": length, "ids": encoding.ids,
                      "types": encoding.type_ids if any(encoding.type_ids) else None,
                      "truncated": bool(encoding.overflowing)})
    tokenizer.no_truncation()
    return found


def decoded(tokenizer, seed, found):
    draw = random.Random(seed)
    size = tokenizer.get_vocab_size()
    lists = IDS + [case["ids"] for case in found if len(case["ids"]) < 60]
    lists += [[draw.randrange(size + 2) for _ in range(draw.randint(1, 20))] for _ in range(40)]
    # Bytes that are no UTF-8, or end within a character.
    some = [tokenizer.token_to_id(name) for name in ["<0xE2>", "<0x82>", "<0xAC>", "<0xFF>", "a", "<0xF0>", "<0x9F>", "<0xED>", "<0xA0>"]]
    alphabet = [tokenizer.token_to_id(name) for name in ["\u00e2", "\u0124", "\u00ac", "\u00ff", "a", "\u00f0", "\u0141", "\u00ed", "\u0142"]]
    for ids in (some, alphabet):
        if None not in ids:
            lists += [[draw.choice(ids) for _ in range(draw.randint(1, 9))] for _ in range(60)]
            lists += [ids[:3], ids[:2], ids[:2] + ids[4:5], ids[5:7], ids[7:9] + ids[4:5], ids[:3] + ids[3:4], ids[5:6] + ids[:3]]
    return [{"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False),
             "plain": tokenizer.decode(ids, skip_special_tokens=True)} for ids in lists]


def main():
    corpus = TEXTS * 3 + make_vectors.TEXTS + [(HERE.parents[2] / "LICENSE").read_text()]
    models = {"bytes": byte_pair.train_byte_level(corpus, 700), "pieces": byte_pair.train_sentencepiece(corpus, 700, 120)}
    configurations = [("bytes", name, whole) for name, whole in byte_pair.byte_level_configurations(models["bytes"]).items()]
    configurations += [("pieces", name, whole)
                       for name, whole in byte_pair.sentencepiece_configurations(models["pieces"]).items()]
    written = []
    for seed, (model, name, whole) in enumerate(configurations):
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(whole))
        found = cases(tokenizer, 200 + seed)
        merges = "JOINED" if isinstance(whole["model"]["merges"][0], str) else "MERGES"
        short = whole | {"model": whole["model"] | {"vocab": "VOCABULARY", "merges": merges}}
        written.append({
            "name": name, "model": model, "tokenizer": json.dumps(short), "cases": found,
            "decoded": decoded(tokenizer, 300 + seed, found),
            "long": [{"name": kind, "text": text, "count": len(ids), "checksum": checksum(ids)}
                     for kind, text in LONG.items() for ids in [tokenizer.encode(text, add_special_tokens=False).ids]]
            if name in ("RoBERTa", "Llama 3", "Llama 2", "Mistral") else []})
    for name, model in models.items():
        pieces = sorted(model["vocab"], key=model["vocab"].get)
        models[name] = {"pieces": pieces, "merges": model["merges"]}
    for row in written:  # The long texts stand once.
        for case in row["long"]:
            del case["text"]
    compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    lines = [compact(row) for row in written]
    (HERE / "byte_pair.json").write_text(
        '{"models":' + compact(models) + ',\n"configurations":[\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
    (HERE / "versions.txt").write_text(f"tokenizers {tokenizers.__version__}\n")
    print(len(written), "configurations,", sum(len(row["cases"]) for row in written), "texts,",
          sum(len(row["decoded"]) for row in written), "lists of ids")


if __name__ == "__main__":
    main()
