#!/bin/sh
# The README's promise: on a Debian 12 that has make and a Swift toolchain and nothing else,
# `make demo` and `make test` are all it takes. Each target gets a bare system and a clean clone of
# HEAD of its own. Needs root and debootstrap, and some minutes: not part of `make test`.
#
#   bare-debian.sh [target...]
set -eu

fail() {
  echo "bare-debian: $*" >&2
  exit 1
}

# All mounts are made in a mount namespace of its own: they end with it, however it ends, and the
# removal at the end, outside of it, cannot reach through one.
if [ "${1-}" != --inside ]; then
  [ "$(id -u)" -eq 0 ] || fail "must be root"
  for tool in debootstrap git swiftc unshare; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
  done
  [ $# -gt 0 ] || set -- demo test
  work=$(mktemp -d)
  unshare --mount --propagation private --pid --fork --kill-child \
    sh "$0" --inside "$work" "$@" </dev/null &
  inside=$!
  trap 'kill -KILL "$inside" 2>/dev/null || :
    wait "$inside" 2>/dev/null || :
    rm -rf --one-file-system "$work"' EXIT
  trap 'exit 130' HUP INT TERM
  wait "$inside"
  exit
fi

work=$2
shift 2
here=$(dirname "$0")
repository=$(git -C "$here" rev-parse --show-toplevel)
swift_bin=$(dirname "$(readlink -f "$(command -v swiftc)")")
swift=$(dirname "$(dirname "$swift_bin")")
bare=$work/bare
# Where git finds the Swift packages instead of on the net, if this machine has copies.
packages=$(git config --get-regexp '^url\..*\.insteadof$' 'https://github.com/' |
  sed -n 's/^url\.\(\/.*\)\.insteadof .*/\1/p' | head -n 1)

# The mirror that this machine uses, else debootstrap's own.
mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 2>/dev/null |
  sed -n 's/^bookworm main //p' | head -n 1)
echo "bare-debian: making a bare Debian 12 with make"
debootstrap --variant=minbase --include=make,ca-certificates bookworm "$bare" ${mirror:+"$mirror"} \
  >"$work/debootstrap.log" 2>&1 || fail "debootstrap: $(tail -n 5 "$work/debootstrap.log")"
apt-config dump Acquire | grep -E '^Acquire::(https?|Check)' >"$bare/etc/apt/apt.conf.d/99host" || :
cp /etc/ssl/certs/ca-certificates.crt "$bare/etc/ssl/certs/"

for target; do
  root=$work/$target
  cp -a "$bare" "$root"
  git clone --quiet --no-hardlinks "$repository" "$root/bgjobs"

  mkdir -p "$root$swift"
  mount --bind "$swift" "$root$swift"
  mount -o remount,bind,ro "$root$swift"
  if [ -n "$packages" ]; then
    mkdir -p "$root$packages" "$root/etc"
    mount --bind "$packages" "$root$packages"
    git config --file "$root/etc/gitconfig" "url.$packages.insteadOf" https://github.com/
    git config --file "$root/etc/gitconfig" safe.directory '*'
  fi
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"

  echo "bare-debian: make $target"
  start=$(date +%s)
  env --ignore-environment HOME=/tmp LANG=C.UTF-8 CI=true \
    PATH="$swift_bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
    ${no_proxy:+"no_proxy=$no_proxy"} \
    chroot "$root" sh -c 'cd /bgjobs && exec make "$1"' sh "$target" ||
    fail "make $target failed"
  echo "bare-debian: make $target: $(($(date +%s) - start)) s"

  umount --recursive "$root/dev"
  umount "$root/proc" "$root$swift" ${packages:+"$root$packages"}
  rm -rf --one-file-system "$root"
done
