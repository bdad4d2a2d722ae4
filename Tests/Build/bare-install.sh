#!/bin/sh
# The packages of `make dist` on a Debian 12 without Swift: the wheel and a Python example; the .deb,
# its command, and C programs by pkg-config and by find_package. Needs root.
#
#   bare-install.sh [DIST_DIR]
set -eu

if [ "${1-}" = --inside ]; then
  cd /dist
  export DEBIAN_FRONTEND=noninteractive PIP_ROOT_USER_ACTION=ignore
  ! command -v swiftc
  apt-get -q update >/dev/null
  apt-get -q install -y --no-install-recommends python3-pip >/dev/null
  pip install --quiet --break-system-packages --no-index ./*.whl
  mkdir python
  python3 Examples/import.py python
  [ "$(ls python/issues | wc -l)" = 10000 ]
  echo "bare-install: wheel and import.py"

  apt-get -q install -y --no-install-recommends ./*.deb >/dev/null
  bgjobs run --each a b -- true
  bgjobs list | grep -q "completed"
  [ -e /usr/share/man/man1/bgjobs-run.1 ] && [ -e /usr/share/fish/vendor_completions.d/bgjobs.fish ]
  echo "bare-install: the command of the .deb, $(bgjobs --version)"

  apt-get -q install -y --no-install-recommends gcc libc6-dev pkg-config cmake make libjansson-dev \
    >/dev/null
  cc host.c $(pkg-config --cflags --libs bgjobs) -o host
  mkdir one && ./host one
  cmake -S find-package -B find >/dev/null && cmake --build find >/dev/null
  mkdir two three
  find/shared two && find/static three
  echo "bare-install: C by pkg-config and by find_package"
  mkdir tar && tar -xzf ./*.tar.gz -C tar --strip-components 1
  tar/bin/bgjobs --version 2>/dev/null || tar/usr/bin/bgjobs --version
  exit
fi

here=$(cd "$(dirname "$0")" && pwd)
dist=$(cd "${1:-$here/../../dist}" && pwd)
[ "$(id -u)" -eq 0 ] || { echo "bare-install: must be root" >&2; exit 1; }
sh "$here/../../scripts/setup.sh" debootstrap
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 2>/dev/null |
  sed -n 's/^bookworm main //p' | head -n 1)
debootstrap --variant=minbase --include=ca-certificates bookworm "$root" ${mirror:+"$mirror"} \
  >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; exit 1; }
apt-config dump Acquire | grep -E '^Acquire::(https?|Check)' >"$root/etc/apt/apt.conf.d/99host" || :
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp -R "$dist" "$root/dist"
cp -R "$here/../../Examples" "$here/host.c" "$here/find-package" "$0" "$root/dist/"
cp "$here/host.c" "$root/dist/find-package/"
unshare --mount --propagation private sh -c '
  mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
  exec chroot "$1" sh /dist/bare-install.sh --inside' sh "$root"
