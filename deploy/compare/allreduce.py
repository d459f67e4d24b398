#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""All-reduce of 64-bit integers: ours over TLS 1.3 beside Gloo's over plain TCP, in alternation, on this machine.

    deploy/compare/allreduce.py --loradrop .build/release/loradrop --python .venv/bin/python --rounds 5

Each round starts the workers of both anew; the table has the medians over the rounds and their ratio.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

PEER = """
import json, sys, time, torch, torch.distributed as dist
dist.init_process_group("gloo")
torch.set_num_threads(1)
for n in map(int, sys.argv[1].split(",")):
    t = torch.ones(n, dtype=torch.int64)
    for _ in range(3):
        dist.all_reduce(t)
    times = []
    for _ in range(min(int(sys.argv[2]), max(5, min(200, 20_000_000 // n)))):
        t.fill_(1)
        dist.barrier()
        start = time.perf_counter()
        dist.all_reduce(t)
        times.append(time.perf_counter() - start)
        assert int(t[0]) == dist.get_world_size() and int(t[-1]) == dist.get_world_size()
    times.sort()
    if dist.get_rank() == 0:
        print(json.dumps({"elements": n, "seconds": times[len(times) // 2]}), flush=True)
dist.destroy_process_group()
"""


def ours(options, world):
    """Median seconds by number of elements."""
    text = subprocess.run(
        [options.loradrop, "bench", "allreduce", "--worlds", str(world), "--sizes", options.sizes,
         "--limit", str(options.limit), "--json"],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    return {row["elements"]: row["median_seconds"] for row in json.loads(text)["allreduce"]}


def peer(options, world, script):
    """Median seconds by number of elements."""
    text = subprocess.run(
        [options.python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(world),
         script, options.sizes, str(options.limit)],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}).stdout
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {row["elements"]: row["seconds"] for row in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loradrop", required=True)
    parser.add_argument("--python", required=True, help="a Python with torch")
    parser.add_argument("--worlds", default="2,3,4")
    parser.add_argument("--sizes", default="1000,300000,4000000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=int, default=200, help="all-reduces a size and round, at most")
    parser.add_argument("--scratch", default="/tmp", help="where the peer's program is written")
    options = parser.parse_args()

    script = os.path.join(options.scratch, f"gloo_allreduce_{os.getpid()}.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(PEER)
    try:
        print("| workers | elements | loradrop, TLS 1.3 (ms) | Gloo, plain TCP (ms) | speed |")
        print("| --- | --- | --- | --- | --- |")
        for world in map(int, options.worlds.split(",")):
            mine, theirs = [], []
            for _ in range(options.rounds):
                mine.append(ours(options, world))
                theirs.append(peer(options, world, script))
            for elements in map(int, options.sizes.split(",")):
                own = statistics.median(row[elements] for row in mine) * 1e3
                other = statistics.median(row[elements] for row in theirs) * 1e3
                print(f"| {world} | {elements:,} | {own:.3f} | {other:.3f} | {other / own:.2f} × |", flush=True)
    finally:
        os.remove(script)


if __name__ == "__main__":
    sys.exit(main())
