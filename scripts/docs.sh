#!/bin/sh
# Builds the documentation of the Swift module with DocC, into the directory named. A public symbol
# without a word, and a warning, say of a parameter that is not described, are errors.
set -eu
cd "$(dirname "$0")/.."

graphs=$1/graphs
rm -rf "$graphs"
mkdir -p "$graphs"

# The module alone: `swift package dump-symbol-graph` wants every module there is, those of tests
# that nobody has built included.
build() { swift build --target BackgroundJobs "$@"; }
build >"$1/build.log" 2>&1 || { cat "$1/build.log" >&2; exit 1; }
swift symbolgraph-extract -module-name BackgroundJobs -target "$(uname -m)-unknown-linux-gnu" \
  -I "$(build --show-bin-path)/Modules" \
  -Xcc -fmodule-map-file=Sources/CPosix/include/module.modulemap \
  -Xcc -fmodule-map-file=Sources/CJansson/module.modulemap \
  -minimum-access-level public -skip-synthesized-members -output-dir "$graphs"

mute=$(jq -r '.symbols[] | select(.docComment == null) | .pathComponents | join(".")' \
  "$graphs/BackgroundJobs.symbols.json")
[ -z "$mute" ] || { printf 'nothing is said of public symbols:\n%s\n' "$mute" >&2; exit 1; }

archive=$1/BackgroundJobs.doccarchive
docc convert Sources/BackgroundJobs/BackgroundJobs.docc --additional-symbol-graph-dir "$graphs" \
  --fallback-display-name BackgroundJobs --fallback-bundle-identifier bgjobs \
  --output-path "$archive" --warnings-as-errors
echo "The documentation is in $archive. To read it, run
  python3 -m http.server -d $archive 8000
and open http://localhost:8000/documentation/backgroundjobs/"
