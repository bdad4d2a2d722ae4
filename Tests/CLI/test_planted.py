"""A user reads nothing of another's through us: what is planted in a project is not followed."""

import json
import os
import socket
import subprocess

import pytest
from planted import PLANTER, STRANGER, VICTIM, World, give, make_run, state_of, user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")

SHAPES = {}


def shape(*, made=False, root_only=False, refused=True):
    """`made`: in a project that has a killed run. `refused`: looking is an error that says why."""

    def add(plant):
        SHAPES[plant.__name__] = (plant, made, root_only or None, refused)
        return plant

    return add


def link(target, path):
    if os.path.lexists(path):
        os.rename(path, f"{path}.was")
    os.symlink(target, path)
    give(path, PLANTER)


def hard_link(target, path):
    if os.path.lexists(path):
        os.unlink(path)
    os.link(target, path)


# ---- The state file ----


@shape()
def file_is_a_link_to_text(world):
    link(world.text, world.file)


@shape()
def file_is_a_link_to_json(world):
    link(world.json, world.file)


@shape()
def file_is_a_relative_link(world):
    link("../../../vault/state/background-jobs.json", world.file)


@shape()
def file_is_a_link_to_a_link(world):
    link(world.text, world.project / "other")
    link(world.project / "other", world.file)


@shape()
def file_is_a_link_to_nothing(world):
    link(world.vault / "nothing", world.file)


@shape()
def file_is_a_link_to_itself(world):
    link(world.file, world.file)


@shape()
def file_is_a_link_to_a_device(world):
    link("/dev/zero", world.file)


@shape()
def file_is_a_hard_link_to_text(world):
    hard_link(world.text, world.file)


@shape()
def file_is_a_hard_link_to_json(world):
    hard_link(world.json, world.file)


@shape()
def file_is_moved_text(world):
    world.move(world.text, world.file)


@shape()
def file_is_moved_json(world):
    world.move(world.json, world.file)


@shape()
def file_is_a_fifo(world):
    os.mkfifo(world.file)
    give(world.file, PLANTER)


@shape()
def file_is_a_socket(world):
    # Its path would be too long.
    here = os.getcwd()
    os.chdir(world.state)
    socket.socket(socket.AF_UNIX).bind("background-jobs.json")
    os.chdir(here)
    give(world.file, PLANTER)


@shape()
def file_is_a_directory(world):
    world.make_directory(world.file)


@shape(root_only=True)
def file_is_a_strangers(world):
    world.write(world.file, world.json.read_text(), STRANGER, 0o640)


@shape(refused=False)
def copy_is_a_link(world):
    world.write(world.file, "{")
    os.utime(world.file, (0, 0))
    link(world.text, world.state / "background-jobs.json.corrupt-1")


@shape(made=True)
def file_of_a_run_is_a_link_to_text(world):
    link(world.text, world.file)


@shape(made=True)
def file_of_a_run_is_a_link_to_json(world):
    link(world.json, world.file)


@shape(made=True)
def file_of_a_run_is_a_hard_link(world):
    hard_link(world.json, world.file)


# ---- Directories ----


@shape()
def all_is_a_link(world):
    os.rename(world.project / ".specweave", world.project / "was")
    link(world.vault, world.project / ".specweave")


@shape()
def state_is_a_link(world):
    os.rename(world.state, world.project / "was")
    link(world.vault / "state", world.state)


@shape()
def private_is_a_link(world):
    link(world.vault, world.private)


@shape(refused=False)
def all_is_a_moved_directory(world):
    os.rename(world.project / ".specweave", world.project / "was")
    os.rename(world.vault / "state", world.root / "elsewhere")
    os.rename(world.vault, world.project / ".specweave")
    notes = world.project / ".specweave/notes"
    world.before = {notes: state_of(notes)}


@shape(root_only=True)
def state_is_a_strangers(world):
    world.write(world.file, world.json.read_text(), STRANGER, 0o640)
    give(world.state, STRANGER)


@shape(root_only=True)
def private_is_a_strangers(world):
    world.make_directory(world.private, STRANGER, 0o700)


@shape(made=True, root_only=True)
def private_of_a_run_is_a_strangers(world):
    give(world.private, STRANGER)


# ---- In our own directory ----


@shape(made=True, root_only=True)
def journal_is_a_link(world):
    link(world.text, world.private / "journal")


@shape(made=True, root_only=True)
def journal_is_a_hard_link(world):
    hard_link(world.json, world.private / "journal")


@shape(made=True, root_only=True, refused=False)
def journal_is_a_fifo(world):
    os.unlink(world.private / "journal")
    os.mkfifo(world.private / "journal")
    give(world.private / "journal", PLANTER)


@shape(made=True, root_only=True, refused=False)
def out_is_a_link(world):
    link(world.json, world.private / "out")


