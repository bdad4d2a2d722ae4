"""The store against a dict of jobs: two managers, a foreign writer, and reopening.

BGJOBS_EXAMPLES and BGJOBS_STEPS say how long; by hand, 2000 and 50.
"""

import contextlib
import copy
import dataclasses
import json
import os
import shutil
import tempfile
from typing import Any, Dict, List, Tuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

import bgjobs
from bgjobs import Outcome
from conftest import await_that  # noqa: F401  (makes the package importable)
from model import PAUSED, RUNNING, Members, ModelJob, written

managers = st.sampled_from("AB")
texts = st.characters(blacklist_categories=("Cs",), blacklist_characters="\0")
strange = ["é\U0001f600", "e\u0301", "x" * 300, "y" * 4096, 'with "quotes"\n', "\x01\t"]
items = st.sampled_from([*"abcd", *strange]) | st.text(texts, min_size=1, max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
values = values.filter(lambda value: "\\u0000" not in json.dumps(value))  # jansson takes none
configs = st.dictionaries(st.sampled_from("pqr"), values, max_size=2)
statuses = st.sampled_from(["pending", "running", "paused", "completed", "failed", "blocked"])
ways = st.sampled_from(["rename", "in place"])
reasons = st.none() | st.sampled_from(["lunch", "night"])
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Store(RuleBasedStateMachine):
    ids = Bundle("ids")
    readings = Bundle("readings")

    def __init__(self):
        super().__init__()
        self.directory = tempfile.mkdtemp(dir=MEMORY)
        self.state_file = os.path.join(self.directory, ".specweave/state/background-jobs.json")
        self.now = 1_700_000_000.0
        self.jobs: Dict[str, ModelJob] = {}
        self.top = Members()
        self.handed: Dict[Tuple[str, str], Tuple[int, List[str]]] = {}
        self.returned = set()  # jobs of which an item was given back
        self.step = 1
        self.statuses: Dict[str, Any] = {}
        self.edited: Any = None
        self.files = contextlib.ExitStack()
        self.serial = 0
        self.open = {"A": self.manager(), "B": self.manager()}

    def manager(self):
        return bgjobs.JobManager(
            self.directory, keep_completed=-1, clock=lambda _: int(self.now * 1_000_000_000)
        )

    def teardown(self):
        try:
            for name in "AB":
                self.reopen(name)
            self.all_is_shown()
            self.the_state_file_says_it("A")
        finally:
            self.files.close()
            for manager in self.open.values():
                manager.close()
            shutil.rmtree(self.directory)

    # ---- What is compared

    @invariant()
    def all_is_shown(self):
        self.now += 0.05
        for id, job in self.jobs.items():
            # In this step it was changed.
            before = self.statuses.get(id, job.status)
            if (before is not job.status or id == self.edited) and job.ours:
                job.history = [*job.history, (self.step, before, id == self.edited)][-8:]
        self.statuses = {id: job.status for id, job in self.jobs.items()}
        self.edited = None
        self.step += 1
        for name, manager in self.open.items():
            infos = manager.list()
            assert [info.id for info in infos] == list(self.jobs)
            for info in infos:
                job = self.jobs[info.id]
                shown = {key: getattr(info, key) for key in job.shown()}
                assert shown == job.shown()
                assert info.owned == (job.owner == name)

    @rule(name=managers)
    def the_state_file_says_it(self, name):
        if not self.jobs:
            return
        document = self.published(name)
        assert [job["id"] for job in document["jobs"]] == list(self.jobs)
        top = {k: v for k, v in document.items() if k not in ("jobs", "bgjobs")}
        assert top == self.top.values
        for entry in document["jobs"]:
            job = self.jobs[entry["id"]]
            assert entry["status"] == (job.status_name or job.status.name.lower())
            assert entry.get("result") == job.result
            assert {k: v for k, v in entry.items() if k in ("config", "note")} == (
                job.members.values
            )
            progress = entry["progress"]
            assert progress["itemsCompleted"] == job.done
            assert progress["itemsFailed"] == list(job.failed)
            assert progress["current"] == job.current
            assert ("bgjobs" in entry) == job.ours
            ours = entry.get("bgjobs", {})
            whys = {item: why for item, why in job.failed.items() if why is not None}
            assert ours.get("failures", {}) == whys
            skipped = [[item] if why is None else [item, why] for item, why in job.skipped.items()]
            assert ours.get("skipped", []) == skipped
            assert ours.get("plan", []) == [i for i in job.planned if i not in job.done]
            handle = self.handle(name, entry["id"])
            assert handle.config == job.members.values["config"]
            assert handle.cursor == job.cursor
            assert handle.items() == job.items
            assert all(handle.is_done(item) for item in job.done)

    def published(self, name="A"):
        self.open[name].sync()
        with open(self.state_file, encoding="utf-8") as file:
            return json.load(file)

    @property
    def ms(self):
        return int(self.now * 1_000_000_000) // 1_000_000

    def handle(self, name, id):
        return self.open[name].find(id)

    def check(self, expected, call):
        """The call does what the model says: an outcome, or an exception."""
        if isinstance(expected, (Outcome, int)):
            assert call() == expected
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
        self.created(job.id, "import-issues", None, config, total)
        return job.id

    def created(self, id, type, key, config, total):
        members = Members({"config": {"type": type, **config}})
        self.jobs[id] = ModelJob(type, key, members, total, created=self.ms, since=self.step)

    @rule(target=ids, name=managers, key=st.sampled_from(["k", "l"]), config=configs)
    def ensure(self, name, key, config):
        job = self.open[name].ensure("clone-repos", key, config, total=3)
        unfinished = [
            id
            for id, one in self.jobs.items()
            if (one.type, one.key) == ("clone-repos", key) and not one.finished
        ]
        if unfinished:
            assert job.id == unfinished[0]  # a retry, or another tool, can make two of them
            return multiple()
        self.created(job.id, "clone-repos", key, config, 3)
        return job.id

    @rule(name=managers, keep=st.integers(0, 4), failed=st.booleans())
    def cleanup(self, name, keep, failed):
        finished = [id for id, job in self.jobs.items() if job.may_be_removed(failed)]
        finished.sort(key=lambda id: self.jobs[id].completed)
        remove = finished[: max(0, len(finished) - keep)]
        infos = self.open[name].removals(keep, failed=failed)
        assert [info.id for info in infos] == remove
        assert self.open[name].cleanup(keep, failed=failed) == len(remove)
        for id in remove:
            self.check(bgjobs.NotFound, lambda id=id: self.handle(name, id))
            del self.jobs[id]

    @rule(name=managers)
    def reopen(self, name):
        self.open[name].close()
        for job in self.jobs.values():
            if job.owner == name:
                job.leave(name)
        self.handed = {key: handed for key, handed in self.handed.items() if key[0] != name}
        self.open[name] = self.manager()

    @rule(name=managers)
    def sync(self, name):
        self.open[name].sync()

    @rule(seconds=st.integers(1, 100))
    def time_passes(self, seconds):
        self.now += seconds

    def known(self, id):
        return id in self.jobs

    # ---- Life

    @rule(name=managers, id=ids)
    def start(self, name, id):
        if self.known(id):
            expected = self.jobs[id].start(name, self.ms)
            self.check(expected, self.handle(name, id).start)
            if expected is Outcome.OK:
                self.handed.pop((name, id), None)

    @rule(name=managers, id=ids)
    def start_detached(self, name, id):
        if self.known(id):
            expected = self.jobs[id].start(name, self.ms, detached=True)
            self.check(expected, lambda: self.handle(name, id).start(detached=True))

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
            expected = self.jobs[id].pause(reason, after, self.ms)
            self.check(expected, lambda: self.handle(name, id).pause(reason, retry_after=after))

    @rule(name=managers, id=ids, seconds=st.sampled_from([0, 20]))
    def rate_limited(self, name, id, seconds):
        if self.known(id):
            expected = self.jobs[id].rate_limited(seconds, self.ms)
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
        over = job.status is PAUSED and job.resume_at is not None and self.ms >= job.resume_at
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
            expected = self.jobs[id].complete(name, result, self.ms)
            self.check(expected, lambda: self.handle(name, id).complete(result))

    @rule(name=managers, id=ids, how=st.sampled_from(["fail", "cancel"]))
    def fail(self, name, id, how):
        if not self.known(id):
            return
        job, owner = self.jobs[id], self.jobs[id].owner
        expected = job.fail("error" if how == "fail" else "cancelled", self.ms)
        self.check(expected, lambda: getattr(self.handle(name, id), how)("why"))
        if owner not in (None, name):
            # Only now the owner lets go of it.
            self.check(bgjobs.JobFinished, lambda: self.handle(owner, id).done("late"))

    @rule(name=managers, id=ids)
    def retry(self, name, id):
        if self.known(id):
            self.check(self.jobs[id].retry(), self.handle(name, id).retry)

    @rule(name=managers, id=ids, chosen=st.lists(items, max_size=2), most=st.integers(0, 3))
    def retry_some(self, name, id, chosen, most):
        if self.known(id):
            job = self.jobs[id]
            chosen = [*chosen, *list(job.failed)[:most]] if most < 2 else list(job.failed)[:most]
            self.check(job.retry(chosen), lambda: self.handle(name, id).retry(chosen))

    # ---- Reports

    @rule(name=managers, id=ids, item=items)
    def done(self, name, id, item):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(prepares=False)
        self.check(expected, lambda: self.handle(name, id).done(item))
        if isinstance(expected, Outcome):
            self.jobs[id].keep_done(item)

    @rule(name=managers, id=ids, chosen=st.lists(items, max_size=4))
    def done_many(self, name, id, chosen):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(prepares=False)
        self.check(expected, lambda: self.handle(name, id).done_many(chosen))
        if isinstance(expected, Outcome):
            for item in chosen:
                self.jobs[id].keep_done(item)

    @rule(name=managers, id=ids, item=items, why=reasons)
    def failed(self, name, id, item, why):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(prepares=False)
        self.check(expected, lambda: self.handle(name, id).failed(item, why))
        if isinstance(expected, Outcome):
            self.jobs[id].keep_failed(item, why)

    @rule(name=managers, id=ids, item=items, why=reasons)
    def skipped(self, name, id, item, why):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(prepares=False)
        self.check(expected, lambda: self.handle(name, id).skipped(item, why))
        if isinstance(expected, Outcome):
            self.jobs[id].keep_skipped(item, why)

    @rule(name=managers, id=ids, item=items)
    def begin(self, name, id, item):
        if not self.known(id):
            return
        job = self.jobs[id]
        expected = job.admit(prepares=False)
        if isinstance(expected, Outcome):
            attempt, unended = job.begin(name, item)
            assert self.handle(name, id).begin(item) == (attempt, unended)
        else:
            self.check(expected, lambda: self.handle(name, id).begin(item))

    @rule(name=managers, id=ids, item=items, most=st.integers(0, 3))
    def give_back(self, name, id, item, most):
        if not self.known(id):
            return
        job = self.jobs[id]
        item = next(iter(job.under_way), item) if most else item
        expected = job.admit(prepares=False)
        self.check(expected, lambda: self.handle(name, id).give_back(item))
        if isinstance(expected, Outcome):
            job.give_back(item)
            _, handed = self.handed.get((name, id), (0, []))
            if item in handed:
                handed.remove(item)
                self.returned.add(id)

    @rule(
        name=managers,
        id=ids,
        current=st.none() | st.integers(0, 9),
        item=st.none() | st.just("") | items,
        done=st.none() | items,
        failed=st.none() | items,
    )
    def update(self, name, id, current, item, done, failed):
        if not self.known(id):
            return
        job = self.jobs[id]
        prepares = current is None and done is None and failed is None
        expected = job.admit(prepares=prepares)
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
            job.keep_failed(failed, None)
        if item is not None:
            job.ours = True
            job.current_item = item or None
        if current is not None:
            before, job.extra = job.extra, current - job.ended
            job.ours = job.ours or job.extra != before

    @rule(name=managers, id=ids, count=st.integers(-3, 3))
    def advance(self, name, id, count):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(prepares=False)
        self.check(expected, lambda: self.handle(name, id).advance(count))
        if isinstance(expected, Outcome):
            self.jobs[id].extra += count
            self.jobs[id].ours = True

    @rule(name=managers, id=ids, total=st.integers(0, 9))
    def set_total(self, name, id, total):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(prepares=True)
        self.check(expected, lambda: self.handle(name, id).set_total(total))
        if isinstance(expected, Outcome):
            self.jobs[id].total, self.jobs[id].ours = total, True

    @rule(name=managers, id=ids, value=values)
    def set_cursor(self, name, id, value):
        if not self.known(id):
            return
        expected = self.jobs[id].admit(prepares=True)
        self.check(expected, lambda: self.handle(name, id).set_cursor(value))
        if isinstance(expected, Outcome):
            self.jobs[id].cursor, self.jobs[id].ours = value, True

    @rule(name=managers, id=ids, planned=st.lists(items, max_size=4))
    def plan(self, name, id, planned):
        if not self.known(id):
            return
        expected = self.jobs[id].plan(planned)
        self.check(expected, lambda: self.handle(name, id).plan(planned))

    @rule(name=managers, id=ids, planned=st.lists(items, max_size=4))
    def set_plan(self, name, id, planned):
        if not self.known(id):
            return
        expected = self.jobs[id].set_plan(planned)
        self.check(expected, lambda: self.handle(name, id).set_plan(planned))

    @rule(name=managers, id=ids)
    def next(self, name, id):
        """Each item of the plan once, in its order; anew after a start or a retry."""
        if not self.known(id):
            return
        job, handle = self.jobs[id], self.handle(name, id)
        if job.finished:
            return self.check(bgjobs.JobFinished, handle.next)
        if job.status is PAUSED:
            assert handle.next() == (Outcome.PAUSED, None)
            return
        attempts, handed = self.handed.get((name, id), (0, []))
        if attempts != job.attempts:
            handed = []
        left = [item for item in job.open_items if item not in handed]
        outcome, item = handle.next()
        assert outcome == (Outcome.OK if left else Outcome.END)
        # What was begun, or given back, stands behind the others.
        if left and id not in self.returned and not any(job.unended.values()):
            assert item == left[0]
        assert item is None or item in left
        self.handed[name, id] = (job.attempts, [*handed, item] if left else handed)

    # ---- Somebody else's program, that reads the state file, changes it and puts it back

    def write(self, document, seen, how="rename", status_of=None, lives=None):
        """What readers see at once, and the next transition or publication takes in. `seen`: the
        step at which it was read; `status_of`: the job whose status it may change."""
        text = json.dumps(document)
        if how == "rename":
            with open(self.state_file + ".new", "w", encoding="utf-8") as file:
                file.write(text)
            os.rename(self.state_file + ".new", self.state_file)
        else:
            with open(self.state_file, "r+", encoding="utf-8") as file:
                file.truncate()
                file.write(text)
        self.merge(document, seen, status_of, lives)

    def write_late(self, document, reading, status_of):
        """Into the file that it has had open since it read it. That may be displaced by now: then
        nobody sees it before it is taken in; or displaced and gone."""
        out = os.path.join(os.path.dirname(self.state_file), "background-jobs.d/out")
        there = [os.stat(path).st_ino for path in (self.state_file, out) if os.path.exists(path)]
        os.truncate(reading.file, 0)
        os.pwrite(reading.file, json.dumps(document).encode(), 0)
        if os.fstat(reading.file).st_ino in there:
            self.open["A"].sync()
            self.merge(document, reading.step, status_of, reading.lives)

    def merge(self, document, seen, status_of, lives=None):
        for entry in document["jobs"]:
            job = self.jobs.get(entry["id"])
            if job is None:
                if "bgjobs" not in entry:
                    self.jobs[entry["id"]] = ModelJob.of(entry, self.step)
            elif not job.ours:
                job.replace(entry)
            else:
                members = {k: v for k, v in entry.items() if k in ("config", "note")}
                job.members.merge(members, seen, self.step)
                if entry["id"] == status_of:
                    before = dataclasses.replace(job)
                    job.hear(entry, seen + 1, lives is None, self.ms)
                    if before.status is not job.status and job.owner is None:
                        self.edited = entry["id"]
        names = {entry["id"] for entry in document["jobs"]}
        for id, job in list(self.jobs.items()):
            if id not in names and seen >= job.since and job.owner is None and not job.detached:
                del self.jobs[id]
        top = {k: v for k, v in document.items() if k not in ("jobs", "bgjobs")}
        self.top.merge(top, seen, self.step)

    def edit(self, change, how="rename", status_of=None):
        document = self.published()
        change(document)
        self.write(document, self.step - 1, how, status_of)

    @rule(
        target=ids,
        status=statuses,
        done=st.lists(items, unique=True, max_size=3),
        how=ways,
    )
    def somebody_adds_a_job(self, status, done, how):
        if not self.jobs:
            return multiple()
        self.serial += 1
        id = f"theirs-{self.serial}"
        progress = {"current": len(done), "total": 9, "itemsCompleted": done, "itemsFailed": []}
        job = {"id": id, "type": "sync-external", "status": status, "progress": progress}
        now = written(self.ms)
        job.update(startedAt=now, updatedAt=now, config={"type": "sync-external"})
        if status in ("completed", "failed"):
            job["completedAt"] = now
        self.edit(lambda document: document["jobs"].append(job), how)
        return id

    @rule(value=values, name=st.sampled_from(["theirs", "others"]), how=ways)
    def somebody_sets_a_member(self, value, name, how):
        if self.jobs:
            self.edit(lambda document: document.update({name: value}), how)

    @rule(id=ids, value=values.filter(lambda value: value is not None), config=configs, how=ways)
    def somebody_edits_a_job(self, id, value, config, how):
        if self.known(id):
            self.edit(lambda document: self.annotate(document, id, value, config), how)

    def annotate(self, document, id, value, config):
        for job in document["jobs"]:
            if job["id"] == id:
                job["note"] = value
                job["config"] = {"type": "edited", **config}

    @rule(id=ids, status=statuses, how=ways)
    def somebody_changes_the_status(self, id, status, how):
        if not self.known(id):
            return
        if self.jobs[id].status_name == status or self.jobs[id].status.name.lower() == status:
            return
        self.edit(lambda document: self.set_status(document, id, status), how, id)

    def set_status(self, document, id, status):
        for job in document["jobs"]:
            if job["id"] == id:
                job["status"] = status
                job.pop("completedAt", None)
                if status in ("completed", "failed"):
                    job["completedAt"] = written(self.ms)

    @rule(id=ids, how=ways)
    def somebody_removes_a_job(self, id, how):
        def change(document):
            document["jobs"] = [job for job in document["jobs"] if job["id"] != id]

        if self.known(id):
            self.edit(change, how)

    # ---- And one that takes its time between reading and writing

    @rule(target=readings)
    def somebody_reads(self):
        if not self.jobs:
            return multiple()
        lives = {id: job.life() for id, job in self.jobs.items()}
        document = self.published()
        file = os.open(self.state_file, os.O_RDWR)
        self.files.callback(os.close, file)
        return Reading(document, self.step - 1, lives, file)

    @rule(
        reading=readings,
        id=ids,
        status=st.none() | statuses,
        note=st.none() | st.text(max_size=2),
        how=st.sampled_from(["rename", "in place", "late"]),
    )
    def somebody_writes_what_it_had_read(self, reading, id, status, note, how):
        """It changes what it wants to, and undoes nothing."""
        document = copy.deepcopy(reading.document)
        if note is not None:
            self.annotate(document, id, note, {})
        job = self.jobs.get(id)
        status_of = None
        if status is not None and job is not None and job.life() != reading.lives.get(id):
            self.set_status(document, id, status)
            status_of = id
        self.open["B"].sync()  # what is overwritten unseen nobody can keep
        if how == "late":
            self.write_late(document, reading, status_of)
        else:
            self.write(document, reading.step, how, status_of, reading.lives)


@dataclasses.dataclass
class Reading:
    document: Any
    step: int
    lives: Dict[str, Any]
    file: int


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
