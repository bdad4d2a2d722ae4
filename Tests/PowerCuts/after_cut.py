"""What is done after each cut, however it was made: look, judge, and keep what tells of a fault."""

import itertools
import json
import shutil

import processes
from verdict import compare_published


def judge(verdict, told, cut, disk, scratch, build):
    """Looks twice, without and with mending, at a disk that has its power again.

    told: the lines of each role. cut: when the power went.
    """
    verdict.phase = "at work"
    for line in itertools.chain(*told.values()):
        line.late = line.end >= cut
    for how in ("read", "write"):
        found = None
        if not verdict.faults:
            found, problem = processes.look(disk.path, how, build)
            if problem:
                verdict.fault(problem)
        if found is None:
            break
        if how == "read":
            keep_files(disk, scratch)
        verdict.judge(told, found, how == "read")
        if how == "write":
            verdict.faults += compare_published(found)


def keep_files(disk, scratch):
    """As they are found, before they are mended."""
    found = scratch / "found"
    shutil.rmtree(found, ignore_errors=True)
    if (disk.path / ".specweave").exists():
        shutil.copytree(disk.path / ".specweave", found / ".specweave")


def keep(verdict, told, when, scratch, directory, images):
    """Everything that tells how it came about."""
    directory.mkdir()
    for path in (*images, scratch / "found"):
        if path.exists():
            path.rename(directory / path.name)
    for role, lines in told.items():
        text = "".join(
            f"{line.begin} {line.end} {line.word} {' '.join(line.rest)}\n" for line in lines
        )
        (directory / f"{role}.told").write_text(text)
    places = json.dumps(verdict.places)
    (directory / "faults").write_text(
        "\n".join([*verdict.faults, f"cut at {when}; goes on at {places}", ""])
    )
