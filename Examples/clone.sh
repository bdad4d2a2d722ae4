#!/usr/bin/env bash
# clone.sh PROJECT LIST: clones the git repositories that LIST names, one URL a line, into PROJECT,
# with single commands of bgjobs. Pause it, kill it, run it again: it goes on where it was.
set -euo pipefail

[ $# = 2 ] || { echo "usage: clone.sh PROJECT LIST" >&2; exit 2; }
list=$(realpath -- "$2")
cd -- "$1"
export BGJOBS_PROJECT=$PWD

id=$(bgjobs ensure clone-repos --key "$(basename "$list")" --items "$list")
until bgjobs start "$id" --owner-pid $$; do
  [ $? = 8 ] || exit # 8: somebody has paused it
  bgjobs wait "$id" --for pending
done

rm -rf .half-made.*
while url=$(bgjobs next --wait "$id"); do
  name=$(basename "$url" .git)
  bgjobs update "$id" --item "$url" || [ $? = 8 ]

  # A clone gets its name when it is whole, so one that is there is. And git ends with us.
  why= half=.half-made.$$.$name
  [ -e "$name" ] || {
    setpriv --pdeathsig KILL git clone --quiet -- "$url" "$half" && mv -- "$half" "$name"
  } || why="git clone: exit $?"

  # Exit code 8 means: kept, and now the job is paused. The next turn waits for that.
  if [ -z "$why" ]; then
    bgjobs done "$id" "$url" || [ $? = 8 ]
  else
    bgjobs failed "$id" "$url" --why "$why" || [ $? = 8 ]
  fi
done
bgjobs complete "$id" # 6: not all are done, the loop ended for an error; 7: some have failed
