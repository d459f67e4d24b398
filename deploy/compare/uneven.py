#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Whether the speed of machines that differ adds up: one worker, one at a third of its speed, and both together.

Two workers on one machine take memory bandwidth and, with simultaneous multithreading, whole execution units from each
other, which two machines do not. So each turn also measures both as two runs of their own at the same time, side by
side, and the ratio to their sum is what the shards' distribution and the exchange cost.

    deploy/compare/uneven.py [--rows 1280] [--turns 3] [--slowness 3] [--batch-size 64]

Runs the demo's model and data (deploy/demo.sh fetches the model) in turns, each worker with one slot. A slow worker waits
after every shard until it has taken that many times as long; it needs no processor meanwhile. A batch of 64 has about 14
shards; with the 7 of a batch of 32 whole shards alone would allow no more than 0.88. The speed is that of the
fine-tuning by all_results.json. Exit code 1 if the median of the turns' ratios to the sum of the two alone is below
--require. Needs Python's standard library only, and as many processors as workers.
"""

import argparse
import hashlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

root = pathlib.Path(__file__).resolve().parents[2]
arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--loradrop", default=root / ".build/release/loradrop", type=pathlib.Path)
arguments.add_argument("--model", default=root / "models/all-MiniLM-L6-v2", type=pathlib.Path)
arguments.add_argument("--rows", default=1280, type=int)
arguments.add_argument("--turns", default=3, type=int)
arguments.add_argument("--slowness", default=3.0, type=float)
arguments.add_argument("--batch-size", default=64, type=int)
arguments.add_argument("--require", default=0.9, type=float)
arguments.add_argument("--side-by-side", action=argparse.BooleanOptionalAction, default=True)
options = arguments.parse_args()


def first_rows(name: str, count: int, folder: pathlib.Path) -> pathlib.Path:
    """The first rows of a file of the demo's data."""
    lines = (root / "deploy/data/uci_sentiment" / name).read_text().splitlines(keepends=True)
    if len(lines) < count:
        sys.exit(f"uneven: {name} has {len(lines)} rows, expected {count} at least")
    (folder / name).write_text("".join(lines[:count]))
    return folder / name


def speed(folder: pathlib.Path, workers: int, *flags: str, epochs: int = 1) -> tuple[float, str]:
    """Examples a second of the fine-tuning, and the SHA-256 of the adapter."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        command = [
            options.loradrop, "simulate", "--config", root / "deploy/demo.yaml", "--model", options.model,
            "--task.train", train, "--task.validation", validation, "--training.epochs", str(epochs),
            "--lora-drop.probe-epochs", "5", "--training.batch-size", str(options.batch_size),
            "--workers", str(workers), "--slots", "1", "--output-dir", f"{output}/run", *flags,
        ]  # fmt: skip
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"uneven: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
        run = pathlib.Path(output) / "run"
        results = json.loads((run / "all_results.json").read_text())
        adapter = (run / "adapter/adapter_model.safetensors").read_bytes()
        return results["train_samples_per_second"], hashlib.sha256(adapter).hexdigest()


with tempfile.TemporaryDirectory() as scratch:
    folder = pathlib.Path(scratch)
    train, validation = first_rows("train.tsv", options.rows, folder), first_rows("validation.tsv", 16, folder)
    slow = ["--slow", f"0={options.slowness:g}x"]

    def side_by_side() -> float:
        """The sum of two runs at the same time; the full worker's has more to do, so that both take about as long."""
        with ThreadPoolExecutor() as pool:
            runs = [
                pool.submit(speed, folder, 1, epochs=round(options.slowness)), pool.submit(speed, folder, 1, *slow),
            ]  # fmt: skip
            return sum(run.result()[0] for run in runs)

    cases = {"full": (1, []), "slow": (1, slow), "both": (2, ["--slow", f"1={options.slowness:g}x"])}
    ratios, fair = [], []
    digests = set()
    print("turn  full alone  slow alone  together  of the sum" + ("  side by side  of that" if options.side_by_side else ""))
    for turn in range(1, options.turns + 1):
        found = {}
        names = [*cases, "side by side"] if options.side_by_side else [*cases]
        # Each turn begins with another case.
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            if name in cases:
                workers, flags = cases[name]
                found[name], digest = speed(folder, workers, *flags)
                digests.add(digest)
            else:
                found[name] = side_by_side()
        ratios.append(found["both"] / (found["full"] + found["slow"]))
        line = f"{turn:4}  {found['full']:10.2f}  {found['slow']:10.2f}  {found['both']:8.2f}  {ratios[-1]:10.3f}"
        if options.side_by_side:
            fair.append(found["both"] / found["side by side"])
            line += f"  {found['side by side']:12.2f}  {fair[-1]:7.3f}"
        print(line, flush=True)
    middle = statistics.median(ratios)
    print(f"median {middle:.3f} ({min(ratios):.3f} to {max(ratios):.3f}) of the sum, {options.require} wanted")
    if fair:
        print(f"median {statistics.median(fair):.3f} ({min(fair):.3f} to {max(fair):.3f}) of the sum side by side")
    if len(digests) != 1:
        sys.exit(f"uneven: {len(digests)} different adapters, expected one")
    sys.exit(0 if middle >= options.require else 1)
