#!/usr/bin/env python3
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Runs a command and tells the memory of every process of it: what was resident, of that its own, and its share.

    python memory.py [--seconds 2] -- loradrop simulate --config run.yaml --workers 2 --output-dir runs/two

Each figure is the most that was seen at any look into /proc/PID/smaps_rollup. `resident` counts every page of a mapped
file that the process has touched, however many processes share it; `own` is memory without a file (Anonymous); `share`
counts a page that n processes have as 1/n of it (Pss). The last line is the most that all shares came to at one time.
"""
import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

FIELDS = {"resident": "Rss", "own": "Anonymous", "share": "Pss"}


def parents():
    """Every process's parent."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # It has ended between two looks.
    return found


def descendants(root):
    known, result = parents(), {root}
    while more := {child for child, parent in known.items() if parent in result} - result:
        result |= more
    return result


def look(process):
    """Megabytes by field, and what the process is; None once it has ended."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    values = {name: re.search(rf"^{field}:\s+(\d+)", text, re.M) for name, field in FIELDS.items()}
    if not all(values.values()):
        return None
    return {name: int(match[1]) / 1000 for name, match in values.items()}, b" ".join(words[:2]).decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2, help="between two looks")
    parser.add_argument("command", nargs="+")
    o = parser.parse_args()
    peaks, names, together = {}, {}, 0.0
    with subprocess.Popen(o.command) as child:
        while child.poll() is None:
            shares = 0.0
            for process in descendants(child.pid):
                if found := look(process):
                    values, names[process] = found
                    shares += values["share"]
                    known = peaks.setdefault(process, dict.fromkeys(FIELDS, 0.0))
                    for name, value in values.items():
                        known[name] = max(known[name], value)
            together = max(together, shares)
            time.sleep(o.seconds)
    for process in sorted(peaks):
        figures = ", ".join(f"{name} {value:.0f} MB" for name, value in peaks[process].items())
        print(f"process {process} ({names[process]}): {figures}")
    print(f"all processes together, by share: {together:.0f} MB")
    sys.exit(child.returncode)


if __name__ == "__main__":
    main()