@shape(made=True, root_only=True, refused=False)
def out_is_a_hard_link_to_text(world):
    hard_link(world.text, world.private / "out")


@shape(made=True, root_only=True, refused=False)
def out_is_a_hard_link_to_json(world):
    hard_link(world.json, world.private / "out")


@shape(made=True, root_only=True, refused=False)
def names_of_new_files_are_links(world):
    for name in ("out.new", "journal.new", ".gitignore"):
        link(world.text, world.private / name)


def log_of(world):
    return next(world.private.glob("log-*"))


@shape(made=True, root_only=True)
def log_is_a_link(world):
    link(world.text, log_of(world))


@shape(made=True, root_only=True)
def log_is_a_hard_link(world):
    hard_link(world.text, log_of(world))


# ---- Output ----


@shape(made=True, root_only=True, refused=False)
def all_output_is_a_link(world):
    link(world.vault, world.private / "jobs")


@shape(made=True, root_only=True, refused=False)
def output_directory_is_a_link(world):
    link(world.vault, world.output)


@shape(made=True, root_only=True, refused=False)
def output_is_a_link(world):
    link(world.vault / "output.log", world.output / "output.log")


@shape(made=True, root_only=True, refused=False)
def output_is_a_hard_link(world):
    hard_link(world.vault / "output.log", world.output / "output.log")


@shape(made=True, root_only=True, refused=False)
def output_is_moved(world):
    world.move(world.vault / "output.log", world.output / "output.log")


@shape(made=True, root_only=True, refused=False)
def output_is_a_fifo(world):
    os.unlink(world.output / "output.log")
    os.mkfifo(world.output / "output.log")
    give(world.output / "output.log", PLANTER)


@shape(made=True, root_only=True, refused=False)
def running_is_a_link(world):
    link(world.text, world.output / "running-1")


@shape(made=True, root_only=True, refused=False)
def running_is_a_hard_link(world):
    hard_link(world.text, world.output / "running-1")


@shape(made=True, root_only=True, refused=False)
def running_is_moved(world):
    world.move(world.vault / "running-1", world.output / "running-1")


@shape(made=True, root_only=True, refused=False)
def running_is_a_fifo(world):
    os.unlink(world.output / "running-1")
    os.mkfifo(world.output / "running-1")
    give(world.output / "running-1", PLANTER)


# ---- Paths in the state file ----


@shape(root_only=True, refused=False)
def lock_file_is_a_link(world):
    link(world.text, watched(world))


def watched(world):
    """A job that lives as long as a file is open; gives the file's path, which is free again."""
    lock = world.project / "lock"
    script = 'id=$("$0" create t) && exec 9>lock && "$0" start $id --owner-fd 9'
    command = ["sh", "-c", script, world.program]
    subprocess.run(command, cwd=world.project, check=True, **user(PLANTER))
    world.id = json.loads(world.run("list", "--json", uid=PLANTER).stdout)["jobs"][0]["id"]
    lock.unlink()
    return lock


@shape(refused=False)
def names_climb_out(world):
    up = "../../../vault/shadow"
    jobs = [{"id": up, "type": up, "status": "pending", "config": {"directory": up}}]
    ours = {"format": 1, "seq": 3, "setAside": [{"name": up}, {"name": "/etc/shadow"}]}
    world.write(world.file, json.dumps({"jobs": jobs, "bgjobs": ours}))
    world.id = up


CASES = [
    pytest.param(*case, victim, id=f"{'root' if victim == 0 else 'user'}-{name}")
    for victim in (0, VICTIM)
    for name, case in SHAPES.items()
    if victim == 0 or not case[2]
]


@pytest.fixture
def world(request):
    made, victim = request.param
    world = World(victim)
    make_run(world) if made else world.make_state()
    yield world
    world.remove()


def pytest_generate_tests(metafunc):
    if "plant" in metafunc.fixturenames:
        cases = [
            pytest.param((made, victim), plant, refused, id=param.id)
            for param in CASES
            for plant, made, _, refused, victim in [param.values]
        ]
        metafunc.parametrize("world,plant,refused", cases, indirect=["world"])


def test_nothing_is_read_through_us(world, plant, refused):
    plant(world)
    told = world.work()
    for words, done in told.items():
        said = done.stdout + done.stderr
        assert world.token not in said, f"{words} said: {said}"
        assert done.returncode >= 0, f"{words} was killed by {-done.returncode}"
    world.assert_unchanged()
    if refused:
        for words in ("list", "show ID", "--id ID"):
            assert told[words].returncode not in (0, 3), words
            assert "bgjobs: " in told[words].stderr, words
            assert "/.specweave" in told[words].stderr, told[words].stderr
    # What was read once must not come out where the planter changes his mind.
    world.plant_anew()
    for words in ("create again", "list", "cleanup"):
        world.run(*words.split())
    assert world.found() == []
    world.assert_unchanged()
