#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# The doctor sees what is wrong, for real: each check once red, and all of them green beside it. The hosts are processes
# of this machine: a stand-in for ssh, found first in PATH, runs each host's command in the state that its address stands
# for. What needs network namespaces and root is in Tests/Hosts.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

python3 "$here/tiny_run.py" "$vectors" "$SCRATCH"
config=(--config "$SCRATCH/run.yaml")

# red FILE CHECK TEXT...: the check is a problem in the report, with a way to mend it, and says each text.
red() {
    local file=$1 check=$2 text
    shift 2
    grep -qE "^problem +$check " "$file" || { cat "$file"; fail "$check is not red"; }
    grep -E -A 1 "^problem +$check " "$file" | grep -q '^ *mend: ' || { cat "$file"; fail "$check: no way to mend it"; }
    for text in "$@"; do
        grep -E "^problem +$check " "$file" | grep -qF -- "$text" || { cat "$file"; fail "$check does not say: $text"; }
    done
    echo "  red: $check${1:+ ($1)}"
}

# green FILE CHECK...: the check passed, and is nowhere a problem.
green() {
    local file=$1 check
    shift
    for check in "$@"; do
        grep -qE "^passed +$check " "$file" || { cat "$file"; fail "$check is not green"; }
        ! grep -qE "^problem +$check " "$file" || { cat "$file"; fail "$check is red"; }
    done
}

echo "this machine"
run_to "$SCRATCH/alone.log" 0 "$LORADROP" doctor
green "$SCRATCH/alone.log" build memory limits kernels
run_to "$SCRATCH/local.log" 0 "$LORADROP" doctor "${config[@]}"
green "$SCRATCH/local.log" build memory disk limits ports kernels model data
says "$SCRATCH/local.log" "0 problems" "holds no run yet" "96 rows"

echo "bad input"
run_to "$SCRATCH/input.log" 4 "$LORADROP" doctor --config "$SCRATCH/nothing.yaml"
run_to "$SCRATCH/input.log" 4 "$LORADROP" doctor --hostfile "$SCRATCH/nothing"
printf '127.0.0.2\n127.0.0.2\n' > "$SCRATCH/twice"
run_to "$SCRATCH/input.log" 4 "$LORADROP" doctor --hostfile "$SCRATCH/twice"
says "$SCRATCH/input.log" "127.0.0.2"
run_to "$SCRATCH/input.log" 4 "$LORADROP" doctor --no-such-key 1

echo "this machine, in a bad state"
python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
time.sleep(600)' > "$SCRATCH/port" &
holder=$!
started+=("$holder")
until_true test -s "$SCRATCH/port"
port=$(cat "$SCRATCH/port")
run_to "$SCRATCH/port.log" 1 "$LORADROP" doctor "${config[@]}" --cluster.port "$port"
red "$SCRATCH/port.log" ports "port $port is in use"
kill "$holder"
run_to "$SCRATCH/disk.log" 1 "$LORADROP" doctor "${config[@]}" --output-dir /proc/loradrop
red "$SCRATCH/disk.log" disk "/proc"
run_to "$SCRATCH/memory.log" 1 "$LORADROP" doctor "${config[@]}" --cluster.slots 4096 \
    --training.max-sequence-length 4096
red "$SCRATCH/memory.log" memory "expected about"
(ulimit -n 128 && run_to "$SCRATCH/limits.log" 1 "$LORADROP" doctor "${config[@]}")
red "$SCRATCH/limits.log" limits "open files: at most 128"
(ulimit -f 4 && run_to /dev/null 1 "$LORADROP" doctor "${config[@]}") || fail "a limit of file sizes ends the doctor"
run_to "$SCRATCH/model.log" 1 "$LORADROP" doctor "${config[@]}" --model "$SCRATCH/no-model"
red "$SCRATCH/model.log" model "$SCRATCH/no-model"
printf 'a sentence without a label\n' >> "$SCRATCH/train.tsv"
run_to "$SCRATCH/data.log" 1 "$LORADROP" doctor "${config[@]}"
red "$SCRATCH/data.log" data "train.tsv:97"
sed -i '$d' "$SCRATCH/train.tsv"
mkdir -p "$SCRATCH/other-run"
printf '{"format_version": 1, "result_digest": "00", "incarnation": 1}\n' > "$SCRATCH/other-run/run.json"
run_to "$SCRATCH/folder.log" 1 "$LORADROP" doctor "${config[@]}" --output-dir "$SCRATCH/other-run"
red "$SCRATCH/folder.log" data "holds a run of other data"

