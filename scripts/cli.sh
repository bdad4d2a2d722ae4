#!/bin/sh
# Builds the bgjobs command into DIRECTORY: one static executable that needs neither a Swift runtime
# nor libc on the machine that it runs on, its manual pages and its shell completions.
#
#   cli.sh DIRECTORY [JOBS]
set -eu

directory=$1
jobs=${2:-1}
tools=.build-static

build() {
  # lld: GNU ld warns of what Foundation's static libraries leave behind.
  swift build --configuration release --scratch-path "$tools" --jobs "$jobs" \
    -Xswiftc -static-executable -Xswiftc -use-ld=lld "$@"
}

build --product bgjobs
build --product generate-manual >/dev/null 2>&1 || build --product generate-manual

mkdir -p "$directory"
strip -o "$directory/bgjobs.new" "$tools/release/bgjobs"
mv "$directory/bgjobs.new" "$directory/bgjobs"

# Manual pages: bgjobs-run.1 is what `man bgjobs run` looks for.
manual=$directory/man
rm -rf "$manual"
mkdir -p "$manual"
date=$(git log -1 --format=%cs 2>/dev/null || date +%F)
"$tools/release/generate-manual" "$directory/bgjobs" --multi-page --date "$date" \
  --output-directory "$manual"
for page in bare help publish-owed run-worker; do
  rm -f "$manual/bgjobs.$page.1"
done
for page in "$manual"/bgjobs*.1; do
  name=$(basename "$page" .1 | tr . -)
  case $name in
    bgjobs) exits='See the exit codes above.' ;;
    *) exits='One of those that \n.Xr bgjobs 1\nlists.' ;;
  esac
  sed -e '/^\.Xr bgjobs\.\(bare\|help\|publish-owed\|run-worker\) /d' -e '/^\.Xr bgjobs\./s/\./-/2' \
    -e 's/^\.Dt BGJOBS\./.Dt BGJOBS-/' \
    -e 's/^$/.Pp/' -e "s/^\.Ex -std.*/$exits/" "$page" >"$manual/new"
  rm "$page"
  mv "$manual/new" "$manual/$name.1"
done

for shell in bash zsh fish; do
  "$directory/bgjobs" --generate-completion-script "$shell" >"$directory/bgjobs.$shell"
done
