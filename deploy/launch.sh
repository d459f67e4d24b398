#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Trains on many hosts with one command on one machine: makes the release, then runs `loradrop launch` from it.
#
#   deploy/launch.sh --hostfile hosts --config run.yaml [--user U] [--ssh-port P] [--identity FILE] [--env K=V]
#                    [--workdir DIR] [--dry-run] [--KEY VALUE…]
#
# All options: deploy/launch.sh --help. LORADROP_RELEASE names a tarball of deploy/package.sh to use as it is.
set -euo pipefail

# A shell that waits for a command takes no notice of a signal by itself.
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
release=${LORADROP_RELEASE:-}
if [ -z "$release" ]; then
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    "$deploy/package.sh" > "$log" || { cat "$log" >&2; exit 1; }
    release=$(cd "$deploy/.." && realpath "$(tail -n 1 "$log")")
    rm -f "$log"
fi

# The launcher is of the release that it installs, unpacked once.
digest=$(sha256sum < "$release")
folder=${LORADROP_HOME:-$HOME/.loradrop}/releases/${digest%% *}
if ! (cd "$folder" 2> /dev/null && sha256sum --status -c MANIFEST); then
    mkdir -p "$folder.partial.$$"
    tar -xzf "$release" -C "$folder.partial.$$" --strip-components=1
    rm -rf "$folder"
    mv "$folder.partial.$$" "$folder"
fi
exec "$folder/loradrop" launch --release "$release" "$@"
