"""What `list`, `show` and `wait` tell of jobs, and what is easily overlooked in it."""

import re


def test_seconds_left_are_whole_and_not_0(project):
    id = project.out("create", "t", "--total", 41)
    project.run("start", id)
    for n in range(40):
        project.run("done", id, n)
    info = project.info(id)
    assert [type(info[name]) for name in ("eta", "etaLow", "etaHigh")] == [int] * 3
    assert info["eta"] == 1 and 1 <= info["etaLow"] <= info["etaHigh"]
    assert re.search(r"^left: +about 1 s", project.out("show", id), re.M)
    assert project.out("list").split("\t")[8] == "1"
