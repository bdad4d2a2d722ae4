#!/usr/bin/env bash
# import.sh PROJECT COUNT: imports COUNT issues from a source that says once in the middle "rate
# limit, retry after 2 s", with single commands of bgjobs. Kill it where you like, run it again.
set -euo pipefail

[ $# = 2 ] || { echo "usage: import.sh PROJECT COUNT" >&2; exit 2; }
cd -- "$1"
export BGJOBS_PROJECT=$PWD
mkdir -p issues

# The source: exit code 75 means that it is asked too often, and then it says for how many seconds.
fetch() {
  if [ "$1" = "$middle" ] && [ ! -e .asked ]; then
    : >.asked
    echo 2
    return 75
  fi
  echo "imported $1"
}

id=$(seq --format 'issue-%05g' "$2" | bgjobs ensure import-issues --key example/issues --items - \
  --config '{"type": "import-issues", "provider": "github", "repositories": ["example/issues"]}')
middle=$(printf 'issue-%05d' $(($2 / 2)))
until bgjobs start "$id" --owner-pid $$; do
  [ $? = 8 ] || exit # 8: somebody has paused it
  bgjobs wait "$id" --for pending
done

while issue=$(bgjobs next --wait "$id"); do
  status=0
  answer=$(fetch "$issue") || status=$?
  case $status in
    # Doing it twice does no harm: a kill may come between it and its report.
    0) echo "$answer" >"issues/$issue.txt" && bgjobs update "$id" --item "$issue" --done "$issue" ;;
    75) bgjobs rate-limited "$id" --retry-after "$answer" --provider github ;;
    *) bgjobs failed "$id" "$issue" --why "the source: exit $status" ;;
  esac || [ $? = 8 ] # kept, and now the job is paused: the next turn waits
done
bgjobs complete "$id" # 6: not all are done, the loop ended for an error; 7: some have failed
