"""What became of each item."""

import dataclasses

import pytest

import bgjobs
from bgjobs import ItemState, JobItem


def test_each_item_has_a_state_and_a_reason(manager, job):
    job.plan(["a", "b", "é"])
    job.failed("é", "no route: ü")
    job.done("b")
    job.failed("unplanned")
    done = JobItem("b", ItemState.DONE, None, 1)
    failed = [
        JobItem("é", ItemState.FAILED, "no route: ü", 1),
        JobItem("unplanned", ItemState.FAILED, None, 1),
    ]
    open_ = JobItem("a", ItemState.OPEN, None, 0)
    assert job.items() == [done, *failed, open_]
    assert job.items(ItemState.FAILED) == failed
    assert job.items(state={ItemState.OPEN, ItemState.DONE}) == [done, open_]
    assert job.items(state=ItemState.UNDER_WAY) == job.items([]) == []
    job.complete()
    with bgjobs.JobManager(manager.project, read_only=True) as other:
        assert other.find(job.id).items(ItemState.FAILED) == failed
    with pytest.raises(dataclasses.FrozenInstanceError):
        done.why = "x"


def test_states_have_a_type(job):
    for states in ("failed", 4, [4], ["failed"]):
        with pytest.raises(TypeError):
            job.items(states)


def test_items_of_a_job_that_is_gone(manager, job):
    job.complete()
    manager.cleanup(0)
    with pytest.raises(bgjobs.NotFound):
        job.items()


def test_a_skipped_item_has_ended(job):
    job.plan(["a", "b"])
    job.failed("a", "no")
    job.skipped("a", "already there")
    job.skipped("c")
    assert job.items(ItemState.SKIPPED) == [
        JobItem("a", ItemState.SKIPPED, "already there", 1),
        JobItem("c", ItemState.SKIPPED, None, 1),
    ]
    info = job.info()
    assert (info.items_skipped, info.items_failed, info.items_completed) == (2, 0, 0)
    assert (info.items_open, info.current) == (1, 2)
    assert job.next()[1] == "b"
    job.done("b")
    job.complete()
    assert not job.info().has_warnings
    for item in ("", "a\0b", "x" * 4097):
        with pytest.raises(ValueError):
            job.skipped(item)


def test_some_are_tried_again(job):
    job.plan(["a", "b"])
    for name in "abc":
        job.failed(name, f"of {name}")
    job.complete()
    with pytest.raises(ValueError, match="x"):
        job.retry(["a", "x"])
    with pytest.raises(TypeError):
        job.retry("a")
    job.retry(iter(["a", "c"]))
    assert [(one.name, one.state) for one in job.items()] == [
        ("b", ItemState.FAILED),
        ("a", ItemState.OPEN),
    ]
    assert job.info().attempts == 2
