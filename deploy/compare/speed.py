#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Runs loradrop and the peer's script by turns on the same data and prints medians, spreads and ratios.

A turn is one run of every contender in order, so that a machine that grows slower or faster meets all of them. Results
are appended to --results as JSON lines, and the summary is of all of them: turns may be measured in several calls.
"""
import argparse
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loradrop", required=True, help="the executable")
    parser.add_argument("--config", required=True, help="the run's configuration")
    parser.add_argument("--flags", default="", help="flags laid over it, in one string")
    parser.add_argument("--layouts", default="1x2,2x1", help="workers x slots, each a contender")
    parser.add_argument("--variants", default="highest=", help="name=flags;…: each with each layout a contender, as in "
                        "\"highest=;high=--training.matmul-precision high\"")
    parser.add_argument("--python", help="the peer's Python")
    parser.add_argument("--peer", help="the peer's script, peft_train.py")
    parser.add_argument("--peer-arguments", default="", help="for the script, in one string: model, data, steps")
    parser.add_argument("--peer-variants", default="plain=;grouped=--group-by-length",
                        help="name=arguments;…, each a contender; among them mkldnn=off switches oneDNN off, and "
                        "matmul=medium is torch.set_float32_matmul_precision")
    parser.add_argument("--mean-tokens", type=float, help="tokens of a row, on average: the peer's rate is then its "
                        "tokens a second over this, since the steps it times may be of longer or shorter rows")
    parser.add_argument("--threads", default="2", help="OMP_NUM_THREADS of the peer")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--results", required=True, help="a file of JSON lines, appended to")
    return parser.parse_args()


class MemoryWatch(threading.Thread):
    """The workers' memory while a simulation runs: the most that one had resident, and what each holds by share."""

    def __init__(self, parent):
        super().__init__(daemon=True)
        self.parent = parent
        self.done = threading.Event()
        self.peak_mb = 0.0
        self.share_mb = {}

    def run(self):
        while not self.done.wait(0.5):
            for process in self.workers():
                try:
                    status = Path(f"/proc/{process}/status").read_text()
                    self.peak_mb = max(self.peak_mb, int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1000)
                    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
                    share = int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1]) / 1000
                    self.share_mb[process] = max(self.share_mb.get(process, 0), share)
                except (OSError, TypeError):
                    continue  # It has ended between two looks.

    def workers(self):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if int(fields[1]) == self.parent and b"worker" in words:
                    yield entry.name


def run_ours(options, what):
    layout, flags = what
    workers, slots = layout.split("x")
    folder = tempfile.mkdtemp(prefix="loradrop-speed-")
    command = [options.loradrop, "simulate", "--config", options.config, *shlex.split(options.flags),
               *shlex.split(flags),
               "--workers", workers, "--slots", slots, "--lora-drop.threshold", "1", "--training.save-strategy",
               "no", "--output-dir", folder]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    watch = MemoryWatch(process.pid)
    watch.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - began
    watch.done.set()
    watch.join()
    if process.returncode != 0:
        raise SystemExit(f"{shlex.join(command)} ended with {process.returncode}:\n{output}")
    results = json.loads(Path(folder, "all_results.json").read_text())
    shutil.rmtree(folder)
    return {"examples_per_s": results["train_samples_per_second"], "rss_mb": watch.peak_mb, "seconds": seconds,
            "pss_mb": sum(watch.share_mb.values())}


def run_peer(options, extra):
    environment = dict(os.environ, OMP_NUM_THREADS=options.threads)
    words = shlex.split(extra)
    settings = [word for word in words if "=" in word and not word.startswith("-")]
    words = [word for word in words if word not in settings]
    command = [options.python, options.peer]
    if settings:
        known = {"mkldnn=off": "torch.backends.mkldnn.enabled = False"}
        known |= {f"matmul={name}": f"torch.set_float32_matmul_precision('{name}')" for name in ("high", "medium")}
        program = "import runpy, sys, torch; " + "; ".join(known[setting] for setting in settings) \
            + "; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
        command = [options.python, "-c", program, options.peer]
    command += shlex.split(options.peer_arguments) + words
    began = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    seconds = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stderr}")
    last = json.loads(done.stdout.strip().splitlines()[-1])
    rate = last["tokens_per_s"] / options.mean_tokens if options.mean_tokens else last["examples_per_s"]
    return {"examples_per_s": rate, "rss_mb": last["rss_mb"], "seconds": seconds}


def summary(path):
    by_name = {}
    for line in Path(path).read_text().splitlines():
        record = json.loads(line)
        by_name.setdefault(record["name"], []).append(record)
    rows = []
    for name, records in by_name.items():
        speeds = [record["examples_per_s"] for record in records]
        rows.append((name, statistics.median(speeds), min(speeds), max(speeds), len(speeds),
                     max(record["rss_mb"] for record in records),
                     statistics.median(record["seconds"] for record in records)))
    print(f"{'contender':<24} {'examples/s':>10} {'lowest':>8} {'highest':>8} {'runs':>5} {'peak MB':>8} {'whole s':>8}")
    for name, middle, low, high, count, memory, seconds in rows:
        print(f"{name:<24} {middle:>10.1f} {low:>8.1f} {high:>8.1f} {count:>5} {memory:>8.0f} {seconds:>8.1f}")
    ours = [row for row in rows if row[0].startswith("loradrop")]
    for row in ours:
        for peer in rows:
            if peer[0].startswith("peer"):
                print(f"{row[0]} against {peer[0]}: {row[1] / peer[1]:.2f} times the speed, "
                      f"{row[5] / peer[5]:.2f} of the memory")


def main():
    options = arguments()
    for turn in range(options.turns):
        contenders = []
        for variant in options.variants.split(";"):
            name, _, flags = variant.partition("=")
            contenders += [(f"loradrop {layout} {name}", run_ours, (layout, flags))
                           for layout in options.layouts.split(",") if layout]
        if options.peer:
            for variant in options.peer_variants.split(";"):
                name, _, extra = variant.partition("=")
                contenders.append((f"peer {name}", run_peer, extra))
        for name, run, what in contenders:
            record = {"name": name, "turn": turn, **run(options, what)}
            with open(options.results, "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
    summary(options.results)


if __name__ == "__main__":
    main()
