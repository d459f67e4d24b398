#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# The doctor's checks of names, routes, ports, links and disks, each once red, on hosts that are network namespaces with a
# bridge between them. A stand-in for ssh enters the namespace; sshd itself is another test's. Needs root.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../EndToEnd/common.bash"

[ "$(id -u)" = 0 ] || fail "this test makes network namespaces: run it as root"
spaces=(bridge doctor one two)
prefix=lddoc$$
remove() {
    end_started
    local space
    for space in "${spaces[@]}"; do
        ip netns delete "$prefix-$space" 2> /dev/null || true
        rm -rf "/etc/netns/$prefix-$space"
    done
}
trap remove EXIT

within() {
    local space=$1
    shift
    ip netns exec "$prefix-$space" "$@"
}

number=0
for space in "${spaces[@]}"; do
    ip netns add "$prefix-$space"
    within "$space" ip link set lo up
    mkdir -p "/etc/netns/$prefix-$space"
    printf '127.0.0.1 localhost\n10.77.0.1 doctor\n10.77.0.2 one\n10.77.0.3 two\n' > "/etc/netns/$prefix-$space/hosts"
done
within bridge ip link add bridge0 type bridge
within bridge ip link set bridge0 up
for space in doctor one two; do
    number=$((number + 1))
    ip link add eth0 netns "$prefix-$space" type veth peer name "to-$space" netns "$prefix-bridge"
    within bridge ip link set "to-$space" master bridge0 up
    within "$space" ip address add "10.77.0.$number/24" dev eth0
    within "$space" ip link set eth0 up
done

python3 "$vectors/../EndToEnd/tiny_run.py" "$vectors" "$SCRATCH"
mkdir -p "$SCRATCH/bin" "$SCRATCH/work"
cat > "$SCRATCH/bin/ssh" <<END
#!/usr/bin/env bash
while [ "\$1" != -- ]; do shift; done
command=\$3
# A host with a full disk has a file system of its own at its work folder.
[ "\${FULL_DISK:-}" != "\$2" ] || command="mount -t tmpfs -o size=256k tmpfs '$SCRATCH/work'; \$command"
exec ip netns exec "$prefix-\$2" unshare --mount sh -c "\$command"
END
chmod +x "$SCRATCH/bin/ssh"
printf 'one slots=1\ntwo slots=2\n' > "$SCRATCH/hosts"
file=$SCRATCH/report.log

# examine STATUS ARGUMENT...: examines both hosts from the doctor's own.
examine() {
    local status=$1
    shift
    PATH=$SCRATCH/bin:$PATH run_to "$file" "$status" ip netns exec "$prefix-doctor" "$LORADROP" doctor \
        --hostfile "$SCRATCH/hosts" --program "$LORADROP" --workdir "$SCRATCH/work" --config "$SCRATCH/run.yaml" "$@"
}

# red CHECK HOSTS TEXT
red() {
    grep -E "^problem +$1 +$2 " "$file" | grep -qF -- "$3" || { cat "$file"; fail "$1 of $2 is not red with: $3"; }
    echo "  red: $1 of $2 ($3)"
}

echo "all is well"
examine 0
says "$file" "0 problems"
[ "$(grep -cE '^passed +links ' "$file")" = 6 ] || { cat "$file"; fail "expected six links"; }

echo "a name that is loopback elsewhere"
printf '127.0.0.1 localhost\n127.0.1.1 two\n10.77.0.1 doctor\n' > "/etc/netns/$prefix-one/hosts"
examine 1
red names "one → two" "127.0.1.1 is one itself"
printf '127.0.0.1 localhost\n10.77.0.1 doctor\n10.77.0.2 one\n10.77.0.99 two\n' > "/etc/netns/$prefix-one/hosts"
examine 1
red names "one → two" "but two has the addresses"
cp "/etc/netns/$prefix-two/hosts" "/etc/netns/$prefix-one/hosts"

echo "no route, and a blocked port"
within one ip route add unreachable 10.77.0.3/32
examine 1
red routes "one → two" "no route"
red links "one → two" "cannot connect"
within one ip route delete unreachable 10.77.0.3/32
within two ip rule add to 10.77.0.2 ipproto tcp prohibit
examine 1
red links "two → one" "cannot connect"
within two ip rule delete to 10.77.0.2 ipproto tcp prohibit

echo "a narrow link"
within one tc qdisc add dev eth0 root tbf rate 4mbit burst 32kb latency 400ms
examine 1
red links "one → two" "expected at least 10 Mbit/s"
within one tc qdisc delete dev eth0 root

echo "a full disk, and an advertised address that is loopback elsewhere"
FULL_DISK=two examine 1
red disk two "expected"
examine 1 --cluster.advertise 127.0.0.1
red names "one → this machine" "127.0.0.1 is one itself"
