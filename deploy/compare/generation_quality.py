#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""A language model fine-tuned on E2E by PEFT and by loradrop at equal settings: perplexity and BLEU, as a Markdown table.

    python generation_quality.py --loradrop .build/release/loradrop --model models/small-llama \\
        --data e2e_nlg/devset.csv --seeds 1,2,3 --out runs/quality/e2e

The data is split by meaning, so that no meaning of the validation was trained on. Perplexity is of every reference of the
validation's meanings; BLEU is sacrebleu's, of one text a meaning, generated greedily, against all its references. Runs
that have ended are not repeated, so seeds and arms can be added call by call.
"""
import argparse
import csv
import json
import math
import random
import sys
import time
from pathlib import Path

import sacrebleu
import torch

from peft_generation import PEFTRun
from quality import mean_and_error, run

PROMPT, COMPLETION = "Meaning: {mr}\nText:", " {ref}"
ARMS = {
    "peft": "PEFT, plain LoRA",
    "lora": "plain LoRA (threshold 1)",
    "lora-drop": "LoRA-drop",
    "all-shared": "everything shared (threshold 0)",
    "random": "as many layers kept, drawn at random",
}


def split(o, out):
    """Writes train.jsonl, validation.jsonl and prompts.jsonl; returns each validation meaning's references."""
    with open(o.data, encoding="utf-8", newline="") as file:
        references = {}
        for row in csv.DictReader(file):
            references.setdefault(row["mr"], []).append(row["ref"])
    meanings = sorted(references)
    draw = random.Random(o.split_seed)
    draw.shuffle(meanings)
    held_out, trained = meanings[:o.validation_meanings], meanings[o.validation_meanings:]
    train = [(mr, ref) for mr in trained
             for ref in draw.sample(references[mr], min(o.references, len(references[mr])))]
    draw.shuffle(train)
    for name, rows in (("train", train), ("validation", [(mr, ref) for mr in held_out for ref in references[mr]]),
                       ("prompts", [(mr, "") for mr in held_out])):
        text = "".join(json.dumps({"mr": mr, "ref": ref}) + "\n" for mr, ref in rows)
        (out / f"{name}.jsonl").write_text(text)
    print(f"{len(trained)} meanings with {len(train)} texts to train on, {len(held_out)} held out", flush=True)
    return [references[mr] for mr in held_out]


def configuration(o, out):
    return {
        "model": o.model,
        "task": {"type": "generation", "train": str(out / "train.jsonl"), "validation": str(out / "validation.jsonl"),
                 "prompt": PROMPT, "completion": COMPLETION},
        "lora": {"rank": 8, "alpha": 16, "dropout": 0.0, "target_modules": ["q_proj", "v_proj"]},
        "lora_drop": {"threshold": o.threshold, "sample_ratio": 0.1, "probe_epochs": 3},
        "training": {"epochs": o.epochs, "batch_size": o.batch_size, "learning_rate": o.learning_rate,
                     "warmup_ratio": 0.06, "weight_decay": 0.0, "max_gradient_norm": 0,
                     "max_sequence_length": o.max_sequence_length},
    }


def facts(folder):
    return json.loads((folder / "adapter" / "lora_drop.json").read_text())


def run_ours(o, out, arm, seed):
    folder = out / f"{arm}-{seed}"
    flags = {"lora": ["--lora-drop.threshold", "1"], "all-shared": ["--lora-drop.threshold", "0"]}.get(arm, [])
    if arm == "random":
        count = len(facts(out / f"lora-drop-{seed}")["kept_layers"])
        flags = ["--lora-drop.keep-count", str(count), "--lora-drop.score", "random"]
    if not (folder / "all_results.json").exists():
        run([o.loradrop, "simulate", "--config", str(out / "config.yaml"), "--workers", "1", "--slots", str(o.threads),
             "--output-dir", str(folder), "--training.seed", str(seed), *flags], out / f"{arm}-{seed}.log")
    texts = folder / "texts.jsonl"
    if not texts.exists():
        run([o.loradrop, "predict", "--model", o.model, "--adapter", str(folder / "adapter"), "--file",
             str(out / "prompts.jsonl"), "--config", str(out / "config.yaml"), "--new-tokens", str(o.new_tokens),
             "--output", str(texts)], out / f"{arm}-{seed}-predict.log")
    results = json.loads((folder / "all_results.json").read_text())
    record = facts(folder)
    return {"perplexity": math.exp(results["eval_loss"]), "seconds": results["train_runtime"],
            "texts": [json.loads(line)["text"] for line in texts.read_text().splitlines()],
            "parameters": record["lora_parameters_trained"], "kept": record["kept_layers"]}


def run_peft(o, out, seed):
    file = out / f"peft-{seed}.json"
    if not file.exists():
        trained = PEFTRun(o, out, PROMPT, COMPLETION)
        began = time.time()
        parameters = trained.train(seed)
        seconds = time.time() - began
        file.write_text(json.dumps({
            "perplexity": trained.perplexity(), "seconds": seconds, "texts": trained.generate(),
            "parameters": parameters, "kept": None}) + "\n")
    return json.loads(file.read_text())


def bleu(texts, references):
    """sacrebleu's corpus BLEU; a meaning with fewer references than another has None in the rest."""
    most = max(map(len, references))
    columns = [[refs[place] if place < len(refs) else None for refs in references] for place in range(most)]
    return sacrebleu.corpus_bleu([text.strip() for text in texts], columns).score


def mean_bleu(runs, references, places):
    return sum(bleu([run["texts"][i] for i in places], [references[i] for i in places]) for run in runs) / len(runs)


