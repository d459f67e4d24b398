#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# The benchmark of all-reduce measures between processes over TLS and checks the sums; so does the soak.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
log=$SCRATCH/log

echo "measurements"
run_to "$log" 0 "$LORADROP" bench allreduce --worlds 2,3 --sizes 1000,50001 --algorithms auto,broadcast,direct,ring \
    --limit 3 --json
python3 - "$log" <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1], encoding="utf-8"))
rows = result["allreduce"]
found = [(row["world"], row["elements"], row["choice"]) for row in rows]
expected = [(world, size, choice) for world in (2, 3) for size in (1000, 50001)
            for choice in ("auto", "broadcast", "direct", "ring")]
assert found == expected, found
assert all(row["median_seconds"] > 0 and row["count"] == 3 for row in rows), rows
assert all(row["algorithm"] == row["choice"] for row in rows if row["choice"] != "auto"), rows
assert "OpenSSL" in json.dumps(result["machine"]), result["machine"]
PYTHON
run_to "$log" 0 "$LORADROP" bench allreduce --worlds 2 --sizes 1000 --limit 2
says "$log" "OpenSSL" "median ms"

echo "a soak"
run_to "$log" 0 "$LORADROP" bench soak --rounds 20 --worlds 2,3 --maximum-size 5000 --seed 7
says "$log" "2 workers: 10 rounds" "3 workers: 10 rounds" "every sum right"

# Where OpenSSL takes itself down at exit while threads that used it are ending, one of eight such processes crashes
# after its last line.
echo "processes that end right after their threads"
for seed in $(seq 30); do
    run_to "$log" 0 "$LORADROP" bench soak --rounds 60 --seed "$seed"
done

echo "refusals"
run_to "$log" 2 "$LORADROP" bench allreduce --worlds 1
says "$log" "from 2 to 64"
run_to "$log" 2 "$LORADROP" bench allreduce --algorithms tree
says "$log" "found tree"
run_to "$log" 2 "$LORADROP" bench soak --rounds 0
