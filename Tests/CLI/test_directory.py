"""Where a run works: in the project that it is in, also in a copy of it, and where -C says."""

import json
import shutil

import pytest

from secret import await_true, only, private_file


def interrupted(project, *where):
    """The id of a run that was killed in its first command."""
    directory = project.path.joinpath(*where)
    directory.mkdir(exist_ok=True, parents=True)
    project.run("list")
    line = ["run", "--", "sh", "-c", "echo in $(pwd); test -e go || kill -9 $PPID"]
    env = {"BGJOBS_PROJECT": str(project.path)}
    project.run(*line, code=None, cwd=directory, env=env)
    id = only(project)
    await_true(lambda: project.info(id)["status"] == "paused")
    (directory / "go").touch()
    return id, line


@pytest.mark.parametrize("where", ([], ["deep", "er"]), ids=("root", "deep"))
@pytest.mark.parametrize("how", ("copied", "moved"))
@pytest.mark.parametrize("again", (False, True), ids=("resume", "the same line"))
def test_a_project_works_where_it_is(project, tmp_path_factory, where, how, again):
    id, line = interrupted(project, *where)
    original = project.path
    other = tmp_path_factory.mktemp("other") / "project"
    if how == "moved":
        original.rename(other)
    else:
        shutil.copytree(original, other)
    project.path = other
    if again:
        env = {"BGJOBS_PROJECT": str(other)}
        project.run(*line, cwd=other.joinpath(*where), env=env)
    else:
        project.run("resume", id)
        project.run("wait", id, "--timeout", "30")
    assert only(project) == id and project.info(id)["status"] == "completed"
    assert f"in {other.joinpath(*where)}\n" in project.out("logs", id)
    if how == "copied":
        project.path = original
        assert project.info(id)["status"] == "paused"


@pytest.mark.parametrize("where", ([], ["deep", "er"]), ids=("root", "deep"))
def test_a_directory_of_the_project_is_stored_relative_to_it(project, where):
    id, _ = interrupted(project, *where)
    relative = "/".join(where) or "."
    assert project.job(id)["config"]["directory"] == relative
    assert json.loads(private_file(project).read_text())["spec"]["directory"] == relative
    assert str(project.path) not in private_file(project).read_text()


def test_a_directory_elsewhere_is_stored_as_it_is(project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    project.run("list")
    env = {"BGJOBS_PROJECT": str(project.path)}
    project.run("run", "--", "true", cwd=outside, env=env)
    assert project.job(only(project))["config"]["directory"] == str(outside)


def test_a_project_behind_a_link_is_the_same_project(project, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(project.path)
    id, line = interrupted(project, "deep")
    project.run(*line, cwd=link / "deep", env={"BGJOBS_PROJECT": str(link)})
    assert only(project) == id


@pytest.fixture
def deep(project):
    project.out("create", "t")
    deep = project.path / "a" / "b"
    deep.mkdir(parents=True)
    return deep


@pytest.mark.parametrize("place", ("before", "behind"))
def test_c_is_a_cd(project, deep, tmp_path_factory, place):
    """git, make and tar have it so."""
    other = tmp_path_factory.mktemp("other")

    def out(command, *more):
        words = ["-C", deep, command] if place == "before" else [command, "-C", deep]
        return project.out(*words, *more, cwd=other)

    assert out("list") == project.out("list")
    (deep / "items").write_text("x\n")
    out("run", "--items", "items", "--", "sh", "-c", "echo $1 in $(pwd)", "sh")
    (run,) = [job for job in project.jobs() if job["type"] == "run"]
    assert f"x in {deep}\n" in project.out("logs", run["id"])
    assert project.job(run["id"])["config"]["directory"] == "a/b"
    assert list(other.iterdir()) == [] and not (deep / ".specweave").exists()


def test_c_is_a_cd_to_a_relative_directory_in_every_command(project, deep):
    ids = [job["id"] for job in project.jobs()]
    for command in (["update", ids[0], "--total", "3"], ["show", ids[0]], ["pause", ids[0]], []):
        project.run("-C", "a/b", *command)
    (deep / "names").write_text("one\n")
    project.run("plan", ids[0], "-C", "a/b", "--items", "names")
    assert project.job(ids[0])["bgjobs"]["plan"] == ["one"]
    id = project.out("-C", "a/b", "run", "--detach", "--", "pwd")
    project.run("-C", "a", "wait", id, "--timeout", "30")
    assert f"{deep}\n" in project.out("logs", id)


def test_c_goes_before_the_environment(project, deep, tmp_path_factory):
    other = str(tmp_path_factory.mktemp("other"))
    assert project.out("-C", deep, "list", env={"BGJOBS_PROJECT": other}) == project.out("list")


def test_project_names_one_and_no_other(project, deep):
    assert project.out("list", "--project", deep) == ""
    project.run("create", "u", "--project", deep)
    assert (deep / ".specweave").exists() and len(project.jobs()) == 1


def test_c_to_where_nothing_is(project, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    project.run("-C", other, "create", "t")
    assert (other / ".specweave").exists()
    for arguments in (["-C", other / "no", "list"], ["list", "-C", other / "no"]):
        assert "cannot go to" in project.run(*arguments, code=3).stderr
    assert "-C" in project.run("list", "-C", "", code=2).stderr
