"""What jobs are, said a second time and as simply as possible: a dict for the tests to compare."""

import dataclasses
from typing import Any, Dict, List, Optional

from bgjobs import JobStatus, Outcome, errors

PENDING, RUNNING, PAUSED = JobStatus.PENDING, JobStatus.RUNNING, JobStatus.PAUSED
COMPLETED, FAILED, OTHER = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.OTHER
OK = Outcome.OK


@dataclasses.dataclass
class ModelJob:
    """Methods give an Outcome, or the type of the exception that is to be raised."""

    type: str
    key: Optional[str]
    config: Dict[str, Any]
    total: int = 0
    status: JobStatus = PENDING
    status_name: Optional[str] = None  # of another tool's status
    reason: Optional[str] = None
    owner: Optional[str] = None
    done: List[str] = dataclasses.field(default_factory=list)
    failed: List[str] = dataclasses.field(default_factory=list)
    planned: List[str] = dataclasses.field(default_factory=list)
    extra: int = 0  # of current, besides the items
    current_item: Optional[str] = None
    cursor: Any = None
    attempts: int = 1
    resume_at: Optional[float] = None
    completed_at: float = 0
    note: Any = None  # another tool's member

    # ---- What is shown

    @property
    def current(self) -> int:
        return max(0, self.extra + len(self.done) + len(self.failed))

    def shown(self) -> Dict[str, Any]:
        return {
            "type": self.type,
            "key": self.key,
            "status": self.status,
            "reason": self.reason,
            "current": self.current,
            "total": self.total or None,
            "current_item": self.current_item,
            "items_completed": len(self.done),
            "items_failed": len(self.failed),
            "items_planned": len([i for i in self.planned if i not in self.done + self.failed]),
            "attempts": self.attempts,
        }

    # ---- Its life

    @property
    def finished(self) -> bool:
        return self.status in (COMPLETED, FAILED)

    def refusal(self) -> Any:
        """Of what only unfinished jobs take."""
        if self.status is OTHER:
            return errors.IllegalTransition
        return errors.JobFinished if self.finished else None

    def elsewhere(self, who: str) -> bool:
        return self.owner not in (None, who)

    def _clear(self) -> None:
        self.reason = self.resume_at = None

    def _end(self, status: JobStatus, reason: Optional[str], now: float) -> Any:
        self.status, self.owner, self.completed_at = status, None, now
        self._clear()
        self.reason = reason
        return OK

    def start(self, who: str, now: float) -> Any:
        if refusal := self.refusal():
            return refusal
        if self.elsewhere(who):
            return errors.Busy
        if self.status is RUNNING:
            return OK
        over = self.resume_at is not None and now >= self.resume_at
        if self.status is PAUSED and not over and self.reason != "interrupted":
            return Outcome.PAUSED
        self.status, self.owner = RUNNING, who
        self._clear()
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

    def pause(self, reason: Optional[str], after: int, now: float) -> Any:
        if refusal := self.refusal():
            return refusal
        self.status, self.reason = PAUSED, reason or "asked"
        self.resume_at = now + after if after else None
        return OK

    def rate_limited(self, seconds: int, now: float) -> Any:
        if refusal := self.refusal():
            return refusal
        if self.status is PENDING:
            return errors.IllegalTransition
        if self.status is PAUSED and self.reason != "rate-limit":
            return Outcome.PAUSED
        self.status, self.reason, self.resume_at = PAUSED, "rate-limit", now + (seconds or 60)
        return OK

    def resume(self) -> Any:
        if refusal := self.refusal():
            return refusal
        if self.status is PAUSED:
            self.status = RUNNING if self.owner else PENDING
            self._clear()
        return OK

    def complete(self, who: str, now: float) -> Any:
        if self.status is COMPLETED:
            return OK
        if refusal := self.refusal():
            return refusal
        if self.elsewhere(who):
            return errors.Busy
        self.current_item = None
        return self._end(COMPLETED, None, now)

    def fail(self, reason: str, now: float) -> Any:
        if self.status is FAILED:
            return OK
        return self.refusal() or self._end(FAILED, reason, now)

    def retry(self) -> Any:
        if self.status is not FAILED and not (self.status is COMPLETED and self.failed):
            return errors.IllegalTransition
        self.status = PENDING
        self._clear()
        self.failed = []
        self.attempts += 1
        return OK

    # ---- Reports

    def admit(self, who: str, *, owners: bool, prepares: bool) -> Any:
        """An exception, or what a report that is kept says."""
        if refusal := self.refusal():
            return refusal
        if self.status is PENDING and not prepares:
            return errors.IllegalTransition
        if owners and self.elsewhere(who):
            return errors.IllegalTransition
        return Outcome.PAUSED if self.status is PAUSED else OK

    def keep_done(self, item: str) -> None:
        if item in self.failed:
            self.failed.remove(item)
        if item not in self.done:
            self.done.append(item)
        if self.current_item == item:
            self.current_item = None

    def keep_failed(self, item: str) -> None:
        if item not in self.done + self.failed:
            self.failed.append(item)
            if self.current_item == item:
                self.current_item = None

    def plan(self, items: List[str]) -> Any:
        if refusal := self.refusal():
            return refusal
        self.planned += [i for i in dict.fromkeys(items) if i not in self.planned]
        known = {*self.planned, *self.done, *self.failed}
        self.total = max(self.total, len(known))
        return OK
