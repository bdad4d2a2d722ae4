"""B after A: against a reference, and with a kill at every record of a cascade."""

import shutil
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bgjobs
from bgjobs import JobStatus, Outcome

POLICIES = ["success", "clean", "end", "failure"]


class Node:
    """A job of the reference."""

    def __init__(self, job):
        self.job, self.status, self.clean, self.needs = job, "pending", True, {}
        self.reason = None

    def verdict(self, policy):
        """Whether who needs it with this policy may start: True, False (never), None (not yet)."""
        if self.status not in ("completed", "failed"):
            return None
        return {
            "success": self.status == "completed",
            "clean": self.status == "completed" and self.clean,
            "end": True,
            "failure": self.status == "failed",
        }[policy]

    def is_ready(self):
        return all(other.verdict(policy) for other, (policy, _) in self.needs.items())

    def is_lost(self):
        return any(
            other.verdict(policy) is False and not hold
            for other, (policy, hold) in self.needs.items()
        )

    def reaches(self, other):
        return self is other or any(one.reaches(other) for one in self.needs)


def settle(nodes):
    """What follows, until nothing does."""
    changed = True
    while changed:
        changed = False
        for node in nodes:
            if node.status == "pending" and node.is_lost():
                node.status, node.reason, changed = "failed", "dependency", True
            elif node.reason == "dependency" and not node.is_lost():
                node.status, node.reason, changed = "pending", None, True


steps = st.one_of(
    st.tuples(st.just("add")),
    st.tuples(
        st.just("need"), st.integers(0), st.integers(0), st.sampled_from(POLICIES), st.booleans()
    ),
    st.tuples(st.just("forget"), st.integers(0), st.integers(0)),
    st.tuples(
        st.sampled_from(["start", "start", "complete", "spoil", "fail", "cancel", "retry"]),
        st.integers(0),
    ),
)


# How long a case takes is the machine's affair.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=50))
def test_it_is_the_reference(tmp_path_factory, script):
    project = tmp_path_factory.mktemp("dependencies")
    with bgjobs.JobManager(project, keep_completed=-1) as manager:
        nodes = []
        for step, *arguments in script:
            if step == "add" or len(nodes) < 2:
                nodes.append(Node(manager.create("t")))
            else:
                play(step, nodes, *arguments)
            settle(nodes)
            for node in nodes:
                info = node.job.info()
                assert info.status.name.lower() == node.status
                assert (info.reason == "dependency") == (node.reason == "dependency")
        with bgjobs.JobManager(project, read_only=True) as other:
            found = {info.id: info.status.name.lower() for info in other.list()}
        assert found == {node.job.id: node.status for node in nodes}


def play(step, nodes, choice, *more):
    node = nodes[choice % len(nodes)]
    if step in ("need", "forget"):
        other = nodes[more[0] % len(nodes)]
        never_ran = node.reason == "dependency"
        if node.status in ("completed", "failed") and not never_ran:
            expected = bgjobs.JobFinished
        elif node.status != "pending" and not never_ran:
            expected = bgjobs.IllegalTransition
        elif step == "need" and other.reaches(node):
            expected = bgjobs.Invalid
        else:
            expected = None
        if step == "forget":
            act = lambda: node.job.remove_dependency(other.job)  # noqa: E731
        else:
            act = lambda: node.job.add_dependency(other.job, more[1], hold=more[2])  # noqa: E731
        if expected is not None:
            with pytest.raises(expected):
                act()
            return
        act()
        node.needs.pop(other, None)
        if step == "need":
            node.needs[other] = more[1:]
    elif step == "start" and node.status == "pending":
        what = node.job.start()
        assert what is (Outcome.OK if node.is_ready() else Outcome.WAITING)
        if what is Outcome.OK:
            node.status = "running"
        else:
            assert node.job.waits()[0]["for"] == "dependency"
    elif step == "spoil" and node.status == "running":
        node.job.failed("item")
        node.clean = False
    elif step == "complete" and node.status == "running":
        node.job.complete()
        node.status = "completed"
    elif step in ("fail", "cancel") and node.status in ("pending", "running"):
        getattr(node.job, step)()
        node.status, node.reason = "failed", None
    elif step == "retry" and (
        node.status == "failed" or (node.status == "completed" and not node.clean)
    ):
        if node.reason == "dependency":
            with pytest.raises(bgjobs.IllegalTransition):
                node.job.retry()
            return
        node.job.retry()
        node.status, node.reason, node.clean = "pending", None, True


def records(journal):
    """Where each record of the journal ends."""
    place, ends = 128, []
    while place + 26 <= len(journal):
        (length,) = struct.unpack_from("<I", journal, place)
        place += 26 + length + 7 & ~7
        ends.append(place)
    return ends


@pytest.mark.parametrize("then", ["fail", "retry"])
def test_a_kill_at_every_record_of_a_cascade(project, tmp_path, then):
    """Whoever comes next does what is owed, with the same end."""
    size = 50
    with bgjobs.JobManager(project) as manager:
        jobs = [manager.create("t")]
        for number in range(1, size):
            jobs.append(manager.create("t"))
            # A tree: each of two is needed by two others.
            jobs[number].add_dependency(jobs[(number - 1) // 2])
        if then == "retry":
            jobs[0].fail()
        name = ".specweave/state/background-jobs.d/journal"

        def salt():
            return (project / name).read_bytes()[32:40]

        # Just after a compaction the next one is far.
        was, most = salt(), 0
        while salt() == was:
            most += 1
            manager.limit("*", 100 + most % 2)
        manager.sync()
        before = tmp_path / "before"
        shutil.copytree(project, before)
        begin = len((before / name).read_bytes())
        getattr(jobs[0], then)()
        after = (project / name).read_bytes()
        expected = {info.id: (info.status, info.reason) for info in manager.list()}
    # The header says who has the lock.
    assert after[128:begin] == (before / name).read_bytes()[128:]
    ends = [end for end in records(after) if end > begin]
    assert len(ends) >= size
    # The first record is the end itself.
    for end in ends:
        cut = tmp_path / "cut"
        shutil.copytree(before, cut)
        (cut / name).write_bytes(after[:end])
        with bgjobs.JobManager(cut) as manager:
            manager.limit("*", 3)
            found = {info.id: (info.status, info.reason) for info in manager.list()}
        assert found == expected
        shutil.rmtree(cut)


def test_hosts_say_it_in_their_way(project):
    with bgjobs.JobManager(project) as manager:
        first = manager.enqueue("t")
        second = manager.enqueue("t", after=first)
        third = manager.enqueue("t", after=[second.id, (first, "end")], priority=9)
        with pytest.raises(bgjobs.Invalid):
            first.add_dependency(third)
        with pytest.raises(bgjobs.Invalid):
            first.add_dependency(second, "never")
        assert [wait["id"] for wait in third.waits()] == [second.id, first.id]
        order = []
        for job in manager.claims():
            order.append(job.id)
            job.complete()
        assert order == [first.id, second.id, third.id]
        assert third.info().status is JobStatus.COMPLETED
