"""What jobs are, said a second time and as simply as possible: a dict for the tests to compare."""

import dataclasses
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Tuple

from bgjobs import ItemState, JobItem, JobStatus, Outcome, errors

PENDING, RUNNING, PAUSED = JobStatus.PENDING, JobStatus.RUNNING, JobStatus.PAUSED
COMPLETED, FAILED, OTHER = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.OTHER
OK = Outcome.OK
STATUSES = {status.name.lower(): status for status in (PENDING, RUNNING, PAUSED, COMPLETED, FAILED)}
# Of these a foreign file speaks for a job of ours together, or not at all.
ITS_LIFE = {"id", "type", "status", "progress", "startedAt", "updatedAt", "completedAt", "error"}
ITS_LIFE |= {"result", "bgjobs"}


def date(milliseconds: Optional[int]) -> Optional[datetime]:
    if milliseconds is None:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    whole = datetime.fromtimestamp(seconds, timezone.utc)
    return whole.replace(microsecond=rest * 1000)


def written(milliseconds: int) -> str:
    """As it stands in a file."""
    text = date(milliseconds).isoformat(timespec="milliseconds")  # type: ignore[union-attr]
    return text.replace("+00:00", "Z")


def read(text: Optional[str]) -> Optional[int]:
    if text is None:
        return None
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


@dataclasses.dataclass
class Members:
    """What is another tool's. It changes what it likes, objects member by member; but a writer that
    had read before somebody else's change, and brings back what that replaced, undoes nothing."""

    values: Dict[str, Any] = dataclasses.field(default_factory=dict)
    edits: Dict[Tuple[str, ...], Tuple[int, Any]] = dataclasses.field(default_factory=dict)

    def merge(self, theirs: Dict[str, Any], seen: int, now: int) -> None:
        self._merge(self.values, theirs, (), seen, now)

    def _merge(self, ours: Any, theirs: Any, path: Tuple[str, ...], seen: int, now: int) -> None:
        for name in [*{**theirs, **ours}]:
            before, after = ours.get(name, self), theirs.get(name, self)
            if before is after or _same(before, after):
                continue
            if not path and isinstance(before, dict) and isinstance(after, dict):
                ours[name] = before = dict(before)
                self._merge(before, after, (name,), seen, now)
                continue
            last, replaced = self.edits.get((*path, name), (0, None))
            if seen < last and _same(after, replaced):
                continue
            self.edits[(*path, name)] = (now, before)
            if after is self:
                del ours[name]
            else:
                ours[name] = after


def _same(a: Any, b: Any) -> bool:
    """As JSON text: True is not 1. A member that is not there is a Members."""
    if isinstance(a, Members) or isinstance(b, Members):
        return a is b
    return repr(a) == repr(b)


