#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#


"""Compares `loradrop tokenize` and `detokenize` with Hugging Face `tokenizers` over the texts of a data folder, or over random text.

    compare_with_huggingface.py --loradrop .build/release/loradrop --model models/all-MiniLM-L6-v2 --data FOLDER
    compare_with_huggingface.py --loradrop .build/release/loradrop --model models/all-MiniLM-L6-v2 --random 200000

Every cell of every .tsv, .csv, .json and .jsonl file is a text, and so is every line of any other file; neighbouring
cells of a row are compared as a pair too, and what they are encoded to is decoded. Exits with 1 at the first difference. Made with tokenizers 0.23.3.
"""

import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import tokenizers

import byte_pair


def rows_of(file):
    """A file's rows of texts. Lines end with LF; quotes in TSV are characters like any other."""
    text = file.read_bytes().decode("utf-8", errors="replace")
    if file.suffix == ".csv":
        with open(file, newline="", encoding="utf-8") as stream:
            yield from csv.reader(stream)
    elif file.suffix == ".jsonl":
        for line in text.split("\n"):
            if line:
                yield [str(value) for value in json.loads(line).values()]
    elif file.suffix == ".json":
        for row in json.loads(text).values():
            yield [str(value) for value in row.values()]
    else:
        for line in text.split("\n"):
            yield line.removesuffix("\r").split("\t")


def data_texts(folder):
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        texts, pairs = set(), set()
        for row in rows_of(file):
            texts.update((cell,) for cell in row)
            pairs.update(zip(row, row[1:]))
        yield str(file.relative_to(folder)), sorted(texts) + sorted(pairs)


def random_texts(count, seed, more=()):
    """Random text: single scalars, words of a script, marks in disorder, special tokens and `more`, long words."""
    draw = random.Random(seed)
    scalars = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    planes = [range(0x20, 0x7F), range(0x20, 0x7F), range(0xA0, 0x250), range(0x250, 0x530), range(0x300, 0x370),
              range(0x530, 0x900), range(0x900, 0x1200), range(0x1E00, 0x2100), range(0x2000, 0x2070),
              range(0x3000, 0x3100), range(0x4E00, 0x5000), range(0xAC00, 0xD7A4), range(0xF900, 0x10000),
              range(0x1D100, 0x1D200), range(0x1F300, 0x1F700), range(0x0, 0x20), range(0x7F, 0xA1)]
    special = ["[SEP]", "[CLS]", "[MASK]", "[UNK]", "[PAD]", "[sep]", " [MASK] ", "##ing", "\u200d", "\ufe0f", "\ufffd",
               "İ", "ß", "ΣΑΣ", "e\u0301", "\u0344\u0345\u0315", "\u1100\u1161\u11a8", "\u0085", "\u2028", "\u3000",
               # What make_vectors.py adds as tokens.
               "<word>", " <left>", "<right> ", "\u3000<both>\u0085", "<norm>", "<NORM>", "caf\u00e9TOKEN", "<longer>", "<longest>", "\u00e9", *more]

    def word():
        kind = draw.random()
        if kind < 0.15:
            return draw.choice(special)
        if kind < 0.3:
            return "".join(chr(draw.choice(scalars)) for _ in range(draw.randint(1, 6)))
        plane = draw.choice(planes)
        length = draw.randint(1, 12) if draw.random() < 0.98 else draw.randint(95, 105)
        return "".join(chr(draw.choice(plane)) for _ in range(length) if not 0xD800 <= plane[0] <= 0xDFFF)

    def text():
        return draw.choice([" ", "", " ", "\t"]).join(word() for _ in range(draw.randint(0, 12)))

    return [(text(),) if draw.random() < 0.6 else (text(), text()) for _ in range(count)]


def compare(name, rows, arguments, reference, lengths):
    """The number of rows compared; ends the program at a difference."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row) + "\n")
        stream.flush()
        for length in lengths:
            command = [arguments.loradrop, "tokenize", "--model", arguments.model, "--file", stream.name]
            if length is None:
                reference.no_truncation()
            else:
                reference.enable_truncation(max_length=length)
                command += ["--max-length", str(length)]
            begun = time.monotonic()
            lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
            took = time.monotonic() - begun
            if len(lines) != len(rows):
                sys.exit(f"{name}: {len(lines)} lines for {len(rows)} rows")
            tokens = 0
            for row, line in zip(rows, lines):
                expected, found = reference.encode(*row), json.loads(line)
                tokens += len(expected.ids)
                if (found["input_ids"] != expected.ids or found["token_type_ids"] != expected.type_ids
                        or found["truncated"] != bool(expected.overflowing)):
                    sys.exit(f"{name}, maximum length {length}: {row!r}\n  expected {expected.ids} {expected.type_ids} "
                             f"truncated {bool(expected.overflowing)}\n  found    {found}")
            print(f"{name}: {len(rows)} texts and pairs, maximum length {length}, {tokens} tokens: 0 differences "
                  f"({took:.1f} s)", flush=True)


def compare_decoding(name, lists, arguments, reference):
    """Compares the text of lists of ids, with special tokens and without; ends the program at a difference."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as stream:
        for ids in lists:
            stream.write(json.dumps(ids) + "\n")
        stream.flush()
        command = [arguments.loradrop, "detokenize", "--model", arguments.model, "--file", stream.name]
        lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    if len(lines) != len(lists):
        sys.exit(f"{name}: {len(lines)} lines for {len(lists)} lists of ids")
    for ids, line in zip(lists, lines):
        found = json.loads(line)
        for key, skip in [("text", False), ("without_special", True)]:
            expected = reference.decode(ids, skip_special_tokens=skip)
            if found[key] != expected:
                sys.exit(f"{name}: {ids}\n  expected {expected!r}\n  found    {found[key]!r}")
    print(f"{name}: {len(lists)} lists of ids decoded: 0 differences", flush=True)


def random_lists(reference, rows, seed):
    """What texts are encoded to, parts of it, and ids at random, some of which no token has."""
    draw = random.Random(seed)
    size = reference.get_vocab_size(with_added_tokens=True)
    lists = [reference.encode(*row).ids for row in rows]
    lists += [ids[draw.randrange(len(ids)):] for ids in lists if ids]
    return lists + [[draw.randrange(size + 3) for _ in range(draw.randint(0, 30))] for _ in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loradrop", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    reference = tokenizers.Tokenizer.from_file(str(pathlib.Path(arguments.model) / "tokenizer.json"))
    reference.no_padding()
    print(f"tokenizers {tokenizers.__version__}")
    # `tokenizers` also makes encodings of all that it cuts off, in some configurations for a minute a text.
    short = isinstance(reference.model, tokenizers.models.WordPiece)
    total = 0
    if arguments.data:
        for name, rows in data_texts(arguments.data):
            compare(name, rows, arguments, reference, [None, 128] + [17] * short)
            reference.no_truncation()
            compare_decoding(name, [reference.encode(*row).ids for row in rows], arguments, reference)
            total += len(rows)
    if arguments.random:
        more = byte_pair.SPECIAL * 3 if isinstance(reference.model, tokenizers.models.BPE) else ()
        rows = random_texts(arguments.random, arguments.seed, more)
        compare(f"random, seed {arguments.seed}", rows, arguments, reference, [None, 64] + [9, 4] * short)
        reference.no_truncation()
        compare_decoding("random ids", random_lists(reference, rows, arguments.seed), arguments, reference)
        total += len(rows)
    print(f"{total} texts and pairs compared")


if __name__ == "__main__":
    main()
