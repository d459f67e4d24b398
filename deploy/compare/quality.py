#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Quality of LoRA-drop beside plain LoRA, its controls, and the peer's plain LoRA, over seeds, as a Markdown table.

    python quality.py --loradrop .build/release/loradrop --model models/all-MiniLM-L6-v2 --train train.tsv \\
        --validation dev.tsv --header false --text-column 3 --label-column 1 --metric matthews_correlation \\
        --seeds 1,2,3 --peer peft_train.py --out runs/quality/cola

Every run has a folder under --out; a run that has ended is not repeated, so the command can be stopped and given again.
With --require-points or --require-errors the exit code is 1 if plain LoRA is not that close to the peer.
"""
import argparse
import json
import math
import random
import subprocess
import sys
import time
from pathlib import Path

PEER_METRICS = {"accuracy": "dev_acc", "matthews_correlation": "dev_mcc", "f1": "dev_f1"}
ARMS = {
    "peer": "the peer: PEFT, plain LoRA",
    "lora": "plain LoRA (threshold 1)",
    "lora-drop": "LoRA-drop",
    "half-rank": "plain LoRA, half the rank, same alpha / r",
    "all-shared": "everything shared (threshold 0)",
    "random": "as many layers kept, drawn at random",
    "reverse": "as many layers kept, the least important ones",
}


def configuration(o):
    """The run's configuration, JSON being YAML. Gradients are not clipped, because the peer's script does not."""
    columns = {"text": o.text_column, "label": o.label_column}
    if o.text_pair_column:
        columns["text_pair"] = o.text_pair_column
    numbers = {k: int(v) if v.isdigit() else v for k, v in columns.items()}
    return {
        "model": o.model,
        "task": {"type": "classification", "train": o.train, "validation": o.validation, "header": o.header == "true",
                 "columns": numbers, "metric": o.metric},
        "lora": {"rank": o.adapter_rank, "alpha": 2 * o.adapter_rank, "dropout": 0.0,
                 "target_modules": o.target_modules.split(",")},
        "lora_drop": {"threshold": o.threshold, "sample_ratio": 0.1, "probe_epochs": o.probe_epochs},
        "training": {"epochs": o.epochs, "batch_size": o.batch_size, "learning_rate": o.learning_rate,
                     "warmup_ratio": 0.06, "weight_decay": 0.0, "max_gradient_norm": 0, "max_sequence_length": 128},
    }


def kept_layers(arm, facts, seed):
    """The layers a control keeps by hand: as many as LoRA-drop kept with this seed."""
    count = len(facts["kept_layers"])
    by_importance = [entry["layer"] for entry in sorted(facts["layers"], key=lambda e: (e["importance"], e["layer"]))]
    if arm == "reverse":
        return sorted(by_importance[:count])
    return sorted(random.Random(1000 + seed).sample(sorted(by_importance), count))


def arm_flags(o, arm, seed):
    if arm == "lora":
        return ["--lora-drop.threshold", "1"]
    if arm == "half-rank":
        half = o.adapter_rank // 2
        return ["--lora-drop.threshold", "1", "--lora.rank", str(half), "--lora.alpha", str(2 * half)]
    if arm == "all-shared":
        return ["--lora-drop.threshold", "0"]
    if arm in ("random", "reverse"):
        facts = json.loads((Path(o.out) / f"lora-drop-{seed}" / "adapter" / "lora_drop.json").read_text())
        return ["--lora-drop.keep-layers", ",".join(map(str, kept_layers(arm, facts, seed)))]
    return []


def run_ours(o, arm, seed):
    folder = Path(o.out) / f"{arm}-{seed}"
    results = folder / "all_results.json"
    if not results.exists():
        command = [o.loradrop, "simulate", "--config", str(Path(o.out) / "config.yaml"), "--workers", str(o.workers),
                   "--slots", str(o.slots), "--output-dir", str(folder), "--training.seed", str(seed),
                   *arm_flags(o, arm, seed), *o.extra]
        run(command, Path(o.out) / f"{arm}-{seed}.log")
    values = json.loads(results.read_text())
    facts = json.loads((folder / "adapter" / "lora_drop.json").read_text())
    return dict(value=values["eval_" + o.metric], seconds=values.get("train_runtime"),
                parameters=facts["lora_parameters_trained"], kept=facts["kept_layers"])


def run_peer(o, seed):
    results = Path(o.out) / f"peer-{seed}.json"
    if not results.exists():
        command = [o.python, o.peer, "--model", o.model, "--train", o.train, "--dev", o.validation,
                   "--text-col", o.text_column, "--label-col", o.label_column, "--header", str(int(o.header == "true")),
                   "--pair-col", o.text_pair_column or "-1", "--epochs", str(o.epochs), "--lr", str(o.learning_rate),
                   "--batch", str(o.batch_size), "--rank", str(o.adapter_rank), "--alpha", str(2 * o.adapter_rank),
                   "--targets", o.target_modules, "--seed", str(seed)]
        start = time.time()
        line = run(command, Path(o.out) / f"peer-{seed}.log").strip().split("\n")[-1]
        results.write_text(json.dumps(json.loads(line) | {"seconds": time.time() - start}) + "\n")
    values = json.loads(results.read_text())
    return dict(value=values[PEER_METRICS[o.metric]], seconds=values.get("seconds"), parameters=None, kept=None)


def run(command, log):
    """Runs a program, its standard error into `log`; returns its standard output. A failure ends this program."""
    print("+", " ".join(command), flush=True)
    with open(log, "w") as errors:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True, check=False)
    with open(log, "a") as both:
        both.write(done.stdout)
    if done.returncode != 0:
        sys.exit(f"error: exit code {done.returncode}; its words are in {log}")
    return done.stdout


def mean_and_error(values):
    """The mean and its standard error, σ/√n with n − 1 in σ; no error from one value."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))