@dataclasses.dataclass
class ModelJob:
    """Methods give an Outcome, or the type of the exception that is to be raised. Times are
    milliseconds."""

    type: str
    key: Optional[str]
    members: Members
    total: int = 0
    status: JobStatus = PENDING
    status_name: Optional[str] = None  # of another tool's status
    reason: Optional[str] = None
    error: Optional[str] = None
    result: Any = None
    owner: Optional[str] = None
    detached: bool = False  # it runs, and nobody owns it
    done: List[str] = dataclasses.field(default_factory=list)
    failed: Dict[str, Optional[str]] = dataclasses.field(default_factory=dict)
    skipped: Dict[str, Optional[str]] = dataclasses.field(default_factory=dict)
    planned: List[str] = dataclasses.field(default_factory=list)
    # How often items were begun, how often of these without an end, and, of those that are under
    # way, whether the owner has begun them; the oldest first.
    begun: Dict[str, int] = dataclasses.field(default_factory=dict)
    unended: Dict[str, int] = dataclasses.field(default_factory=dict)
    under_way: Dict[str, bool] = dataclasses.field(default_factory=dict)
    extra: int = 0  # of current, besides the items
    current_item: Optional[str] = None
    cursor: Any = None
    attempts: int = 1
    created: Optional[int] = None
    started: Optional[int] = None
    completed: Optional[int] = None
    resume_at: Optional[int] = None
    since: int = 0  # the step that brought it
    ours: bool = True  # another tool's, as long as nobody has done anything with it
    # The steps at which its status changed; what it was until then; whether another tool did it.
    history: List[Tuple[int, JobStatus, bool]] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, entry: Dict[str, Any], since: int) -> "ModelJob":
        """Another tool's."""
        job = cls("", None, Members(), since=since, ours=False)
        job.replace(entry)
        job.created = job.started
        return job

    def replace(self, entry: Dict[str, Any]) -> None:
        progress = entry["progress"]
        self.type = entry["type"]
        self.members.values = {k: v for k, v in entry.items() if k not in ITS_LIFE}
        self.started = read(entry.get("startedAt"))
        self.take_status(entry)
        self.total = progress["total"]
        self.done = list(progress["itemsCompleted"])
        self.failed = dict.fromkeys(progress["itemsFailed"])
        self.extra = progress["current"] - len(self.done) - len(self.failed)
        self.skipped = {}

    def take_status(self, entry: Dict[str, Any]) -> None:
        self.status = STATUSES.get(entry["status"], OTHER)
        self.status_name = None if entry["status"] in STATUSES else entry["status"]
        is_finished = self.status in (COMPLETED, FAILED)
        self.completed = read(entry.get("completedAt")) if is_finished else None
        self.reason = self.resume_at = None
        self.detached = self.detached and self.status in (RUNNING, PAUSED)

    # ---- Another tool's word

    def hear(self, entry: Dict[str, Any], seen: int, fresh: bool, now: int) -> None:
        """What it says of the status, having read at that step."""
        status = STATUSES.get(entry["status"], OTHER)
        unseen = [change for change in self.history if change[0] >= seen]
        if len(self.history) > 7 and len(unseen) == len(self.history):
            return  # more than is remembered
        # What it may have read: what was at first, and what other tools have replaced.
        # Theirs stood in the file before it got a number.
        since = [
            before
            for n, (_, before, theirs) in enumerate(unseen)
            if n == 0 or theirs or unseen[n - 1][2]
        ]
        if (status, status.name.lower()) == (self.status, entry["status"]):
            return
        if self.owner is not None:  # nobody may end its job; a pause is a request
            if status not in since and (self.status, status) == (RUNNING, PAUSED):
                self.pause(None, 0, now)
                self.error = entry.get("error")
            elif status not in since and (self.status, status) == (PAUSED, RUNNING):
                self.resume()
        elif fresh:
            self.take_status(entry)
        elif status not in since and self.reason != "interrupted":
            self.take_status(entry)
            self.error = entry.get("error")

    # ---- What is shown

    @property
    def current(self) -> int:
        return max(0, self.extra + self.ended)

    @property
    def ended(self) -> int:
        return len(self.done) + len(self.failed) + len(self.skipped)

    @property
    def open_items(self) -> List[str]:
        return [i for i in self.planned if i not in {*self.done, *self.failed, *self.skipped}]

    @property
    def items(self) -> List[JobItem]:
        def item(name: str, state: ItemState, why: Optional[str] = None) -> JobItem:
            if state is ItemState.OPEN and name in self.shown_under_way:
                state = ItemState.UNDER_WAY
            once = state not in (ItemState.OPEN, ItemState.UNDER_WAY)
            return JobItem(name, state, why, self.begun.get(name, int(once)))

        return [
            *(item(name, ItemState.DONE) for name in self.done),
            *(item(name, ItemState.SKIPPED, why) for name, why in self.skipped.items()),
            *(item(name, ItemState.FAILED, why) for name, why in self.failed.items()),
            *(item(name, ItemState.OPEN) for name in self.open_items),
        ]

    @property
    def shown_under_way(self) -> Dict[str, bool]:
        return self.under_way if self.owner is not None or self.detached else {}

    def shown(self) -> Dict[str, Any]:
        return {
            "type": self.type,
            "key": self.key,
            "status": self.status,
            "reason": self.reason,
            "error": self.error,
            "current": self.current,
            "total": self.total or None,
            "current_item": self.current_item,
            "items_completed": len(self.done),
            "items_failed": len(self.failed),
            "items_skipped": len(self.skipped),
            "items_open": len(self.open_items),
            "items_under_way": len(self.shown_under_way),
            "attempts": self.attempts,
            "created": date(self.created),
            "started": date(self.started),
            "completed": date(self.completed),
            "resume_at": date(self.resume_at),
        }

    def life(self) -> Any:
        """What a foreign writer must have seen the latest of."""
        return {
            **self.shown(),
            "owner": self.owner,
            "detached": self.detached,
            "done": list(self.done),
        }

    # ---- Its life

    @property
    def finished(self) -> bool:
        return self.status in (COMPLETED, FAILED)

    def may_be_removed(self, failed: bool) -> bool:
        well = self.status is COMPLETED and not self.failed and self.status_name is None
        return well or (failed and self.finished)

    def refusal(self) -> Any:
        """Of what only unfinished jobs take."""
        if self.status is OTHER:
            return errors.IllegalTransition
        return errors.JobFinished if self.finished else None

    def elsewhere(self, who: str) -> bool:
        return self.owner not in (None, who)

    def _clear(self) -> None:
        self.reason = self.error = self.resume_at = None

    def _end(self, status: JobStatus, reason: Optional[str], now: int) -> Any:
        self.ours = True
        self.status, self.owner, self.detached, self.completed = status, None, False, now
        self._clear()
        self.reason = reason
        return OK

    def start(self, who: str, now: int, detached: bool = False) -> Any:
        if refusal := self.refusal():
            return refusal
        if self.elsewhere(who):
            return errors.Busy
        if self.status is RUNNING:
            return OK if self.owner else errors.IllegalTransition
        over = self.resume_at is not None and now >= self.resume_at
        if self.status is PAUSED and not over and self.reason != "interrupted":
            return Outcome.PAUSED
        self.ours = True
        self.status, self.owner, self.detached = RUNNING, None if detached else who, detached
        if self.started is None:
            self.started = now
        self._clear()
        self.under_way = {}
        return OK

    def leave(self, who: str) -> Any:
        if refusal := self.refusal():
            return refusal
        if self.owner != who:
            return errors.IllegalTransition
        self.owner = None
        if self.status is RUNNING:
            self.status, self.reason = PAUSED, "interrupted"
        return OK

    def pause(self, reason: Optional[str], after: int, now: int) -> Any:
        if refusal := self.refusal():
            return refusal
        self.ours = True
        self._clear()
        self.status, self.reason = PAUSED, reason or "asked"
        self.resume_at = now + 1000 * after if after else None
        return OK

    def rate_limited(self, seconds: int, now: int) -> Any:
        if refusal := self.refusal():
            return refusal
        if self.status is PENDING:
            return errors.IllegalTransition
        if self.status is PAUSED and self.reason != "rate-limit":
            return Outcome.PAUSED
        seconds = seconds or 60
        if self.status is PAUSED and (self.resume_at or 0) >= now + 1000 * seconds:
            return OK  # the later end counts
        self.ours = True
        self.status, self.reason, self.resume_at = PAUSED, "rate-limit", now + 1000 * seconds
        self.error = f"github: Rate limit exceeded (retry after {seconds}s)"
        return OK

    def resume(self) -> Any:
        if refusal := self.refusal():
            return refusal
        if self.status is PAUSED:
            self.ours = True
            self.status = RUNNING if self.owner or self.detached else PENDING
            self._clear()
        return OK

    def complete(self, who: str, result: Any, now: int) -> Any:
        if self.status is COMPLETED:
            return OK
        if refusal := self.refusal():
            return refusal
        if self.elsewhere(who):
            return errors.Busy
        self.current_item = None
        if result is not None:
            self.result = result
        return self._end(COMPLETED, None, now)

    def fail(self, reason: str, now: int) -> Any:
        if self.status is FAILED:
            return OK
        if refusal := self.refusal():
            return refusal
        self._end(FAILED, reason, now)
        self.error = "why"
        return OK

    def retry(self, items: Optional[List[str]] = None) -> Any:
        is_unfinished = self.status is COMPLETED and (self.failed or self.open_items)
        if self.status is not FAILED and not is_unfinished:
            return errors.IllegalTransition
        if any(item not in self.failed for item in items or []):
            return errors.Invalid
        self.ours = True
        self.status = PENDING
        self._clear()
        self.completed = self.result = None
        retried = self.failed if items is None else items
        self.failed = {item: why for item, why in self.failed.items() if item not in retried}
        self.attempts += 1
        return OK

    # ---- Reports

    def admit(self, *, prepares: bool) -> Any:
        """An exception, or what a report that is kept says."""
        if refusal := self.refusal():
            return refusal
        if self.status is PENDING and not prepares:
            return errors.IllegalTransition
        return Outcome.PAUSED if self.status is PAUSED else OK

    def keep_done(self, item: str) -> None:
        self.failed.pop(item, None)
        self.skipped.pop(item, None)
        if item not in self.done:
            self.ours = True
            self.done.append(item)
            self.end(item)

    def keep_failed(self, item: str, why: Optional[str]) -> None:
        if item not in {*self.done, *self.failed, *self.skipped}:
            self.ours = True
            self.failed[item] = why
            self.end(item)

    def keep_skipped(self, item: str, why: Optional[str]) -> None:
        if item in self.skipped:
            return
        self.failed.pop(item, None)
        if item not in self.done:
            self.ours = True
            self.skipped[item] = why
            self.end(item)

    def end(self, item: str) -> None:
        self.begun.setdefault(item, 1)
        self.unended.pop(item, None)
        self.under_way.pop(item, None)
        self.leave_item(item)

    def leave_item(self, item: str) -> None:
        if self.current_item == item:
            self.current_item = next((i for i, owners in self.under_way.items() if owners), None)

    def begin(self, who: str, item: str) -> Tuple[int, int]:
        self.ours = True
        by_owner = not self.elsewhere(who)
        if item not in {*self.done, *self.failed, *self.skipped}:
            self.begun[item] = self.begun.get(item, 0) + 1
            self.unended[item] = self.unended.get(item, 0) + 1
            self.under_way.pop(item, None)
            self.under_way[item] = by_owner
        if by_owner and self.current_item not in self.under_way:
            self.current_item = item
        return self.begun[item], self.unended.get(item, 0)

    def give_back(self, item: str) -> None:
        self.ours = True
        if self.unended.get(item, 0) > 0:
            self.unended[item] -= 1
            self.under_way.pop(item, None)
        self.leave_item(item)

    def set_plan(self, items: List[str]) -> Any:
        """Gives how many open ones were withdrawn."""
        if refusal := self.refusal():
            return refusal
        self.ours = True
        ended = {*self.done, *self.failed, *self.skipped}
        open_ones = [item for item in self.planned if item not in ended]
        known = len({*open_ones, *ended})
        new = list(dict.fromkeys(items))
        count = len({*new, *ended})
        self.total = count if self.total <= known else max(self.total, count)
        self.planned = new
        return sum(item not in new for item in open_ones)

    def plan(self, items: List[str]) -> Any:
        if refusal := self.refusal():
            return refusal
        self.ours = True
        self.planned += [i for i in dict.fromkeys(items) if i not in self.planned]
        self.total = max(self.total, len({*self.planned, *self.done, *self.failed, *self.skipped}))
        return OK
