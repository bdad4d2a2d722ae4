# The header alone, and a program that uses every _INIT, pass strict compilers in every language
# version that the header promises.
. "$(dirname "$0")/common.sh"

header=$SOURCE/Include/bgjobs.h
alone=$scratch/alone.c
program=$scratch/program.c

echo '#include <bgjobs.h>' >"$alone"

initializers=$(sed -n 's/^#define BGJ_\([A-Z_]*\)_INIT\>.*/\1/p' "$header")
[ -n "$initializers" ] || fail "no _INIT found in $header"
{
  printf '#include <bgjobs.h>\n#include <bgjobs.h>\n\nint main(void) {\n'
  for name in $initializers; do
    type=bgj_$(echo "$name" | tr '[:upper:]' '[:lower:]')
    printf '  %s an_%s = BGJ_%s_INIT;\n' "$type" "$type" "$name"
  done
  printf '  return 0'
  for name in $initializers; do
    type=bgj_$(echo "$name" | tr '[:upper:]' '[:lower:]')
    printf ' ||\n         an_%s.struct_size != sizeof(%s)' "$type" "$type"
  done
  printf ';\n}\n'
} >"$program"

for compiler in "$GCC" "$CLANG"; do
  for language in c89 c99 c11 c17 c++11 c++17 c++20; do
    case $language in
      c++*) as=c++ ;;
      *) as=c ;;
    esac
    for file in "$alone" "$program"; do
      "$compiler" -x $as -std=$language -O1 -Wall -Wextra -pedantic-errors -Werror \
        -I "$SOURCE/Include" -c "$file" -o "$scratch/object.o" ||
        fail "$(basename "$compiler") -std=$language refuses $(basename "$file")"
    done
    "$compiler" "$scratch/object.o" -o "$scratch/program"
    "$scratch/program" || fail "an _INIT does not set struct_size ($compiler, $language)"
  done
done
