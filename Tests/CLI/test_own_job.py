"""A command of a run reports on its own job."""

import re

import pytest
from test_run import SHELL, await_true, only

REPORT = "bgjobs update --total 8 --current 3 --item three --cursor '{\"page\": 3}'"


def test_a_command_says_how_far_its_job_is(project):
    script = f"{REPORT}; touch said; while ! test -e go; do sleep 0.02; done"
    project.run("run", "--detach", *SHELL, script)
    await_true((project.path / "said").exists)
    id = only(project)["id"]
    info = project.info(id)
    assert (info["current"], info["total"], info["currentItem"]) == (3, 8, "three")
    shown = project.out("show", id)
    assert re.search(r'(?m)^cursor: +{"page": ?3}$', shown)
    assert re.search(r"(?m)^current item: three$", shown)
    (project.path / "go").touch()
    project.run("wait", id)
    # It has counted itself.
    info = project.info(id)
    assert (info["status"], info["current"], info["total"]) == ("completed", 3, 8)


def test_what_it_has_counted_to_the_end_is_all(project):
    project.run("run", *SHELL, "for n in 1 2 3; do bgjobs update --total 3 --advance 1; done")
    info = only(project)
    assert (info["current"], info["total"], info["percentage"]) == (3, 3, 100)


def test_its_items_are_counted(project):
    script = "bgjobs update --total 2; bgjobs done $BGJOBS_JOB_ID a b"
    project.run("run", *SHELL, script)
    info = only(project)
    assert (info["status"], info["current"], info["total"]) == ("completed", 2, 2)


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_its_own_whatever_it_reports(project, code):
    script = f"bgjobs failed $BGJOBS_JOB_ID a; bgjobs done $BGJOBS_JOB_ID b; exit {code}"
    project.run("run", *SHELL, script, code=code)
    assert only(project)["status"] == ("failed" if code else "completed")


def test_it_gets_a_rate_and_an_eta(project):
    script = (
        "bgjobs update --total 1000; n=0; while ! test -e go; do n=$((n+1));"
        " bgjobs update --current $n; sleep 0.1; done"
    )
    project.run("run", "--detach", *SHELL, script)
    await_true(lambda: {"rate", "eta"} <= only(project).keys())
    (project.path / "go").touch()
    project.run("wait", only(project)["id"])


def test_where_it_was_is_there_when_it_goes_on(project):
    script = (
        "bgjobs update --current 3 --cursor 7; touch said;"
        " while ! test -e go; do sleep 0.02; done; bgjobs show $BGJOBS_JOB_ID >seen"
    )
    project.run("run", "--detach", *SHELL, script)
    await_true((project.path / "said").exists)
    id = only(project)["id"]
    project.run("pause", id)
    # What runs is finished in a pause, too, and then there would be nothing to go on with.
    project.run("resume", id)
    (project.path / "go").touch()
    project.run("wait", id)
    assert re.search(r"(?m)^cursor: +7$", (project.path / "seen").read_text())


def test_without_a_job_it_says_so(project):
    failed = project.run("update", "--current", "3", code=2)
    assert "BGJOBS_JOB_ID" in failed.stderr
