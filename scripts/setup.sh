#!/bin/sh
# Installs what the build, the demo and the tests need and this Debian (or Ubuntu) does not have, and
# the packages that are named as arguments.
# The Swift toolchain itself must be there already. Nothing is done when nothing is missing.
set -eu

fail() {
  echo "setup: $*" >&2
  exit 1
}

build="cmake ninja-build gcc g++ libc6-dev pkg-config libjansson-dev dpkg-dev"
demo="git jq"
tests="e2fsprogs libcmocka-dev mount procps strace python3-pexpect python3-pytest-xdist xfsprogs"
python="python3 python3-pytest python3-hypothesis python3-setuptools python3-tqdm python3-wheel"
swift="libcurl4 libncurses6 libsqlite3-0 libstdc++6 libuuid1 libxml2 zlib1g"

command -v swiftc >/dev/null || fail "no swiftc on the PATH: install Swift 6.3 first"

if ! command -v dpkg-query >/dev/null; then
  echo "setup: not a Debian system; these must be there: $build $demo $tests $python $swift $*" >&2
  exit 0
fi

missing=
for package in $build $demo $tests $python $swift "$@"; do
  case $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) in
    installed*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

apt="env DEBIAN_FRONTEND=noninteractive apt-get --quiet --option DPkg::Lock::Timeout=300"
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "not root, and there is no sudo; please install:$missing"
  apt="sudo $apt"
fi
echo "setup: installing$missing"
$apt update
$apt install --yes --no-install-recommends $missing
