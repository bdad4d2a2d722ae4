# An ordinary Swift program links libbgjobs.a, with the Swift runtime shared and static.
. "$(dirname "$0")/common.sh"

mkdir "$scratch/module"
echo "module bgjobs { header \"$PREFIX/include/bgjobs.h\" }" >"$scratch/module/module.modulemap"

for runtime in -no-static-stdlib -static-stdlib; do
  "$SWIFTC" "$here/host.swift" $runtime -I "$scratch/module" \
    -module-cache-path "$scratch/module-cache" "$LIBDIR/libbgjobs.a" -ljansson -lm \
    -o "$scratch/host" || fail "swiftc $runtime cannot link libbgjobs.a"
  run_host "$scratch/host"
done
