#!/usr/bin/env bash
# pipeline.sh PROJECT URL...: clones repositories, and writes down the changes of each once it is
# there; at the end, whatever has failed, how many there are. Two talk to the server at once. Kill it
# where you like, run it again.
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: pipeline.sh PROJECT URL..." >&2; exit 2; }
cd -- "$1"
shift
export BGJOBS_PROJECT=$PWD

# A command that is killed runs again: what is half made has another name.
clone='rm -rf "$1.half" && git clone --quiet "$0" "$1.half" && mv "$1.half" "$1"'
changes='git -C "$0" log --format="%h %s" >"$0.half.txt" && mv "$0.half.txt" "$0.txt"'

# Killed in here, the next run finds the jobs that have been made by their types and keys.
if [ ! -e .planned ]; then
  bgjobs limit lane:server 2
  ends=()
  for url; do
    name=$(basename "$url" .git)
    id=$(bgjobs add --quiet --type clone --key "$name" --lane server -- \
      sh -c "$clone" "$url" "$name")
    # Before further clones: who waits for the changes of one has them soon.
    id=$(bgjobs add --quiet --type changes --key "$name" --after "$id" --priority 1 -- \
      sh -c "$changes" "$name")
    ends+=(--after "$id:end")
  done
  bgjobs add --quiet --type report --key all "${ends[@]}" -- sh -c 'ls ./*.txt | wc -l >report'
  : >.planned
fi

bgjobs work -j4 --until-empty # 7: some have failed; bgjobs list says which
