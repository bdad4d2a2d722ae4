#!/usr/bin/env bash
# The demo of a C program: eight git repositories are cloned, the program is killed in the middle,
# run again, and finishes. Usage: demo-c.sh BUILD_DIR. Exits with 1 when anything is not as it says.
set -euo pipefail

PATH=$(cd "${1:?usage: demo-c.sh BUILD_DIR}/Examples" && pwd):$PATH
. "$(dirname "$0")/demo-common.sh"

heading 'A C program clones them. The state file as any tool sees it, while it runs:'
look="jq -c '.jobs[0].progress | {current, total, percentage, currentItem, rate, eta}' $state"
show 'clone project repositories.txt 2>errors &' # git has something to say when it is killed
victim=$!
for n in 0 1 2 3; do
  await "$n clones are done" progress ".jobs[0].progress | .current >= $n and .currentItem"
  [ $n != 3 ] || await 'a rate and an ETA' progress '.jobs[0].progress | .rate > 0 and .eta > 0'
  if [ $n = 0 ]; then show "$look"; else eval "$look"; fi
done

heading 'It is killed in the middle of a clone'
sleep 0.4
await 'a clone is half made' half_made
show "kill -9 $victim"
{ wait "$victim" || true; } 2>/dev/null
victim=
show 'ls -A project'
sleep 1
none_left || die 'what it had started outlived it'
half_made || die 'the clone was not half made'
ok 'a second later, no git that it had started is alive'

heading 'Whoever looks now, through the library, sees that nobody works on the job'
show 'status project' | tee seen
grep -qE ' clone-repos +paused +interrupted ' seen || die 'it is not shown as interrupted'
id=$(jq -r '.jobs[0].id' "$state")
made=$(made)
births=$(births "$made")

heading 'The same program again: the same job goes on, where it was'
show 'clone project repositories.txt'
show 'status project' | tee seen
grep -qE "^$id +clone-repos +completed +- +8/8 " seen || die 'it is not the same job, completed'
[ "$births" = "$(births "$made")" ] || die 'a clone that was done is not the same directory any more'
ok "what was done was not cloned again:" $made
half_made && die 'a half-made clone is left'
clones_are_whole

heading 'The state file at the end'
show "cat $state"
echo
heading 'Is it what tools that know this format expect?'
check_state_file "$id"
expect 'the config of this type' \
  '.config | .type == "clone-repos" and (.repositories | length) == 8
    and (.projectPath | endswith("/project"))'

heading "Shown in $SECONDS s."
