#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Writes cases.json beside this file: labels and scores, and what scikit-learn and scipy measure of them.

A metric that is undefined (NaN), overflows or is refused by the library is null. Made with the versions in versions.txt:
pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6, then python make.py.
"""

import json
import math
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

HERE = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")


def attempt(measure):
    try:
        value = float(measure())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def labels(name, predictions, references, positive=1):
    predictions, references = [int(p) for p in predictions], [int(r) for r in references]
    accuracy = attempt(lambda: metrics.accuracy_score(references, predictions))
    f1 = attempt(lambda: metrics.f1_score(references, predictions, pos_label=positive))
    return {
        "name": name, "predictions": predictions, "references": references, "positive": positive,
        "values": {
            "accuracy": accuracy,
            "f1": f1,
            "f1_macro": attempt(lambda: metrics.f1_score(references, predictions, average="macro")),
            "matthews_correlation": attempt(lambda: metrics.matthews_corrcoef(references, predictions)),
            "combined_score": None if f1 is None else float(np.mean([accuracy, f1])),
        },
    }


def scores(name, predictions, references):
    predictions, references = [float(p) for p in predictions], [float(r) for r in references]
    pearson = attempt(lambda: stats.pearsonr(predictions, references)[0])
    spearman = attempt(lambda: stats.spearmanr(predictions, references)[0])
    return {
        "name": name, "predictions": predictions, "references": references,
        "values": {
            "pearson": pearson,
            "spearmanr": spearman,
            "mse": attempt(lambda: metrics.mean_squared_error(references, predictions)),
            "combined_score": None if pearson is None or spearman is None else float(np.mean([pearson, spearman])),
        },
    }


def main():
    draw = np.random.default_rng(20)
    classification = [
        labels("all right", [0, 1, 1, 0], [0, 1, 1, 0]),
        labels("all wrong", [1, 0, 0, 1], [0, 1, 1, 0]),
        labels("one class, all right", [1, 1, 1], [1, 1, 1]),
        labels("one negative class, all right", [0, 0, 0], [0, 0, 0]),
        labels("always the negative", [0, 0, 0, 0, 0], [0, 1, 0, 0, 1]),
        labels("always the positive", [1, 1, 1, 1, 1], [0, 1, 0, 0, 1]),
        labels("only negatives are right", [0, 1, 0], [0, 0, 0]),
        labels("one wrong example", [1], [0]),
        labels("one right example", [1], [1]),
        labels("the positive label is 0", [0, 1, 1, 0, 0], [0, 0, 1, 0, 1], positive=0),
        labels("a positive label that does not occur", [0, 1], [1, 1], positive=2),
        labels("three labels", [0, 1, 2, 2, 1, 0, 0], [0, 2, 2, 1, 1, 0, 1]),
        labels("a label that is only predicted", [0, 1, 2], [0, 1, 1]),
        labels("a label that is only right", [0, 1, 1], [0, 1, 2]),
        labels("a hole between the labels", [0, 5, 5, 9], [0, 5, 9, 9]),
        labels("rare", [0] * 990 + [1] * 10, [0] * 995 + [1] * 5),
    ]
    for number in range(30):
        kinds, count = int(draw.integers(2, 6)), int(draw.integers(2, 120))
        references = draw.integers(0, kinds, count)
        predictions = np.where(draw.random(count) < draw.random(), references, draw.integers(0, kinds, count))
        classification.append(labels(f"random {number}", predictions, references))
    regression = [
        scores("exact", [1, 2, 3.5], [1, 2, 3.5]),
        scores("reversed", [3, 2, 1], [1, 2, 3]),
        scores("two examples", [1, 2], [5, 3]),
        scores("one example", [1], [2]),
        scores("constant predictions", [2, 2, 2, 2], [1, 2, 3, 4]),
        scores("constant predictions that are no exact fraction", [0.1] * 7, range(7)),
        scores("constant references", [1, 2, 3], [5, 5, 5]),
        scores("both constant", [1, 1], [1, 1]),
        scores("ties", [1, 1, 2, 2, 3], [1, 2, 2, 2, 5]),
        scores("all tied but one", [0, 0, 0, 1], [3, 1, 2, 4]),
        scores("a large offset", [1e9 + 1, 1e9 + 2, 1e9 + 4, 1e9 + 3], [1, 2, 3, 5]),
        scores("huge", [1e200, -3e200, 2e200, 5e199], [1, -2, 3, 4]),
        scores("tiny", [1e-200, -3e-200, 2e-200, 5e-201], [1, -2, 3, 4]),
        scores("signed zeros", [0.0, -0.0, 1.0], [1, 2, 3]),
        scores("monotonic", [math.exp(x) for x in range(10)], range(10)),
    ]
    for number in range(30):
        count = int(draw.integers(2, 150))
        references = np.round(draw.random(count) * 5, int(draw.integers(0, 4)))
        predictions = references * draw.normal() + draw.normal(size=count) * draw.random() * 3
        if number % 3 == 0:
            predictions = np.round(predictions)
        regression.append(scores(f"random {number}", predictions, references))
    text = json.dumps({"classification": classification, "regression": regression}, separators=(",", ":"))
    (HERE / "cases.json").write_text(text.replace('{"name"', '\n{"name"') + "\n")
    (HERE / "versions.txt").write_text(
        f"scikit-learn {sklearn.__version__}\nscipy {scipy.__version__}\nnumpy {np.__version__}\n")


if __name__ == "__main__":
    main()
