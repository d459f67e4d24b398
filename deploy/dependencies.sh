#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Installs the system packages that are missing, by apt, and says what it does. With everything in place it neither
# asks for root nor touches the network.
#
#   deploy/dependencies.sh [build] [checks] [demo] [hosts]
#
# build (the default): what the executable is built from. checks: what .ci/ needs. demo: what fetches the demo's model.
# hosts: what Tests/Hosts makes its machines of.
set -euo pipefail

missing=()

# need PACKAGE COMMAND…: the package is missing when the command fails.
need() {
    local package=$1
    shift
    "$@" > /dev/null 2>&1 || missing+=("$package")
}

# has_library NAME HEADER: pkg-config knows the library, and its header is where the compiler will look.
has_library() {
    pkg-config --exists "$1" && printf '#include <%s>\n' "$2" | clang_or_cc $(pkg-config --cflags "$1") -E -x c -
}

clang_or_cc() {
    local compiler
    for compiler in clang cc gcc; do
        if command -v "$compiler" > /dev/null; then
            "$compiler" "$@"
            return
        fi
    done
    return 0 # No compiler to ask: pkg-config's word is taken.
}

for purpose in "${@:-build}"; do
    case $purpose in
        build)
            need git command -v git
            need pkg-config command -v pkg-config
            need libopenblas-dev has_library openblas cblas.h
            need libssl-dev has_library openssl openssl/ssl.h
            need libprotobuf-c-dev has_library libprotobuf-c protobuf-c/protobuf-c.h
            ;;
        checks)
            need protobuf-c-compiler command -v protoc-c
            need python3 command -v python3
            # The tests of clocks and of certificates that have expired.
            need faketime command -v faketime
            need iproute2 command -v ip
            ;;
        demo)
            need python3 command -v python3
            need python3-pip python3 -m pip --version
            ;;
        hosts)
            need openssh-client command -v ssh
            need openssh-server test -x /usr/sbin/sshd
            need iproute2 command -v tc
            need util-linux command -v nsenter
            need python3 command -v python3
            ;;
        *)
            echo "usage: deploy/dependencies.sh [build] [checks] [demo] [hosts]; found: $purpose" >&2
            exit 2
            ;;
    esac
done

if [ ${#missing[@]} = 0 ]; then
    echo "dependencies (${*:-build}): all there"
    exit 0
fi

if ! command -v apt-get > /dev/null; then
    echo "dependencies: missing ${missing[*]} (Debian's names), and there is no apt-get to install them with." >&2
    echo "Install OpenBLAS, OpenSSL 3 and protobuf-c with their headers, pkg-config and git, then run this again." >&2
    exit 1
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo > /dev/null; then
        echo "dependencies: missing ${missing[*]}, and neither root nor sudo to install them. Ask for:" >&2
        echo "    apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "dependencies (${*:-build}): installing ${missing[*]}"
apt() { ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"; }
apt update || echo "dependencies: apt-get update failed; trying with the package lists at hand" >&2
if ! apt install --yes --no-install-recommends "${missing[@]}"; then
    echo "dependencies: apt-get could not install ${missing[*]}. Is a package mirror reachable from here?" >&2
    exit 1
fi
