"""The store against a dict of jobs: two managers, a foreign writer, and reopening.

BGJOBS_EXAMPLES and BGJOBS_STEPS say how long; by hand, 2000 and 50.
"""

import contextlib
import json
import os
import shutil
import tempfile
import time
from datetime import datetime, timezone
from typing import Dict

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

import bgjobs
from bgjobs import Outcome
from conftest import await_that  # noqa: F401  (makes the package importable)
from model import COMPLETED, FAILED, OTHER, PAUSED, PENDING, RUNNING, ModelJob

managers = st.sampled_from("AB")
items = st.sampled_from(["a", "b", "c", "d", "é\U0001f600", "x" * 300, 'with "quotes"\n'])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
values = values.filter(lambda value: "\\u0000" not in json.dumps(value))  # jansson takes none
configs = st.dictionaries(st.sampled_from("pqr"), values, max_size=2)
reasons = st.none() | st.sampled_from(["lunch", "night"])
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Store(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self):
        super().__init__()
        self.directory = tempfile.mkdtemp(dir=MEMORY)
        self.state_file = os.path.join(self.directory, ".specweave/state/background-jobs.json")
        self.now = 1_700_000_000.0
        self.jobs: Dict[str, ModelJob] = {}
        self.top = {}
        self.serial = 0
        self.open = {"A": self.manager(), "B": self.manager()}

    def manager(self):
        return bgjobs.JobManager(
            self.directory, keep_finished=-1, clock=lambda _: int(self.now * 1_000_000_000)
        )

    def teardown(self):
        try:
            for name in "AB":
                self.reopen(name)
            self.all_is_shown()
            self.the_state_file_says_it()
        finally:
            for manager in self.open.values():
                manager.close()
            shutil.rmtree(self.directory)

    # ---- What is compared

    @invariant()
    def all_is_shown(self):
        self.now += 0.05
        for name, manager in self.open.items():
            infos = manager.list()
            assert [info.id for info in infos] == list(self.jobs)
            for info in infos:
                job = self.jobs[info.id]
                shown = {key: getattr(info, key) for key in job.shown()}
                assert shown == job.shown()
                assert info.owned == (job.owner == name)

    def the_state_file_says_it(self):
        if not self.jobs:
            return
        document = self.published()
        assert [job["id"] for job in document["jobs"]] == list(self.jobs)
        assert {k: v for k, v in document.items() if k.startswith("theirs")} == self.top
        for written in document["jobs"]:
            job = self.jobs[written["id"]]
            assert written["status"] == (job.status_name or job.status.name.lower())
            assert written.get("note") == job.note
            progress = written["progress"]
            # The owner's reports and those of others stand in two files, in no common order.
            assert sorted(progress["itemsCompleted"]) == sorted(job.done)
            assert sorted(progress["itemsFailed"]) == sorted(job.failed)
            assert progress["current"] == job.current
            handle = self.handle("A", written["id"])
            assert handle.config == job.config
            assert handle.cursor == job.cursor
            assert all(handle.is_done(item) for item in job.done)

    def published(self):
        self.open["A"].sync()
        with open(self.state_file, encoding="utf-8") as file:
            return json.load(file)

    def handle(self, name, id):
        return self.open[name].find(id)

    def check(self, expected, call):
        """The call does what the model says: an outcome, or an exception."""
        if isinstance(expected, Outcome):
            assert call() is expected
            return
        try:
            got = call()
        except bgjobs.BgjobsError as error:
            assert type(error) is expected, repr(error)
        else:
            raise AssertionError(f"{got!r} in place of {expected.__name__}")

    # ---- Jobs

    @rule(target=ids, name=managers, config=configs, total=st.integers(0, 5))
    def create(self, name, config, total):
        job = self.open[name].create("import-issues", config, total=total)
        assert job.id not in self.jobs
        self.jobs[job.id] = ModelJob(
            "import-issues", None, {"type": "import-issues", **config}, total
        )
        return job.id

    @rule(target=ids, name=managers, key=st.sampled_from(["k", "l"]), config=configs)
    def ensure(self, name, key, config):
        job = self.open[name].ensure("clone-repos", key, config, total=3)
        unfinished = [
            id
            for id, one in self.jobs.items()
            if (one.type, one.key) == ("clone-repos", key) and not one.finished
        ]
        if unfinished:
            assert [job.id] == unfinished
            return multiple()
        self.jobs[job.id] = ModelJob("clone-repos", key, {"type": "clone-repos", **config}, 3)
        return job.id

    @rule(name=managers, keep=st.integers(0, 4))
    def cleanup(self, name, keep):
        finished = [id for id, job in self.jobs.items() if job.finished]
        finished.sort(key=lambda id: self.jobs[id].completed_at)
        remove = finished[: max(0, len(finished) - keep)]
        assert self.open[name].cleanup(keep) == len(remove)
        for id in remove:
            del self.jobs[id]

    @rule(name=managers)
    def reopen(self, name):
        self.open[name].close()
        for job in self.jobs.values():
            if job.owner == name:
                job.leave(name)
        self.open[name] = self.manager()

    @rule(name=managers)
    def sync(self, name):
        self.open[name].sync()

    @rule(seconds=st.integers(1, 100))
    def time_passes(self, seconds):
        self.now += seconds

    def known(self, id):
        return id in self.jobs

    def clashes(self, name, id, *done_or_failed):
        """Another one's report on the owner's current item: test_api.py,
        test_the_current_item_and_the_report_of_another."""
        job = self.jobs[id]
        return job.elsewhere(name) and job.current_item in {*done_or_failed} - {None}

    # ---- Life

    @rule(name=managers, id=ids)
    def start(self, name, id):
        if self.known(id):
            expected = self.jobs[id].start(name, self.now)
            self.check(expected, self.handle(name, id).start)

    @rule(name=managers, id=ids)
    def leave(self, name, id):
        if not self.known(id):
            return
        job, handle = self.jobs[id], self.handle(name, id)
        if job.owner == name and job.status is RUNNING and handle.leave() is Outcome.RESUMED:
            return  # what it had not seen yet, it has seen now
        if job.owner == name and job.status is RUNNING:
            job.leave(name)
        else:
            self.check(job.leave(name), handle.leave)

    @rule(name=managers, id=ids, reason=reasons, after=st.sampled_from([0, 30]))
    def pause(self, name, id, reason, after):
        if self.known(id):
            expected = self.jobs[id].pause(reason, after, self.now)
            self.check(expected, lambda: self.handle(name, id).pause(reason, retry_after=after))

    @rule(name=managers, id=ids, seconds=st.sampled_from([0, 20]))
    def rate_limited(self, name, id, seconds):
        if self.known(id):
            expected = self.jobs[id].rate_limited(seconds, self.now)
            self.check(expected, lambda: self.handle(name, id).rate_limited("github", seconds))

    @rule(name=managers, id=ids)
    def resume(self, name, id):
        if self.known(id):
            self.check(self.jobs[id].resume(), self.handle(name, id).resume)

    @rule(name=managers, id=ids)
    def wait_resumed(self, name, id):
        """The time of a rate limit ends through the owner's wait, or anybody's without owner."""
        if not self.known(id):
            return
        job = self.jobs[id]
        over = job.status is PAUSED and job.resume_at is not None and self.now >= job.resume_at
        if over and not job.elsewhere(name):
            job.resume()
        expected = RUNNING if job.status is RUNNING else bgjobs.WaitTimeout
        if job.finished:
            expected = bgjobs.JobFinished
        if expected is RUNNING:
            assert self.handle(name, id).wait(RUNNING, 0) is RUNNING
        else:
            self.check(expected, lambda: self.handle(name, id).wait(RUNNING, 0))

    @rule(name=managers, id=ids, result=values)
    def complete(self, name, id, result):
        if self.known(id):
            expected = self.jobs[id].complete(name, self.now)
            self.check(expected, lambda: self.handle(name, id).complete(result))

    @rule(name=managers, id=ids, how=st.sampled_from(["fail", "cancel"]))
    def fail(self, name, id, how):
        if not self.known(id):
            return
        job, owner = self.jobs[id], self.jobs[id].owner
        expected = job.fail("error" if how == "fail" else "cancelled", self.now)
        self.check(expected, lambda: getattr(self.handle(name, id), how)("why"))
        if owner not in (None, name):
            # Only now the owner lets go of it.
            self.check(bgjobs.JobFinished, lambda: self.handle(owner, id).done("late"))

    @rule(name=managers, id=ids)
    def retry(self, name, id):
        if self.known(id):
            self.check(self.jobs[id].retry(), self.handle(name, id).retry)

    # ---- Reports

    @rule(name=managers, id=ids, item=items)
    def done(self, name, id, item):
        if not self.known(id) or self.clashes(name, id, item):
            return
        expected = self.jobs[id].admit(name, owners=False, prepares=False)
        self.check(expected, lambda: self.handle(name, id).done(item))
        if isinstance(expected, Outcome):
            self.jobs[id].keep_done(item)

    @rule(name=managers, id=ids, item=items, why=reasons)
    def failed(self, name, id, item, why):
        if not self.known(id) or self.clashes(name, id, item):
            return
        expected = self.jobs[id].admit(name, owners=False, prepares=False)
        self.check(expected, lambda: self.handle(name, id).failed(item, why))
        if isinstance(expected, Outcome):
            self.jobs[id].keep_failed(item)

    @rule(
        name=managers,
        id=ids,
        current=st.none() | st.integers(0, 9),
        item=st.none() | st.just("") | items,
        done=st.none() | items,
        failed=st.none() | items,
    )
    def update(self, name, id, current, item, done, failed):
        if not self.known(id) or self.clashes(name, id, done, failed):
            return
        job = self.jobs[id]
        prepares = current is None and done is None and failed is None
        owners = current is not None or item is not None
        expected = job.admit(name, owners=owners, prepares=prepares)
        self.check(
            expected,
            lambda: self.handle(name, id).update(
                current=current, current_item=item, done=done, failed=failed
            ),
        )
        if not isinstance(expected, Outcome):
            return
        if done is not None:
            job.keep_done(done)
        if failed is not None:
            job.keep_failed(failed)
        if item is not None:
            job.current_item = item or None
        if current is not None:
            job.extra = current - len(job.done) - len(job.failed)

    @rule(name=managers, id=ids, count=st.integers(-3, 3))
    def advance(self, name, id, count):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(name, owners=False, prepares=False)
        self.check(expected, lambda: self.handle(name, id).advance(count))
        if isinstance(expected, Outcome):
            self.jobs[id].extra += count

    @rule(name=managers, id=ids, total=st.integers(0, 9))
    def set_total(self, name, id, total):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(name, owners=True, prepares=True)
        self.check(expected, lambda: self.handle(name, id).set_total(total))
        if isinstance(expected, Outcome):
            self.jobs[id].total = total

    @rule(name=managers, id=ids, value=values)
    def set_cursor(self, name, id, value):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(name, owners=True, prepares=True)
        self.check(expected, lambda: self.handle(name, id).set_cursor(value))
        if isinstance(expected, Outcome):
            self.jobs[id].cursor = value

    @rule(name=managers, id=ids, planned=st.lists(items, max_size=4))
    def plan(self, name, id, planned):
        if not self.known(id):
            return
        job = self.jobs[id]
        known = {*job.planned, *job.done, *job.failed, *planned}
        if job.owner is not None and job.total < len(known):
            return  # test_api.py: test_a_plan_and_a_total_in_two_files
        self.check(job.plan(planned), lambda: self.handle(name, id).plan(planned))

    # ---- Somebody else's program, that reads the state file, changes it and puts it back

    @contextlib.contextmanager
    def edit(self, change):
        """The body says to the model what is edited. Readers see it before it is merged, which
        happens with the next publication."""
        document = self.published()
        change(document)
        with open(self.state_file + ".new", "w", encoding="utf-8") as file:
            json.dump(document, file)
        # Not of this moment: test_api.py, test_an_edit_just_before_a_publication.
        os.utime(self.state_file + ".new", (time.time() - 1,) * 2)
        os.rename(self.state_file + ".new", self.state_file)
        yield
        self.all_is_shown()
        self.open["B"].sync()

    @rule(
        target=ids,
        status=st.sampled_from(["pending", "completed", "failed", "blocked"]),
        done=st.lists(items, unique=True, max_size=3),
    )
    def somebody_adds_a_job(self, status, done):
        if not self.jobs:
            return multiple()
        self.serial += 1
        id = f"theirs-{self.serial}"
        progress = {"current": len(done), "total": 9, "itemsCompleted": done, "itemsFailed": []}
        job = {"id": id, "type": "sync-external", "status": status, "progress": progress}
        job.update(startedAt=self.date(), updatedAt=self.date(), config={"type": "sync-external"})
        if status in ("completed", "failed"):
            job["completedAt"] = self.date()
        known = {"pending": PENDING, "completed": COMPLETED, "failed": FAILED}
        model = ModelJob(
            "sync-external", None, {"type": "sync-external"}, 9, known.get(status, OTHER)
        )
        model.status_name = None if status in known else status
        model.done = list(done)
        model.completed_at = int(self.now * 1000) / 1000
        with self.edit(lambda document: document["jobs"].append(job)):
            self.jobs[id] = model
        return id

    @rule(value=values)
    def somebody_adds_a_member(self, value):
        if self.jobs:
            self.serial += 1
            self.top[f"theirs-{self.serial}"] = value
            with self.edit(lambda document: document.update(self.top)):
                pass

    @rule(id=ids, value=values.filter(lambda value: value is not None), config=configs)
    def somebody_edits_a_job(self, id, value, config):
        if not self.known(id):
            return
        config = {"type": "edited", **config}

        def change(document):
            [job] = [job for job in document["jobs"] if job["id"] == id]
            job["note"] = value
            job["config"] = config

        with self.edit(change):
            self.jobs[id].note, self.jobs[id].config = value, config

    @rule(id=ids, status=st.sampled_from(["pending", "completed", "failed"]))
    def somebody_changes_the_status(self, id, status):
        if not self.known(id):
            return
        model = self.jobs[id]
        new = {"pending": PENDING, "completed": COMPLETED, "failed": FAILED}[status]

        def change(document):
            [job] = [job for job in document["jobs"] if job["id"] == id]
            if job["status"] != status:
                job["status"] = status
                job.pop("completedAt", None)
                if new is not PENDING:
                    job["completedAt"] = self.date()

        with self.edit(change):
            if model.owner is None and model.status is not new:
                model.status, model.status_name = new, None
                model.reason = model.resume_at = None
                model.completed_at = int(self.now * 1000) / 1000
                model.extra = model.current - len(model.done) - len(model.failed)

    @rule(id=ids)
    def somebody_removes_a_job(self, id):
        if not self.known(id):
            return

        def change(document):
            document["jobs"] = [job for job in document["jobs"] if job["id"] != id]

        with self.edit(change):
            if self.jobs[id].owner is None:
                del self.jobs[id]

    def date(self):
        date = datetime.fromtimestamp(int(self.now * 1000) / 1000, timezone.utc)
        return date.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Store.TestCase.settings = settings(
    max_examples=int(os.environ.get("BGJOBS_EXAMPLES", 50)),
    stateful_step_count=int(os.environ.get("BGJOBS_STEPS", 30)),
    deadline=None,
    derandomize="BGJOBS_EXAMPLES" not in os.environ,  # `make test` is the same for everybody
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    database=None,
)
TestStore = Store.TestCase
