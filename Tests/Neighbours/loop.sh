#!/usr/bin/env bash
# loop.sh PROJECT NAME LOG BETWEEN_MS JOB_SECONDS STOP: what host.c does, with single commands.
# BGJOBS is the command, which may have words before it (strace). Any of them may be killed.
cd -- "$1" || exit
name=$2 log=$3 between=$(awk "BEGIN { print $4 / 1000 }") job_seconds=${5%.*} stop=$6
touch "$log"
number=$(($(grep -c '^end ' "$log") + 1))
items=$log.items
seq -f "$name-%g" 100000 200000 | head -n 2000 >"$items"

while [ ! -e "$stop" ]; do
  id=$($BGJOBS ensure ours-script --key "$name-$number" --items "$items") || continue
  $BGJOBS start "$id" --owner-pid $$ 2>/dev/null
  case $? in
    0) ;;
    9) number=$((number + 1)) && continue ;;
    *) sleep 0.05 && continue ;;
  esac
  end=$((SECONDS + job_seconds + 1))
  while [ ! -e "$stop" ] && [ $SECONDS -lt $end ]; do
    sleep "$between"
    item=$($BGJOBS next "$id" 2>/dev/null)
    code=$?
    case $code in
      0) ;;
      1) break ;; # no more items
      9) echo "refused $id next" >>"$log" && break ;;
      *) continue ;; # paused, or killed
    esac
    $BGJOBS "done" "$id" "$item" 2>/dev/null
    code=$?
    case $code in 0 | 8) echo "item $id $item" >>"$log" ;; esac
  done
  for _ in $(seq 50); do
    $BGJOBS complete "$id" --anyway 2>/dev/null
    code=$?
    case $code in
      0) echo "end $id completed" >>"$log" && break ;;
      9) echo "refused $id complete" >>"$log" && break ;;
      *) ;;
    esac
    sleep 0.05
  done
  number=$((number + 1))
done
