#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Makes the demo's data: uci_sentiment/train.tsv and validation.tsv from the three files of the source.

    deploy/data/split.py SOURCE_FOLDER [OUTPUT_FOLDER]

SOURCE_FOLDER holds amazon_cells_labelled.txt, imdb_labelled.txt and yelp_labelled.txt as published. Of sentences that
differ in nothing but case, spaces and punctuation the first is kept, so that none stands on both sides of the split.
300 rows are held out, by source and label in proportion. Which ones is decided by the SHA-256 of a fixed seed and the
sentence: the same everywhere and for ever. The bytes of the kept rows are those of the source, in its order.
"""

import hashlib
import pathlib
import sys

HELD_OUT = 300
SEED = b"loradrop uci_sentiment 1"

SOURCES = {
    "amazon_cells_labelled.txt": "47003fc0a0d4840b00e96e715b6189bad09e7443a3da41c4cbe12ffc79f86ae3",
    "imdb_labelled.txt": "aef2e49e3da25714d61175e3a6e68eeef74a20a2f914318dc3be9947ea86512d",
    "yelp_labelled.txt": "c76468b7b5c6e56a0804d728345c5f84aa2142ddb214420f61cc9cfd4c00d2ea",
}


def read(folder):
    """The rows (source, sentence, label) as bytes. LF alone ends a row: some sentences hold U+0085."""
    rows = []
    for name, expected in SOURCES.items():
        content = (folder / name).read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            sys.exit(f"{folder / name}: expected SHA-256 {expected}, found {found}")
        for number, line in enumerate(content.removesuffix(b"\n").split(b"\n"), 1):
            sentence, tab, label = line.rpartition(b"\t")
            if tab != b"\t" or b"\t" in sentence or label not in (b"0", b"1"):
                sys.exit(f"{folder / name}:{number}: expected a sentence, a tab and 0 or 1, found {line!r}")
            rows.append((name, sentence, label))
    return rows


def without_repeats(rows):
    """The rows whose letters and digits no earlier row has, and how many were dropped."""
    kept = {}
    for row in rows:
        letters = "".join(character for character in row[1].decode("utf-8").casefold() if character.isalnum())
        if letters in kept and kept[letters][2] != row[2]:
            sys.exit(f"{row[1]!r} stands there with both labels")
        kept.setdefault(letters, row)
    return list(kept.values()), len(rows) - len(kept)


def held_out(rows):
    """The held out rows: every (source, label) gives its share, the largest remainders fill up."""
    strata = {}
    for row in rows:
        strata.setdefault((row[0], row[2]), []).append(row)
    shares = {stratum: HELD_OUT * len(members) for stratum, members in strata.items()}
    counts = {stratum: share // len(rows) for stratum, share in shares.items()}
    by_remainder = sorted(strata, key=lambda stratum: (-(shares[stratum] % len(rows)), stratum))
    for stratum in by_remainder[: HELD_OUT - sum(counts.values())]:
        counts[stratum] += 1
    chosen = set()
    for stratum, members in strata.items():
        members = sorted(members, key=lambda row: hashlib.sha256(SEED + b"\0" + row[1]).digest())
        chosen.update(members[: counts[stratum]])
    return chosen


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(f"usage: {sys.argv[0]} SOURCE_FOLDER [OUTPUT_FOLDER]")
    here = pathlib.Path(__file__).resolve().parent
    output = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else here / "uci_sentiment"
    rows, dropped = without_repeats(read(pathlib.Path(sys.argv[1])))
    validation = held_out(rows)
    output.mkdir(parents=True, exist_ok=True)
    for name, part in (
        ("train.tsv", [row for row in rows if row not in validation]),
        ("validation.tsv", [row for row in rows if row in validation]),
    ):
        content = b"".join(sentence + b"\t" + label + b"\n" for _, sentence, label in part)
        (output / name).write_bytes(content)
        print(f"{output / name}: {len(part)} rows, {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
    print(f"{dropped} repeats dropped")


if __name__ == "__main__":
    main()
