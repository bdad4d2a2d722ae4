#!/bin/sh
# Packs what `make install` installs: a tarball and a Debian package. Neither needs Swift.
#
#   dist.sh BUILD_DIR OUTPUT_DIR
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1/dist" "$2"
build=$(cd "$1/dist" && pwd)
output=$(cd "$2" && pwd)

cmake -S "$source" -B "$build" -G Ninja --log-level=WARNING -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_INSTALL_PREFIX=/usr -DBGJOBS_BUILD_TESTS=OFF
cmake --build "$build"
rm -rf "$build/cli"
cp -R "$1/cli" "$build/cli"

for generator in TGZ DEB; do
  (cd "$build" && cpack -G "$generator" -B "$build/packed" >"$build/cpack.log" 2>&1) || {
    cat "$build/cpack.log" >&2
    exit 1
  }
done
rm -f "$output"/bgjobs-*.tar.gz "$output"/bgjobs_*.deb
cp "$build"/packed/*.tar.gz "$build"/packed/*.deb "$output"
ls -l "$output"
