# Installs to a prefix of its own, for the tests that use the installed package.
. "$(dirname "$0")/common.sh"

rm -rf "$PREFIX"
cmake --install "$BUILD" --prefix "$PREFIX" --strip >"$scratch/log" ||
  fail "cmake --install: $(cat "$scratch/log")"

[ "$(cd "$PREFIX" && find include -type f)" = include/bgjobs.h ] ||
  fail "more or less than bgjobs.h in include/"
! grep -r -I -l -F -e "$BUILD" -e "$SOURCE/Sources" "$PREFIX" ||
  fail "these installed files name a directory of the build"
