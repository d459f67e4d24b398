#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Machines for tests: network namespaces on a bridge, each with an sshd, a home folder, a host name and a view of the
# files of its own. Sourced with LORADROP (the executable), LORADROP_RELEASE (a tarball of deploy/package.sh) and SCRATCH
# (an empty folder) set; runs the script that sources it again, in namespaces that take everything with them at the end.
set -euo pipefail

if [ "${INSIDE_HOSTS:-}" != yes ]; then
    [ "$(id -u)" = 0 ] || { echo "FAILED: making network namespaces needs root" >&2; exit 1; }
    for tool in unshare nsenter ip tc ssh ssh-keygen setsid; do
        command -v "$tool" > /dev/null || { echo "FAILED: $tool is missing" >&2; exit 1; }
    done
    [ -x /usr/sbin/sshd ] || { echo "FAILED: sshd is missing (Debian's openssh-server)" >&2; exit 1; }
    [ -f "${LORADROP_RELEASE:?}" ] || { echo "FAILED: LORADROP_RELEASE is no file" >&2; exit 1; }
    LORADROP=$(realpath "$LORADROP") LORADROP_RELEASE=$(realpath "$LORADROP_RELEASE") SCRATCH=$(realpath "$SCRATCH")
    export INSIDE_HOSTS=yes LORADROP LORADROP_RELEASE SCRATCH
    exec unshare --net --mount --pid --uts --fork --kill-child --mount-proc -- "$(realpath "$0")" "$@"
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vectors=$here/../Vectors
deploy=$here/../../deploy
source "$here/../EndToEnd/common.bash"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

home=$(getent passwd root | cut -d : -f 6)
port=2222
declare -A holder

# The machine of the launcher has a home of its own, too: nothing of the real one is read or written.
mount -t tmpfs tmpfs "$home"
export HOME=$home
unset LORADROP_HOME SSH_AUTH_SOCK
mkdir -m 700 "$home/.ssh"
ssh-keygen -q -t ed25519 -N '' -f "$SCRATCH/user-key"
ssh-keygen -q -t ed25519 -N '' -f "$SCRATCH/host-key"
hostname launcher
ip link set lo up
ip link add bridge0 type bridge
ip address add 10.77.0.1/24 dev bridge0
ip link set bridge0 up
{ echo "127.0.0.1 localhost"; for i in 1 2 3 4 5; do echo "10.77.0.1$i h$i"; done; } > "$SCRATCH/names"
mount --bind "$SCRATCH/names" /etc/hosts
cat > "$SCRATCH/sshd_config" << CONFIG
Port $port
HostKey $SCRATCH/keys/host-key
AuthorizedKeysFile $SCRATCH/keys/authorized
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
MaxStartups 100
SetEnv OF_THE_HOST=kept
CONFIG

# make_host NAME ADDRESS [MODEL]: a machine that sees nothing of the run's files, but the model where it is given.
make_host() {
    local name=$1 address=$2 model=${3:-} id
    setsid unshare --net --mount --uts -- sleep infinity &
    id=$!
    holder[$name]=$id
    until_true different_namespace "$id"
    ip link add "port-$name" type veth peer name net0 netns "$id"
    ip link set "port-$name" master bridge0 up
    nsenter -t "$id" --net --mount --uts -- bash -euo pipefail -s << SETUP
hostname $name
ip link set lo up
ip address add $address/24 dev net0
ip link set net0 up
mkdir -p /mnt/aside
mount -t tmpfs tmpfs /mnt/aside
mkdir /mnt/aside/keys /mnt/aside/model
cp "$SCRATCH/host-key" "$SCRATCH/sshd_config" /mnt/aside/keys
cp "$SCRATCH/user-key.pub" /mnt/aside/keys/authorized
if [ -n "$model" ]; then cp -r "$model/." /mnt/aside/model; fi
mount -t tmpfs tmpfs "$SCRATCH"
mkdir "$SCRATCH/keys"
cp -r /mnt/aside/keys/. "$SCRATCH/keys"
if [ -n "$model" ]; then mkdir -p "$model"; cp -r /mnt/aside/model/. "$model"; fi
umount /mnt/aside
mount -t tmpfs tmpfs "$home"
mount -t tmpfs tmpfs /run
mkdir /run/sshd
chmod 600 "$SCRATCH/keys/host-key"
SETUP
    on "$name" setsid /usr/sbin/sshd -D -e -f "$SCRATCH/keys/sshd_config" 2> "$SCRATCH/sshd-$name.log" &
    echo "[$name]:$port $(cut -d ' ' -f 1,2 "$SCRATCH/host-key.pub")" >> "$home/.ssh/known_hosts"
    until_true answers "$name"
}

different_namespace() {
    [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

answers() { ssh -o BatchMode=yes -o ConnectTimeout=2 -i "$SCRATCH/user-key" -p "$port" "$1" true 2> /dev/null; }

# on HOST COMMAND...: there, without ssh.
on() {
    local id=${holder[$1]}
    shift
    nsenter -t "$id" --net --mount --uts -- "$@"
}

# ours: the ids of all processes of the program, on all machines, without those that have ended.
ours() {
    local file target
    for file in /proc/[0-9]*/exe; do
        target=$(readlink "$file" 2> /dev/null) || continue
        case $target in *loradrop*) basename "$(dirname "$file")" ;; esac
    done
}

# none_left: no process of ours anywhere; short commands that were under way when the launcher ended have a moment.
none_left() {
    local deadline=$((SECONDS + 5)) id
    while [ -n "$(ours)" ]; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            for id in $(ours); do tr '\0' ' ' < "/proc/$id/cmdline"; echo; done
            fail "processes are left on the hosts"
        fi
        sleep 0.1
    done
}

# none_recorded_runs: whatever any supervisor on any machine put on record, by id and start, has ended.
none_recorded_runs() {
    local host
    alive_records > "$SCRATCH/alive"
    for host in "${!holder[@]}"; do on "$host" bash -c "$(declare -f alive_records); alive_records" >> "$SCRATCH/alive"; done
    [ ! -s "$SCRATCH/alive" ] || { cat "$SCRATCH/alive"; fail "recorded processes run"; }
}

# alive_records: the recorded processes of this machine that run.
alive_records() {
    local file id start stat
    for file in ~/.loradrop/runs/*/*/*/supervisor.json ~/.loradrop/runs/*/*/*/*.process.json; do
        [ -e "$file" ] || continue
        id=$(sed -E 's/.*"processID":([0-9]+).*/\1/' "$file")
        start=$(sed -E 's/.*"startTime":([0-9]+).*/\1/' "$file")
        stat=$(sed -E 's/^.*\) //' "/proc/$id/stat" 2> /dev/null) || continue
        # shellcheck disable=SC2086
        set -- $stat
        if [ "$1" != Z ] && [ "${20}" = "$start" ]; then echo "$file: $id"; fi
    done
}

# As a user calls it; a program, so that it can be given a time limit and a signal.
launch=$SCRATCH/launch
cat > "$launch" << SCRIPT
#!/usr/bin/env bash
# The doctor also judges by speed, and no test may: it is asked where its answer does not depend on it.
doctor=\${DOCTOR---skip-doctor}
exec "$deploy/launch.sh" --hostfile "$SCRATCH/hosts" --config "$SCRATCH/run.yaml" --ssh-port $port \
    --identity "$SCRATCH/user-key" --user root \$doctor "\$@"
SCRIPT
chmod +x "$launch"
