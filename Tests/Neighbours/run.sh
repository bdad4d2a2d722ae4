#!/usr/bin/env bash
# run.sh PROJECT NAME LOG BETWEEN_MS JOB_SECONDS STOP: `bgjobs run` of small commands, the same line
# again until it is done. What it has acknowledged is what `bgjobs show` shows: stress.py logs that.
cd -- "$1" || exit
name=$2 log=$3 between=$(awk "BEGIN { print $4 / 1000 }") stop=$6
touch "$log.done"
number=$(($(wc -l <"$log.done") + 1))
items=$log.items
seq -f "$name-%g" "$(awk "BEGIN { print int($5 * 1000 / ($4 + 15)) + 1 }")" >"$items"
while [ ! -e "$stop" ]; do
  $BGJOBS run --type ours-run --key "$name-$number" --items "$items" -- \
    sh -c "[ -e '$stop' ] || sleep $between" sh {} >/dev/null 2>&1
  code=$?
  case $code in
    0 | 9) echo "$number" >>"$log.done" && number=$((number + 1)) ;;
    *) sleep 0.05 ;;
  esac
done
