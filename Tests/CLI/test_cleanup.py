"""What goes and what stays: cleanup, BGJOBS_KEEP, wait for a job that is gone."""

import os

import pytest


def ended(project, how):
    id = project.out("create", "t")
    project.run("start", id, "--owner-pid", os.getpid())
    if how == "failed items":
        project.run("failed", id, "x")
        project.run("complete", id, code=7)
    else:
        project.run({"completed": "complete", "failed": "fail", "cancelled": "cancel"}[how], id)
    return id


def ids(project):
    return {job["id"] for job in project.jobs()}


def test_what_it_removes_is_said_and_failures_stay(project):
    good = [ended(project, "completed") for _ in range(3)]
    bad = [ended(project, how) for how in ("failed items", "failed", "cancelled")]
    dry = project.out("cleanup", "--keep", "1", "--dry-run")
    assert ids(project) == {*good, *bad}
    done = project.out("cleanup", "--keep", "1")
    assert done == dry == "".join(f"{id}\tt\tcompleted\n" for id in good[:2]).rstrip()
    assert ids(project) == {good[2], *bad}
    assert "nothing" in project.run("cleanup", "--keep", "1").stderr
    gone = project.out("cleanup", "--keep", "0", "--failed").splitlines()
    assert {line.split("\t")[0] for line in gone} == {good[2], *bad} and ids(project) == set()


def test_the_number_may_be_said_in_the_environment(project):
    good = [ended(project, "completed") for _ in range(4)]
    assert len(project.out("cleanup", "-n", env={"BGJOBS_KEEP": "1"}).splitlines()) == 3
    assert project.run("cleanup", "-n", env={"BGJOBS_KEEP": "all"}).stdout == ""
    said = project.out("cleanup", "-n", "--keep", "0", env={"BGJOBS_KEEP": "3"})
    assert len(said.splitlines()) == 4
    assert "BGJOBS_KEEP" in project.run("list", env={"BGJOBS_KEEP": "few"}, code=2).stderr
    assert ids(project) == set(good)


def test_fifteen_small_runs_are_all_there(project):
    made = [project.out("run", "--detach", "--key", n, "--", "true") for n in range(15)]
    for id in made:
        project.run("wait", id, "--timeout", "60")
    assert ids(project) == set(made)


@pytest.mark.parametrize(
    "how, code", [("completed", 0), ("failed items", 7), ("failed", 9), ("cancelled", 9)]
)
def test_wait_for_a_job_that_was_cleaned_up(project, how, code):
    id = ended(project, how)
    project.run("cleanup", "--keep", "0", "--failed")
    done = project.run("wait", id, code=code)
    assert f"job {id} was removed" in done.stderr and len(done.stderr.splitlines()) == 1
    project.run("wait", id, "--for", "completed,failed")
    assert "was removed" in project.run("show", id, code=3).stderr
