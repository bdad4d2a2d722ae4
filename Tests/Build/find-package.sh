# A CMake project builds and runs with find_package(bgjobs), shared and static.
. "$(dirname "$0")/common.sh"

cmake -S "$here/find-package" -B "$scratch/build" -G Ninja -DCMAKE_PREFIX_PATH="$PREFIX" \
  >"$scratch/log" 2>&1 && cmake --build "$scratch/build" >>"$scratch/log" 2>&1 ||
  fail "find_package: $(cat "$scratch/log")"
run_host "$scratch/build/shared"
run_host "$scratch/build/static"
