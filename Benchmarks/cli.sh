#!/bin/sh
# The command line beside what people use today, interleaved in one run: medians and their ratios.
# Needs hyperfine, jq, sqlite3 and xargs.
#
#   cli.sh BGJOBS
set -eu

bgjobs=$(realpath "$1")
for tool in hyperfine jq sqlite3 xargs; do
  command -v "$tool" >/dev/null || { echo "bench: $tool is missing" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# compare NAME RUNS A B: rounds of one run each, so that both see the same machine.
compare() {
  for round in $(seq "$2"); do
    hyperfine --shell=none --warmup 0 --runs 1 --style none --export-json "a$round" "$3" "$4" \
      >/dev/null
  done
  jq --raw-output --slurp --arg name "$1" '
    def median: sort | .[length / 2 | floor];
    [.[].results | map(.median * 1000)] | transpose | map(median) |
    "\($name): \(.[0] * 10 | round / 10) ms against \(.[1] * 10 | round / 10) ms: \(
      .[0] / .[1] * 100 | round / 100) ×"' a*
  rm -f a*
}

id=$("$bgjobs" create t --total 1000000)
"$bgjobs" start "$id"
sqlite3 state.db "pragma journal_mode = wal; create table job (id, current);
  insert into job values (1, 0)" >/dev/null
cat >update.sql <<SQL
pragma synchronous = normal;
update job set current = current + 1 where id = 1;
SQL
compare 'update against sqlite3 (WAL, NORMAL)' 101 "$bgjobs update $id --advance 1" \
  "sqlite3 state.db '.read update.sql'"
compare 'the program alone against true' 51 "$bgjobs --version" true

seq 2000 >items
printf '%s\n' '#!/bin/sh' 'exec xargs -P4 -n1 "$@" <items' >parallel
# A job of its own each time: its directory is new.
printf '%s\n' '#!/bin/sh -e' 'd=$(mktemp -d -p .)' \
  'b=$1; shift; "$b" run --project "$d" -j4 --items items -- "$@"' \
  '[ "$("$b" list --project "$d" | cut -f 3,5)" = "completed	2000" ]' >job
chmod +x parallel job
compare 'run -j4 of 2,000 × true against xargs -P4' 11 "./job $bgjobs true" './parallel true'
# Each sleeps for its item: 20 ms and some nanoseconds.
sed -i 's/<items/<naps/' parallel
sed -i 's/--items items/--items naps/' job
awk '{ printf "0.%09d\n", 20000000 + NR }' items >naps
compare 'run -j4 of 2,000 × sleep 0.02 against xargs -P4' 3 "./job $bgjobs sleep" './parallel sleep'