def bleu_differences(runs, others, references, draws=200):
    """The standard deviation, over meanings drawn again with replacement, of a difference of mean BLEUs."""
    draw = random.Random(7)
    found = []
    for _ in range(draws):
        places = [draw.randrange(len(references)) for _ in references]
        found.append(mean_bleu(runs, references, places) - mean_bleu(others, references, places))
    mean = sum(found) / draws
    return math.sqrt(sum((value - mean) ** 2 for value in found) / (draws - 1))


def table(o, results, references):
    seeds = ", ".join(map(str, o.seeds))
    lines = [f"| what | perplexity, mean ± standard error | seeds {seeds} | BLEU, mean ± standard error | seeds {seeds} "
             "| LoRA parameters | layers kept | seconds a run |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for arm, runs in results.items():
        cells = [ARMS[arm]]
        for values, digits in (([r["perplexity"] for r in runs], 3),
                               ([bleu(r["texts"], references) for r in runs], 1)):
            mean, error = mean_and_error(values)
            cells.append(f"{mean:.{digits}f} ± " + ("–" if math.isnan(error) else f"{error:.{digits}f}"))
            cells.append(", ".join(f"{value:.{digits}f}" for value in values))
        cells.append(" … ".join(f"{p:,}" for p in sorted({r["parameters"] for r in runs})))
        kept = ["all" if r["kept"] is None else ",".join(map(str, r["kept"])) or "none" for r in runs]
        cells.append(kept[0] if len(set(kept)) == 1 else "; ".join(kept))
        cells.append(f"{sum(r['seconds'] for r in runs) / len(runs):.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def differences(results, references):
    """How far each arm is from PEFT, and how far chance alone goes."""
    lines = []
    for arm, runs in results.items():
        if arm == "peft" or "peft" not in results:
            continue
        others = results["peft"]
        (a, sa), (b, sb) = (mean_and_error([r["perplexity"] for r in side]) for side in (runs, others))
        everywhere = range(len(references))
        difference = mean_bleu(runs, references, everywhere) - mean_bleu(others, references, everywhere)
        lines.append(
            f"{ARMS[arm]} minus PEFT: perplexity {a - b:+.3f} (standard error over seeds {math.hypot(sa, sb):.3f}), BLEU "
            f"{difference:+.1f} (standard error over meanings {bleu_differences(runs, others, references):.1f})")
    return "\n".join(lines)


def same_in_peft(o, out, results):
    """Our plain LoRA's adapters, read by PEFT: its perplexity and its texts beside ours."""
    lines = []
    for seed, ours in zip(o.seeds, results.get("lora", [])):
        theirs = PEFTRun(o, out, PROMPT, COMPLETION)
        theirs.load(out / f"lora-{seed}" / "adapter")
        texts = theirs.generate()
        same = sum(a == b for a, b in zip(texts, ours["texts"]))
        lines.append(f"seed {seed}: PEFT reads our adapter with perplexity {theirs.perplexity():.4f}, ours says "
                     f"{ours['perplexity']:.4f}; {same} of {len(texts)} texts are the same")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loradrop", required=True, help="the program")
    parser.add_argument("--model", required=True, help="a small Llama, as pretrain_small_llama.py makes it")
    parser.add_argument("--data", required=True, help="a CSV with the columns mr and ref")
    parser.add_argument("--seeds", type=lambda s: [int(x) for x in s.split(",")], default=[1, 2, 3])
    parser.add_argument("--arms", type=lambda s: s.split(","), default=list(ARMS), help=",".join(ARMS))
    parser.add_argument("--split-seed", type=int, default=1)
    parser.add_argument("--validation-meanings", type=int, default=100)
    parser.add_argument("--references", type=int, default=4, help="texts of a meaning to train on, at most")
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--max-sequence-length", type=int, default=224)
    parser.add_argument("--new-tokens", type=int, default=80)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", required=True)
    parser.add_argument("--same-in-peft", action="store_true", help="have PEFT read plain LoRA's adapters, too")
    o = parser.parse_args()
    if unknown := set(o.arms) - set(ARMS):
        parser.error(f"unknown arms {sorted(unknown)}; there are {', '.join(ARMS)}")
    if "random" in o.arms and "lora-drop" not in o.arms:
        parser.error("the arm `random` keeps as many layers as `lora-drop`; add it to --arms")
    for key in ("model", "data", "loradrop", "out"):  # so that no program's own idea of "relative" matters
        setattr(o, key, str(Path(getattr(o, key)).resolve()))
    torch.set_num_threads(o.threads)
    out = Path(o.out)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(configuration(o, out), indent=2) + "\n"
    if (out / "config.yaml").exists() and (out / "config.yaml").read_text() != text:
        sys.exit(f"error: {out} holds runs of another configuration ({out}/config.yaml); give another --out")
    (out / "config.yaml").write_text(text)
    references = split(o, out)
    results = {arm: [] for arm in ARMS if arm in o.arms}
    for seed in o.seeds:
        for arm, runs in results.items():
            runs.append(run_peft(o, out, seed) if arm == "peft" else run_ours(o, out, arm, seed))
            print(f"{arm}, seed {seed}: perplexity {runs[-1]['perplexity']:.3f}, BLEU "
                  f"{bleu(runs[-1]['texts'], references):.1f}", flush=True)
    parts = [table(o, results, references), differences(results, references)]
    if o.same_in_peft:
        parts.append(same_in_peft(o, out, results))
    report = "\n\n".join(part for part in parts if part) + "\n"
    (out / "table.md").write_text(report)
    print("\n" + report)


if __name__ == "__main__":
    main()