echo "certificates"
certs() { "$LORADROP" certs "$@" > /dev/null; }
certs init --dir "$SCRATCH/certs" --run tiny
certs issue --dir "$SCRATCH/certs" --role worker w1
certificates=(--certificates "$SCRATCH/certs")
run_to "$SCRATCH/certs.log" 0 "$LORADROP" doctor "${certificates[@]}" --run tiny
green "$SCRATCH/certs.log" certificates
run_to "$SCRATCH/certs.log" 1 "$LORADROP" doctor "${certificates[@]}" --run another
red "$SCRATCH/certs.log" certificates "is of the run tiny, expected the run another"
chmod 0644 "$SCRATCH/certs/w1.key"
run_to "$SCRATCH/certs.log" 1 "$LORADROP" doctor "${certificates[@]}"
red "$SCRATCH/certs.log" certificates "mode 0644"
chmod 0600 "$SCRATCH/certs/w1.key"
certs issue --dir "$SCRATCH/certs" --role worker --hours 2 w2
run_to "$SCRATCH/certs.log" 1 "$LORADROP" doctor "${certificates[@]}"
red "$SCRATCH/certs.log" certificates "more hours, expected 24"
run_to "$SCRATCH/certs.log" 1 faketime -f '+3h' "$LORADROP" doctor "${certificates[@]}"
red "$SCRATCH/certs.log" certificates "expired at"

echo "many hosts"
cp -r "$SCRATCH/model" "$SCRATCH/wrong-model"
# One bit of the last weight.
python3 - "$SCRATCH/wrong-model/model.safetensors" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(-4, 2)
    byte = file.read(1)
    file.seek(-4, 2)
    file.write(bytes([byte[0] ^ 1]))
END
cp "$LORADROP" "$SCRATCH/another-build"
echo >> "$SCRATCH/another-build"
mkdir "$SCRATCH/bin"
cat > "$SCRATCH/bin/ssh" <<END
#!/usr/bin/env bash
# Runs a command in the state that the host's address stands for.
while [ "\$1" != -- ]; do shift; done
host=\$2 command=\$3
case \$host in
    127.0.0.3) exec faketime -f +300s sh -c "\$command" ;;
    127.0.0.4) ulimit -n 200; exec sh -c "\$command" ;;
    127.0.0.5) export LORADROP_PRODUCT_LEVEL=1; exec sh -c "\$command" ;;
    127.0.0.6) echo "ssh: connect to host \$host port 22: No route to host" >&2; exit 255 ;;
    127.0.0.7) exec sh -c "\${command//$(basename "$LORADROP")/no-such-program}" ;;
    127.0.0.8) exec sh -c "\${command//"$LORADROP"/"$SCRATCH/another-build"}" ;;
    127.0.0.9) sed -u 's#/model"#/wrong-model"#g' | sh -c "\$command" ;;
    127.0.0.10) echo "Last login: Monday"; exec sh -c "\$command" ;;
    *) exec sh -c "\$command" ;;
esac
END
chmod +x "$SCRATCH/bin/ssh"
# doctor_of STATUS FILE HOST...: examines these hosts.
doctor_of() {
    local status=$1 file=$2
    shift 2
    printf '%s slots=1\n' "$@" > "$SCRATCH/hosts"
    PATH=$SCRATCH/bin:$PATH run_to "$file" "$status" "$LORADROP" doctor --hostfile "$SCRATCH/hosts" \
        --program "$LORADROP" --workdir "$SCRATCH/work" "${config[@]}" "${extra[@]}"
}
extra=()
file=$SCRATCH/hosts.log
doctor_of 0 "$file" 127.0.0.2 127.0.0.12
green "$file" ssh build clock names routes links kernels memory disk limits model data
[ "$(grep -cE '^passed +links ' "$file")" = 6 ] || { cat "$file"; fail "expected six links"; }
doctor_of 1 "$file" 127.0.0.2 127.0.0.3
red "$file" clock "ahead of"
doctor_of 1 "$file" 127.0.0.4
red "$file" limits "open files: at most 200"
doctor_of 1 "$file" 127.0.0.2 127.0.0.5
red "$file" kernels "other bits than this machine"
doctor_of 1 "$file" 127.0.0.2 127.0.0.6
red "$file" ssh "No route to host"
doctor_of 1 "$file" 127.0.0.7
red "$file" build "no-such-program"
doctor_of 1 "$file" 127.0.0.8
red "$file" build "expected loradrop"
doctor_of 1 "$file" 127.0.0.9
red "$file" model "expected those of this machine"
extra=(--fetch-model)
doctor_of 0 "$file" 127.0.0.9
says "$file" "it will be fetched"
extra=()
doctor_of 1 "$file" 127.0.0.10
red "$file" build "Last login"
doctor_of 1 "$file" no-such-host.invalid
red "$file" names "no-such-host.invalid"
extra=(--max-latency 0.00001)
doctor_of 1 "$file" 127.0.0.2
red "$file" links "expected a round trip"
extra=(--min-bandwidth 100000000)
doctor_of 1 "$file" 127.0.0.2
red "$file" links "expected at least"

echo "as JSON"
extra=(--json)
printf '127.0.0.3\n' > "$SCRATCH/hosts"
PATH=$SCRATCH/bin:$PATH "$LORADROP" doctor --hostfile "$SCRATCH/hosts" --program "$LORADROP" --json \
    > "$SCRATCH/report.json" 2> "$SCRATCH/report.err" && fail "expected exit code 1"
python3 - "$SCRATCH/report.json" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
assert report["passed"] is False and report["problems"] == 1, report
(problem,) = [check for check in report["checks"] if check["status"] == "problem"]
assert problem["check"] == "clock" and problem["host"] == "127.0.0.3" and problem["mend"], problem
END
