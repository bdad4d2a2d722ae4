#!/usr/bin/env bash
# The demo of the command line: eight git repositories are cloned by a job in the background, its
# runner is killed in the middle, the job is resumed, and finishes. Usage: demo.sh BUILD_DIR. Exits
# with 1 when anything is not as it says.
set -euo pipefail

PATH=$(cd "${1:?usage: demo.sh BUILD_DIR}/cli" && pwd):$PATH
. "$(dirname "$0")/demo-common.sh"

heading 'A command that clones one: under another name until it is whole'
cat >clone-one <<'SCRIPT'
#!/bin/sh -e
name=$(basename "$1" .git)
rm -rf ".half-made.$name"
git clone --quiet "$1" ".half-made.$name"
mv ".half-made.$name" "$name"
SCRIPT
chmod +x clone-one
show 'cat clone-one'

heading 'A job in the background runs it for each of them, two at a time'
cd project
state=.specweave/state/background-jobs.json
run='bgjobs run --type clone-repos --items ../repositories.txt -j2 --detach -- ../clone-one {}'
show "id=\$($run)"
victim=$(bgjobs show --json "$id" | jq -r .info.ownerPid)
for n in 0 1 4; do
  await "$n clones are done" progress ".jobs[0].progress | .current >= $n and .currentItem"
  [ $n != 4 ] || await 'a rate and an ETA' progress '.jobs[0].progress | .rate > 0 and .eta > 0'
  show 'bgjobs list'
done
heading 'The state file, as any tool sees it'
show "jq -c '.jobs[0].progress | {current, total, percentage, currentItem, rate, eta}' $state"

heading 'Its runner is killed in the middle of two clones'
cd ..
state=project/$state
sleep 0.4
await 'a clone is half made' half_made
show "kill -9 $victim"
victim=
show 'ls -A project'
sleep 1
none_left || die 'what it had started outlived it'
ok 'a second later, nothing that it had started is alive'
cd project
show 'bgjobs show $id'
show 'bgjobs items $id --open'
bgjobs items "$id" --open | grep 'interrupted' >/dev/null || die 'no clone was interrupted'
bgjobs show "$id" 2>&1 | grep -E '^status: +paused, interrupted' >/dev/null || die 'it is not shown as interrupted'
cd ..
made=$(bgjobs show --json "$id" -C project | jq -r '.job.progress.itemsCompleted[]
  | split("/")[-1] | rtrimstr(".git")')
births=$(births "$made")

heading 'Resumed, the same job goes on where it was'
cd project
show 'bgjobs resume $id'
victim=$(bgjobs show --json "$id" | jq -r '.info.ownerPid // empty')
show 'bgjobs wait $id --timeout 5m'
victim=
show 'bgjobs logs $id | grep "<=="'
show 'bgjobs list'
bgjobs list | grep -E "^$id.clone-repos.completed.*8.8.100" >/dev/null || die 'it is not the same job, completed'
cd ..
[ "$births" = "$(births "$made")" ] || die 'a clone that was done is not the same directory any more'
ok "what was done was not cloned again:" $made
half_made && die 'a half-made clone is left'
clones_are_whole

heading 'Is the state file what tools that know this format expect?'
check_state_file "$id"

heading "Shown in $SECONDS s."
