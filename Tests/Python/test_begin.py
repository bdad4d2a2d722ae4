"""Attempts, a plan that is replaced, limits as servers say them, and another config."""

import datetime
import time

import pytest

import bgjobs


def test_what_was_begun_and_did_not_end_comes_last(project):
    with bgjobs.JobManager(project) as manager:
        job = manager.create("t")
        job.plan(["a", "b", "c"])
        job.start()
        assert job.begin("a") == (1, 1)
        assert job.begin("a") == (2, 2)
        assert job.begin("b") == bgjobs.Attempt(number=1, unended=1)
        job.give_back("b")
        assert [item.name for item in job.items(bgjobs.ItemState.UNDER_WAY)] == ["a"]
        id = job.id
    with bgjobs.JobManager(project) as manager:
        job = manager.find(id)
        job.start()
        assert list(job.remaining()) == ["b", "c", "a"]
        job.done("a")
        (item,) = job.items(bgjobs.ItemState.DONE)
        assert (item.name, item.attempts) == ("a", 2)


def test_a_list_is_the_plan(project):
    with bgjobs.JobManager(project) as manager:
        job = manager.create("t")
        assert job.set_plan(["a", "b", "c"]) == 0
        job.start()
        job.done("a")
        assert job.set_plan(["c", "d"]) == 1
        assert list(job.remaining()) == ["c", "d"]
        assert job.info().total == 3
        assert job.set_plan([]) == 2


@pytest.mark.parametrize("kind", ["text", "number", "moment", "header"])
def test_limits_as_servers_say_them(project, kind):
    until = time.time() + 600
    said = {
        "text": "10m",
        "number": until,
        "moment": datetime.datetime.fromtimestamp(until),
        "header": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(until)),
    }[kind]
    with bgjobs.JobManager(project) as manager:
        job = manager.create("t")
        job.start()
        job.rate_limited("github", until=said)
        assert abs(job.info().resume_at.timestamp() - until) < 5


def test_a_limit_that_cannot_be_read(project):
    with bgjobs.JobManager(project) as manager:
        job = manager.create("t")
        job.start()
        with pytest.raises(bgjobs.Invalid, match="soon"):
            job.rate_limited(until="soon")
        job.rate_limited(until="2001-01-01T00:00:00Z")
        assert job.info().status is bgjobs.JobStatus.RUNNING


def test_another_config(project):
    with bgjobs.JobManager(project) as manager:
        job = manager.create("t", {"a": 1})
        job.set_config({"b": 2})
        assert job.config == {"type": "t", "b": 2}