def table(o, results):
    lines = [f"| what | {o.metric}, mean ± standard error | seeds {', '.join(map(str, o.seeds))} | LoRA parameters "
             "| layers kept | seconds a run |", "| --- | --- | --- | --- | --- | --- |"]
    for arm, runs in results.items():
        mean, error = mean_and_error([r["value"] for r in runs])
        spread = "–" if math.isnan(error) else f"{error:.4f}"
        each = ", ".join(f"{r['value']:.4f}" for r in runs)
        parameters = sorted({r["parameters"] for r in runs} - {None})
        if len(parameters) > 1:
            parameters = [parameters[0], parameters[-1]]
        kept = ["–" if r["kept"] is None else ",".join(map(str, r["kept"])) or "none" for r in runs]
        times = [r["seconds"] for r in runs if r["seconds"]]
        lines.append(" ".join([
            f"| {ARMS[arm]} | {mean:.4f} ± {spread} | {each} |", " … ".join(f"{p:,}" for p in parameters) or "–",
            "|", kept[0] if len(set(kept)) == 1 else "; ".join(kept), "|",
            f"{sum(times) / len(times):.0f}" if times else "–", "|"]))
    return "\n".join(lines)


def verdict(o, results):
    """How far plain LoRA is from the peer, in words, and whether that is as close as was asked for."""
    if not {"peer", "lora"} <= results.keys():
        return "", True
    (a, sa), (b, sb) = (mean_and_error([r["value"] for r in results[arm]]) for arm in ("lora", "peer"))
    difference, error = a - b, math.hypot(sa, sb)
    good = ((o.require_points is None or abs(difference) * 100 <= o.require_points)
            and (o.require_errors is None or abs(difference) <= o.require_errors * error))
    return (f"Plain LoRA minus the peer: {difference:+.4f}; the standard error of the difference is {error:.4f}."
            + ("" if good else " FAILED: that is further than was asked for.")), good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loradrop", required=True, help="the program")
    parser.add_argument("--peer", help="the peer's script; needed for the arm `peer`")
    parser.add_argument("--python", default=sys.executable, help="what runs the peer's script")
    parser.add_argument("--model", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--validation", required=True)
    parser.add_argument("--text-column", default="0")
    parser.add_argument("--text-pair-column")
    parser.add_argument("--label-column", default="1")
    parser.add_argument("--header", choices=("true", "false"), default="true")
    parser.add_argument("--metric", choices=PEER_METRICS, default="accuracy")
    parser.add_argument("--seeds", type=lambda s: [int(x) for x in s.split(",")], default=[1, 2, 3])
    parser.add_argument("--arms", type=lambda s: s.split(","), default=list(ARMS), help=",".join(ARMS))
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--probe-epochs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--adapter-rank", type=int, default=8)
    parser.add_argument("--target-modules", default="query,value")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--out", required=True)
    parser.add_argument("--require-points", type=float, help="most that plain LoRA may differ from the peer, times 100")
    parser.add_argument("--require-errors", type=float, help="the same in standard errors of the difference")
    parser.add_argument("extra", nargs="*", help="after --: further flags for loradrop")
    o = parser.parse_args()
    if unknown := set(o.arms) - set(ARMS):
        parser.error(f"unknown arms {sorted(unknown)}; there are {', '.join(ARMS)}")
    if "peer" in o.arms and not o.peer:
        parser.error("the arm `peer` needs --peer FILE; or leave it out with --arms")
    if {"random", "reverse"} & set(o.arms) and "lora-drop" not in o.arms:
        parser.error("the arms `random` and `reverse` keep as many layers as `lora-drop`; add it to --arms")
    for key in ("model", "train", "validation", "loradrop"):  # so that no program's own idea of "relative" matters
        setattr(o, key, str(Path(getattr(o, key)).resolve()))
    out = Path(o.out)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(configuration(o), indent=2) + "\n"
    if (out / "config.yaml").exists() and (out / "config.yaml").read_text() != text:
        sys.exit(f"error: {out} holds runs of another configuration ({out}/config.yaml); give another --out")
    (out / "config.yaml").write_text(text)
    results = {arm: [] for arm in ARMS if arm in o.arms}  # in ARMS' order: controls after the run they read
    for seed in o.seeds:
        for arm, runs in results.items():
            runs.append(run_peer(o, seed) if arm == "peer" else run_ours(o, arm, seed))
            print(f"{arm}, seed {seed}: {runs[-1]}", flush=True)
    words, good = verdict(o, results)
    report = f"{table(o, results)}\n\n{words}\n" if words else table(o, results) + "\n"
    (out / "table.md").write_text(report)
    print("\n" + report)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
