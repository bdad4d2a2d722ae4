#!/bin/sh
# Builds the Python wheel, with a libbgjobs.so inside that needs libc and libm only.
#   wheel.sh BUILD_DIR OUTPUT_DIR
set -eu

fail() {
  echo "wheel: $*" >&2
  exit 1
}

source=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1" "$2"
build=$(cd "$1" && pwd)
output=$(cd "$2" && pwd)
python=${PYTHON:-/usr/bin/python3}

cmake -S "$source" -B "$build" -G Ninja --log-level=WARNING -DCMAKE_BUILD_TYPE=Release \
  -DBGJOBS_STATIC_JANSSON=ON -DBGJOBS_BUILD_TESTS=OFF
cmake --build "$build" --target bgjobs

stage=$build/stage
library=$stage/src/bgjobs/libbgjobs.so
rm -rf "$stage"
mkdir -p "$stage/src/bgjobs"
cp "$source"/Bindings/Python/pyproject.toml "$source"/Bindings/Python/setup.py \
  "$source"/Bindings/Python/README.md "$source"/LICENSE "$stage"
cp "$source"/Bindings/Python/src/bgjobs/*.py "$source"/Bindings/Python/src/bgjobs/py.typed \
  "$stage/src/bgjobs"
strip -o "$library" "$build/libbgjobs.so"

needed=$(readelf --wide --dynamic "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for name in $needed; do
  case $name in
    libc.so.* | libm.so.* | ld-linux*) ;;
    *) fail "libbgjobs.so needs $name" ;;
  esac
done

# As old a glibc will do as has all the symbols that it needs.
glibc=$(readelf --wide --version-info "$library" | grep -o 'GLIBC_[0-9]*\.[0-9]*' |
  sed 's/GLIBC_//' | sort -t . -k 1,1n -k 2,2n | tail -n 1)
BGJOBS_PLATFORM=manylinux_$(echo "$glibc" | tr . _)_$(uname -m)
export BGJOBS_PLATFORM

rm -f "$output"/bgjobs-*.whl
cd "$stage"
"$python" -c 'import sys; from setuptools import build_meta as b; b.build_wheel(sys.argv[1])' \
  "$output" >"$build/wheel.log" 2>&1 || fail "$(cat "$build/wheel.log")"

wheel=$(ls "$output"/bgjobs-*.whl)
size=$(stat --format %s "$wheel")
echo "$wheel: $size bytes"
[ "$size" -le 600000 ] || fail "that is more than 600000"
