# What both demos begin with; sourced by them. Goes to a directory of its own, in which eight bare
# repositories are in served/ and their URLs in repositories.txt; project/ is empty.
set -euo pipefail

names=(app backend catalog docs engine frontend gateway handbook)
state=project/.specweave/state/background-jobs.json
victim= # the process that must not outlive the demo

# Nothing of the one who runs the demo may change what it shows.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 LC_ALL=C
export GIT_AUTHOR_NAME=Demo GIT_AUTHOR_EMAIL=demo@example.org
export GIT_COMMITTER_NAME=Demo GIT_COMMITTER_EMAIL=demo@example.org
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE BGJOBS_PROJECT

demo=$(mktemp -d)
end() {
  status=$?
  trap - EXIT
  [ -z "$victim" ] || kill -9 "$victim" 2>/dev/null || true
  for _ in 1 2 3 4 5; do rm -rf "$demo" 2>/dev/null && break || sleep 0.2; done
  exit $status
}
trap end EXIT
trap 'exit 130' INT TERM
cd "$demo"

bold='' dim='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi
heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; eval "$*"; }
ok() { printf '  ok  %s\n' "$*"; }
die() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }

# Until the command succeeds, for half a minute: the demo waits for what is to be seen, not a time.
await() {
  local what=$1 i
  shift
  for ((i = 0; i < 600; i++)); do
    if "$@" 2>/dev/null; then return; fi
    sleep 0.05
  done
  die "this did not happen in time: $what"
}
progress() { jq -e "$1" "$state" >/dev/null; }
half_made() { compgen -G 'project/.half-made.*/.git' >/dev/null; }

# A bare repository of 300 commits and 19 MB. It lies in many packs, as many pushes leave it, and
# that makes its server compare the files at each clone: some seconds, as over a network.
make_repository() {
  git init --quiet --bare --initial-branch=main "served/$1.git"
  git -C "served/$1.git" config pack.window 20
  for i in {1..300}; do
    printf 'commit refs/heads/main\ncommitter Demo <demo@example.org> %d +0000\n' \
      $((1700000000 + i * 3600))
    printf 'data 10\nCommit %03d\nM 100644 inline %s/%03d.bin\ndata 64000\n' "$i" "$1" "$i"
    head -c 64000 /dev/urandom
    ((i % 20)) || echo checkpoint
  done | git -C "served/$1.git" -c fastimport.unpackLimit=1 fast-import --quiet
}

# What works on the job runs in project, and the git that serves it in served.
processes() { ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -cE "$demo/(project|served)" || true; }
none_left() { [ "$(processes)" = 0 ]; }

# What was cloned before, with its inodes and times: it must not be cloned again.
made() { jq -r '.jobs[0].progress.itemsCompleted[] | split("/")[-1] | rtrimstr(".git")' "$state"; }
births() { (cd project && stat --format='%n %i %W %Y' $1); }

clones_are_whole() {
  for name in "${names[@]}"; do
    git -C "project/$name" fsck --no-progress
    [ "$(git -C "project/$name" rev-parse HEAD)" = "$(git -C "served/$name.git" rev-parse main)" ]
    [ -z "$(git -C "project/$name" status --porcelain)" ]
  done || die "a clone is not whole: $name"
  ok 'all eight are whole: git fsck, HEAD, git status'
}

# expect WHAT FILTER: with jq, of the only job in the state file; $file is all of it.
expect() {
  jq -e "def has_order(\$all): keys_unsorted | map(select(IN(\$all[]))) == \$all;
    def date: test(\"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z\$\");
    . as \$file | .jobs[0] | $2" "$state" >/dev/null || die "not so: $1"
  ok "$1"
}

# The state file against the format that other tools know. $1: the id.
check_state_file() {
  expect 'one job, of the same id, completed' \
    "(\$file.jobs | length) == 1 and .id == \"$1\" and .type == \"clone-repos\"
      and .status == \"completed\""
  expect 'the members of a job, in order' \
    'has_order(["id", "type", "status", "progress", "startedAt", "updatedAt", "config"])'
  expect 'the members of its progress, in order, and no rate and ETA of what has ended' \
    '.progress | has_order(["current", "total", "percentage", "itemsCompleted", "itemsFailed"])
      and (has("rate") or has("eta") | not)'
  expect '8 of 8, 100 %, each repository completed once, none failed' \
    '.progress | .current == 8 and .total == 8 and .percentage == 100
      and (.itemsCompleted | unique | length) == 8 and .itemsFailed == []'
  expect 'dates in UTC with milliseconds' \
    '[.startedAt, .updatedAt, .completedAt] | all(date) and .[0] < .[2]'
}

SECONDS=0
heading 'Eight git repositories, 300 commits each'
mkdir served project
for name in "${names[@]}"; do
  make_repository "$name" &
  [ "$(jobs -pr | wc -l)" -lt 2 ] || wait -n
  echo "file://$demo/served/$name.git" >>repositories.txt
done
wait
printf '%s  ' "${names[@]}"
printf '\n%s\n' "served as file://, made in $SECONDS s"
