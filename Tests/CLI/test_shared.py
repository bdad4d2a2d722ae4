"""A project of several users: whose its files are, who may read them, and what is never opened."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from planted import PLANTER, VICTIM, World, give, user
from test_planted import watched

from conftest import PROGRAM

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")

GROUP, OTHERS = 61237, 61238


@pytest.fixture
def world(request):
    world = World(getattr(request, "param", VICTIM))
    world.make_state()
    yield world
    world.remove()


def access(path):
    status = os.stat(path)
    return status.st_uid, status.st_gid, status.st_mode & 0o7777


def publish(world, mode, group, groups):
    """A colleague publishes into a file of the planter's."""
    world.write(world.file, '{"jobs": []}', mode=mode)
    os.chown(world.file, PLANTER, group)
    os.chmod(world.file, mode)  # a change of the owner takes away some of it
    done = world.run("create", "t", groups=groups)
    assert done.returncode == 0, done.stderr
    assert world.id not in done.stdout
    assert done.stdout.strip() in world.file.read_text()
    return access(world.file)


def test_a_colleagues_file_stays_the_groups(world):
    os.chown(world.state, PLANTER, GROUP)
    os.chmod(world.state, 0o770)
    assert publish(world, 0o660, GROUP, [GROUP]) == (VICTIM, GROUP, 0o660)
    # And is read by both again.
    for uid in (PLANTER, VICTIM):
        done = subprocess.run(["cat", world.file], capture_output=True, **user(uid, GROUP))
        assert b'"jobs"' in done.stdout
    assert world.run("list", groups=[GROUP]).returncode == 0
    assert world.run("check", groups=[GROUP]).returncode == 0


def test_a_group_that_cannot_be_kept_is_permitted_nothing_more(world):
    assert publish(world, 0o664, GROUP, []) == (VICTIM, VICTIM, 0o644)


def test_no_program_is_made_of_a_state_file(world):
    assert publish(world, 0o6755, GROUP, []) == (VICTIM, VICTIM, 0o755)


def damage(world, mode, group=PLANTER):
    world.write(world.file, "{damaged", mode=mode)
    os.chown(world.file, PLANTER, group)
    os.utime(world.file, (0, 0))
    done = world.run("list", groups=[GROUP])
    assert done.returncode == 5, done.stderr
    assert "byte" in done.stderr and "damaged" not in done.stderr.partition("byte")[2].split(";")[0]
    (copy,) = world.state.glob("*.corrupt-*")
    assert copy.read_text() == "{damaged"
    return access(copy)


@pytest.mark.parametrize("world", [0], indirect=True)
def test_a_copy_by_root_is_its_owners(world):
    assert damage(world, 0o640, GROUP) == (PLANTER, GROUP, 0o640)


def test_a_copy_by_a_colleague_is_for_who_could_read_it(world):
    assert damage(world, 0o640, GROUP) == (VICTIM, GROUP, 0o640)


def test_a_copy_is_not_for_another_group(world):
    assert damage(world, 0o664, OTHERS) == (VICTIM, VICTIM, 0o644)


@pytest.mark.parametrize("world", [0], indirect=True)
def test_what_root_makes_belongs_to_the_projects_owner(world):
    (world.project / ".specweave/state").rmdir()
    (world.project / ".specweave").rmdir()
    for words in ("create t", "run -j2 --each a b -- echo"):
        assert world.run(*words.split()).returncode == 0
    paths = list((world.project / ".specweave").rglob("*"))
    assert world.output / "output.log" in paths
    assert {os.lstat(path).st_uid for path in paths} == {PLANTER}
    again = world.run("list", uid=PLANTER)
    assert again.stdout.count("\n") == 2, again.stderr


@pytest.mark.parametrize("world", [0], indirect=True)
def test_what_belongs_to_root_stays_so(world):
    world.write(world.file, '{"jobs": []}', uid=0)
    assert world.run("create", "t").returncode == 0
    assert access(world.file) == (0, 0, 0o644)


@pytest.mark.parametrize("world", [0], indirect=True)
def test_a_lock_file_that_is_a_fifo_is_not_opened(world):
    fifo = watched(world)
    os.mkfifo(fifo)
    give(fifo, PLANTER)
    # Opening its other end, for no time at all, would let this one go on.
    writer = subprocess.Popen(["sh", "-c", f"exec 3>{fifo}"], **user(PLANTER))
    deadline = time.monotonic() + 10
    while "(sh) S" not in Path(f"/proc/{writer.pid}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert world.run("list").returncode == 0
    assert world.run("check").returncode == 0
    assert writer.poll() is None
    writer.kill()
    writer.wait()


@pytest.mark.parametrize("world", [0, VICTIM], indirect=True)
def test_a_file_that_is_changed_under_us_is_not_followed(world):
    """The planter puts now a file of his, now a link, as fast as he can."""
    for path in (world.vault, world.vault / "state"):
        os.chmod(path, 0o711)
        world.before.pop(path)
    script = f"""
cd {world.state}
i=0
while [ $i -lt 20000 ] && [ ! -e stop ]; do
  i=$((i + 1))
  for how in -s -P; do
    ln $how {world.json} planted$i && mv -fT planted$i background-jobs.json
    echo '{{"jobs": []}}' >planted$i; chmod 666 planted$i; mv -fT planted$i background-jobs.json
  done
done
"""
    planter = subprocess.Popen(["sh", "-c", script], stderr=subprocess.DEVNULL, **user(PLANTER))
    for _ in range(25):
        for words in ("list", "create t", "cleanup --keep 0"):
            done = world.run(*words.split())
            assert done.returncode >= 0
            assert world.token not in done.stdout + done.stderr
    assert planter.poll() is None
    (world.state / "stop").touch()
    planter.wait()
    assert world.found() == []
    world.assert_unchanged()


def test_root_runs_nothing_that_its_own_line_does_not_name(tmp_path):
    """A user prepares a job for root's line: with a further item, and another command."""
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents[:3]:
        os.chmod(parent, 0o755)
    path = tmp_path / "project"
    path.mkdir()
    give(path, PLANTER)
    program = tmp_path / "bgjobs"
    program.write_bytes(Path(PROGRAM).read_bytes())
    program.chmod(0o755)
    script = 'echo "$1 $(id -u)"; sleep 0.4'
    line = [program, "run", "--each", "a", "b", "--", "sh", "-c", script, "sh", "{}"]
    run = subprocess.Popen(line, cwd=path, stderr=subprocess.DEVNULL, **user(PLANTER))
    time.sleep(0.3)
    run.kill()
    run.wait()

    def planter(*arguments):
        done = subprocess.run(
            [program, *arguments], cwd=path, capture_output=True, text=True, **user(PLANTER)
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    id = planter("list").split("\t")[0]
    planter("plan", id, "/etc/shadow")
    (stored,) = path.glob(".specweave/state/background-jobs.d/jobs/*/run.json")
    stored.write_text(stored.read_text().replace("id -u", "touch pwned; id -u"))
    background = [*line[:2], "--detach", *line[2:]]
    refused = subprocess.run(background, cwd=path, capture_output=True, text=True)
    assert refused.returncode == 1 and "foreground" in refused.stderr
    root = subprocess.Popen(line, cwd=path, stderr=subprocess.DEVNULL)
    time.sleep(0.2)
    planter("plan", id, "/etc/passwd")
    assert root.wait(30) in (0, 7)
    log = planter("logs", id)
    assert "/etc/shadow" not in log and "/etc/passwd" not in log
    assert "b 0\n" in log and not (path / "pwned").exists()
