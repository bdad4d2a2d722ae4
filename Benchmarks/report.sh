#!/bin/sh
# Builds report.c against the library in the build directory named, and runs it.
set -eu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
build=$(cd "$1" && pwd)
cc -O2 -Wall -Wextra -Werror -I"$(dirname "$0")/../Include" "$(dirname "$0")/report.c" \
  -o "$scratch/report" -L"$build" -Wl,-rpath,"$build" -lbgjobs -lsqlite3 -llmdb
mkdir "$scratch/work"
"$scratch/report" "$scratch/work"
