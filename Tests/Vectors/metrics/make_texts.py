#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Writes texts.json beside this file: texts with references, and what sacrebleu and rouge-score measure of them.

pip install sacrebleu==2.6.0 rouge-score==0.1.2, then python make_texts.py.
"""

import json
import pathlib
import random

import sacrebleu
from rouge_score import rouge_scorer

HERE = pathlib.Path(__file__).parent
VERSIONS = {"sacrebleu": sacrebleu.__version__, "rouge-score": "0.1.2"}
WORDS = ["the", "The", "cat", "sat", "on", "mat", "3.14", "1,000", "it's", "U.S.", "a-b", "2-3", "e.g.,", "(x)", "[y]", "\u201cso\u201d",
         "caf\u00e9", "na\u00efve", "\u4f60\u597d", "\U0001F600", "&amp;", "&quot;", "<skipped>", "x.", ",y", "9.", ".9", "\u212a", "\u0130s", "running",
         "runs", "\u00a0", "\u2028", "\u0085", "\x1c", "end-\nof", "line\nbreak", "a\r\nb", "!?", "$5", "50%", "~", "{z}", "\\", "_", "'", "`", "@"]
EAGLE = ["The Eagle is a cheap French coffee shop near Burger King.", "Near Burger King there is a French coffee shop, The Eagle."]


def cases():
    yield "same", ["The cat sat on the mat."], [["The cat sat on the mat."]]
    yield "nothing in common", ["abc def ghi jkl"], [["xyz uvw rst opq"]]
    yield "empty text", [""], [["a reference"]]
    yield "empty reference", ["a text of some words"], [[""]]
    yield "both empty", [""], [[""]]
    yield "one word", ["cat"], [["cat"]]
    yield "three words", ["the cat sat"], [["the cat sat"]]
    yield "references", ["The Eagle is a French coffee shop near Burger King."], [EAGLE]
    yield "shorter and longer references at equal distance", ["a b c d e"], [["a b c d e f", "a b c d", "x y z u v w"]]
    yield "repeated words", ["the the the the the the the"], [["the cat is on the mat", "there is a cat on the mat"]]
    yield "numbers", ["It costs 1,000.50 dollars, i.e. 2-3% more."], [["It costs 1,000.50 dollars, i.e. 2-3 % more ."]]
    draw = random.Random(5)
    for number in range(60):
        texts, references = [], []
        count, sides = draw.choice([1, 1, 2, 5]), draw.choice([1, 1, 2, 3])
        for _ in range(count):
            text = [draw.choice(WORDS[:draw.choice([6, 14, len(WORDS)])]) for _ in range(draw.randint(0, 14))]
            texts.append(" ".join(text))
            others = []
            for _ in range(sides):
                other = [word for word in text if draw.random() < 0.8]
                for _ in range(draw.randint(0, 3)):
                    other.insert(draw.randint(0, len(other)), draw.choice(WORDS))
                others.append(draw.choice([" ", " ", "  ", " \n"]).join(other))
            references.append(others)
        yield f"random {number}", texts, references


def main():
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    written = []
    for name, texts, references in cases():
        streams = [list(stream) for stream in zip(*references)]
        rouge = [scorer.score_multi(others, text)["rougeL"].fmeasure for text, others in zip(texts, references)]
        written.append({"name": name, "predictions": texts, "references": references, "values": {
            "bleu": sacrebleu.metrics.BLEU().corpus_score(texts, streams).score,
            "chrf": sacrebleu.metrics.CHRF().corpus_score(texts, streams).score,
            "rougeL": sum(rouge) / len(rouge)}})
    lines = [json.dumps(case) for case in written]
    (HERE / "texts.json").write_text(
        json.dumps({"versions": VERSIONS})[:-1] + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n")
    print(len(written), "cases", VERSIONS)


if __name__ == "__main__":
    main()
