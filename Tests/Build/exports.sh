# Both libraries have exactly the global symbols that the header declares. (The compiler says
# nothing when a declared function is missing.)
. "$(dirname "$0")/common.sh"

echo '#include <bgjobs.h>' >"$scratch/header.c"
"$GCC" -I "$SOURCE/Include" -aux-info "$scratch/prototypes" -fsyntax-only "$scratch/header.c"
sed -n 's,^/\* .*/bgjobs\.h:.*\*/ extern [^(]*[ *]\([a-z0-9_]*\) (.*,\1,p' \
  "$scratch/prototypes" | sort >"$scratch/declared"
[ "$(wc -l <"$scratch/declared")" -gt 30 ] || fail "cannot read the declarations"

# $1: what; standard input: symbols
compare() {
  sort >"$scratch/found"
  diff -u --label "declared in bgjobs.h" --label "$1" "$scratch/declared" "$scratch/found" ||
    fail "$1 and the header differ"
}

nm --dynamic --defined-only --format=posix "$BUILD/libbgjobs.so" |
  sed -n '/^BGJOBS_1 A/d; s/@@BGJOBS_1 .*//; p' | compare libbgjobs.so
nm --extern-only --defined-only --format=posix "$BUILD/libbgjobs.a" |
  sed -n '/:$/d; s/ .*//; p' | compare libbgjobs.a
