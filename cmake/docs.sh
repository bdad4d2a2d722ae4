#!/bin/sh
# Builds the documentation of the Swift module with DocC, into the directory named. A warning, say
# of a parameter without a word, is an error.
set -eu
cd "$(dirname "$0")/.."

graphs=$1/graphs
rm -rf "$graphs"
mkdir -p "$graphs"
swift package dump-symbol-graph --minimum-access-level public --skip-synthesized-members >/dev/null
find .build/ -path '*/symbolgraph/BackgroundJobs.symbols.json' -exec cp {} "$graphs" ';'
docc convert Sources/BackgroundJobs/BackgroundJobs.docc --additional-symbol-graph-dir "$graphs" \
  --fallback-display-name BackgroundJobs --fallback-bundle-identifier bgjobs \
  --output-path "$1/BackgroundJobs.doccarchive" --warnings-as-errors
