# libbgjobs.so is small, has its name, and needs libc, libm and jansson only.
. "$(dirname "$0")/common.sh"

library=$BUILD/libbgjobs.so

strip -o "$scratch/stripped.so" "$library"
size=$(stat --format %s "$scratch/stripped.so")
echo "stripped: $size bytes"
[ "$CONFIG" = Debug ] || [ "$size" -le 445000 ] ||
  fail "stripped, libbgjobs.so has $size bytes: more than 445000"
# Appending to texts brings 4 kB: see Message.swift.
[ "$CONFIG" = Debug ] || ! nm "$library" | grep SS6appendyySSF ||
  fail "libbgjobs.so appends to a String"

dynamic=$(readelf --wide --dynamic "$library")
needed=$(echo "$dynamic" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for name in $needed; do
  case $name in
    libc.so.* | libm.so.* | libjansson.so.* | ld-linux*) ;;
    *) fail "libbgjobs.so needs $name" ;;
  esac
done

echo "$dynamic" | grep -q '(SONAME).*\[libbgjobs\.so\.0\]' ||
  fail "the SONAME is not libbgjobs.so.0"
! echo "$dynamic" | grep -E 'TEXTREL|RPATH|RUNPATH' || fail "unwanted dynamic tags"
readelf --wide --segments "$library" | grep -q 'GNU_STACK.* RW ' || fail "the stack is executable"
