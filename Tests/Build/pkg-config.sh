# C and C++ programs build and run with what pkg-config says, shared and static.
. "$(dirname "$0")/common.sh"

export PKG_CONFIG_PATH="$LIBDIR/pkgconfig"
flags=$(pkg-config --cflags bgjobs)
header_version=$(sed -n 's/^#define BGJ_VERSION_[MP][A-Z]* //p' "$SOURCE/Include/bgjobs.h" |
  paste -s -d .)
[ "$(pkg-config --modversion bgjobs)" = "$header_version" ] || fail "the versions differ"

for language in c c++; do
  "$GCC" -x $language "$here/host.c" -x none $flags $(pkg-config --libs bgjobs) \
    -o "$scratch/shared-$language"
  run_host env LD_LIBRARY_PATH="$LIBDIR" "$scratch/shared-$language"

  # -l:NAME takes the archive though the shared library lies beside it.
  "$GCC" -x $language "$here/host.c" -x none $flags \
    $(pkg-config --static --libs bgjobs | sed 's/-lbgjobs/-l:libbgjobs.a/') \
    -o "$scratch/static-$language"
  ! readelf --dynamic "$scratch/static-$language" | grep libbgjobs || fail "not linked statically"
  run_host "$scratch/static-$language"
done
