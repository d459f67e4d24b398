#!/usr/bin/env bash
#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

# Makes a release that runs on a host with nothing but its C library and OpenSSL 3: the executable with the Swift
# runtime linked in, and beside it OpenBLAS, whose version decides bits, with what OpenBLAS needs. OpenSSL stays the
# host's, for its security updates. The last line is the tarball's path.
#
#   deploy/package.sh [OUTPUT-FOLDER]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
output=${1:-.build/package}
deploy/toolchain.sh
deploy/dependencies.sh build
command -v readelf > /dev/null || { echo "package: readelf is missing (Debian's binutils)" >&2; exit 1; }

# A tree of its own: the static runtime is another compilation, and the two must not take turns in one place.
scratch=.build/static
swift build -c release --product loradrop --static-swift-stdlib --scratch-path "$scratch" \
    -Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker '$ORIGIN/lib'
executable=$scratch/release/loradrop

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
mkdir -p "$staging/loradrop/lib"
cp "$executable" "$staging/loradrop/loradrop"
cp LICENSE "$staging/loradrop/"
strip --strip-debug "$staging/loradrop/loradrop"

# Everything that is loaded goes along but the C library's own parts, which belong to the host's kernel and loader, and
# OpenSSL.
ldd "$executable" | while read -r name _ path _; do
    case $name in
        libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | librt.so.* | ld-linux* | /* | linux-vdso*) continue ;;
        libssl.so.* | libcrypto.so.*) continue ;;
    esac
    [ -e "$path" ] || { echo "package: $name is not found on this machine" >&2; exit 1; }
    cp -L "$path" "$staging/loradrop/lib/$name"
done
[ -n "$(find "$staging/loradrop/lib" -name 'libopenblas*')" ] || { echo "package: no OpenBLAS among the libraries" >&2; exit 1; }

# The libraries find each other beside themselves by the executable's run path, which has to be DT_RPATH for that:
# DT_RUNPATH is not looked at for what a library needs.
if readelf -d "$staging/loradrop/loradrop" | grep -q RUNPATH; then
    echo "package: the executable has DT_RUNPATH, expected DT_RPATH" >&2
    exit 1
fi

# By name, without times and owners: the same files make the same bytes.
(cd "$staging/loradrop" && find . -type f ! -name MANIFEST -print0 | LC_ALL=C sort -z | xargs -0 sha256sum > MANIFEST)
version=$("$executable" --version)
name=loradrop-${version%% *}-linux-$(uname -m).tar.gz
mkdir -p "$output"
tar -C "$staging" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - loradrop | gzip -n -6 > "$output/$name.partial"
mv "$output/$name.partial" "$output/$name"
du -h "$output/$name" | sed 's/\t.*//; s/^/package: /'
echo "$output/$name"
