"""The state file, as another tool of its format locks, reads and writes it.

Written after what such tools do, and not after our library: it shares no code with it.
"""

import contextlib
import json
import os
import time
from pathlib import Path

STALE = 30.0
FORCE = 5.0


class StateFile:
    """Lock, read, change, write in place.

    lock: "inside" reads with the lock held, "outside" before taking it, "none" takes none.
    stale: a lock's age is that of the milliseconds in it ("content"), or of the file ("mtime").
    unreadable: an unreadable file counts as "empty", or is read again ("retry").
    """

    def __init__(self, project, lock="inside", stale="content", poll=0.005, unreadable="empty"):
        self.path = Path(project) / ".specweave/state/background-jobs.json"
        self.lock_path = self.path.with_name("background-jobs.lock")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.mode, self.stale, self.poll, self.unreadable = lock, stale, poll, unreadable
        self.waits = []
        self.reads = self.writes = self.unparseable = self.overwritten = 0
        self.forced = self.stolen = 0
        self.was_unreadable = False

    # The lock.

    def acquire(self):
        began = time.monotonic()
        while True:
            try:
                lock = os.open(self.lock_path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            except FileExistsError:
                if self._is_stale():
                    self.stolen += 1
                    self.release()
                elif time.monotonic() - began > FORCE:
                    self.forced += 1
                    self.release()
                else:
                    time.sleep(self.poll)
                continue
            os.write(lock, f"{os.getpid()}\n{int(time.time() * 1000)}".encode())
            os.close(lock)
            self.waits.append(time.monotonic() - began)
            return

    def release(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.lock_path)

    def _is_stale(self):
        try:
            if self.stale == "mtime":
                return time.time() - os.stat(self.lock_path).st_mtime > STALE
            words = self.lock_path.read_text().split("\n")
            return time.time() * 1000 - int(words[1]) > STALE * 1000
        except (OSError, ValueError, IndexError):
            return False

    # The file.

    def load(self):
        """The document. An unreadable file counts as empty, as those tools have it."""
        deadline = time.monotonic() + 2
        while True:
            self.reads += 1
            self.was_unreadable = False
            try:
                document = json.loads(self.path.read_bytes())
                if isinstance(document, dict):
                    return document
            except FileNotFoundError:
                return {"jobs": []}
            except ValueError:
                pass
            self.unparseable += 1
            self.was_unreadable = True
            if self.unreadable == "empty" or time.monotonic() > deadline:
                return {"jobs": []}
            time.sleep(self.poll)

    def save(self, document):
        """In place: a reader may see nothing, or half of it."""
        self.overwritten += self.was_unreadable
        text = dump(document).encode()
        file = os.open(self.path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
        try:
            while text:
                text = text[os.write(file, text) :]
        finally:
            os.close(file)
        self.writes += 1

    def edit(self, change, pause=0.0):
        """Whether it was written: `change` gets the document, and says False to leave it."""
        if self.mode == "inside":
            self.acquire()
            try:
                document = self.load()
                if change(document) is False:
                    return False
                self.save(document)
            finally:
                self.release()
            return True
        document = self.load()
        time.sleep(pause)
        if change(document) is False:
            return False
        if self.mode == "outside":
            self.acquire()
        try:
            self.save(document)
        finally:
            if self.mode == "outside":
                self.release()
        return True

    def numbers(self):
        waits = sorted(self.waits) or [0.0]
        return {
            "writes": self.writes,
            "reads": self.reads,
            "unparseable": self.unparseable,
            "overwritten": self.overwritten,
            "forced": self.forced,
            "stolen": self.stolen,
            "wait_max_ms": round(waits[-1] * 1000, 2),
            "wait_p99_ms": round(waits[len(waits) * 99 // 100] * 1000, 2),
        }


def find(document, id):
    for job in document.get("jobs") or []:
        if isinstance(job, dict) and job.get("id") == id:
            return job
    return None


def now():
    seconds = time.time()
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{int(seconds % 1 * 1e3):03}Z"


def new_job(id, type="clone-repos", total=1000):
    return {
        "id": id,
        "type": type,
        "status": "running",
        "progress": {
            "current": 0,
            "total": total,
            "percentage": 0,
            "itemsCompleted": [],
            "itemsFailed": [],
        },
        "startedAt": now(),
        "updatedAt": now(),
        "config": {"type": type, "repositories": [], "projectPath": "C:\\Users\\é"},
    }


def add_item(job, item):
    progress = job["progress"]
    progress["itemsCompleted"].append(item)
    progress["current"] = len(progress["itemsCompleted"])
    progress["percentage"] = progress["current"] * 100 // max(progress["total"], 1)
    job["updatedAt"] = now()


def end_job(job, status):
    job["status"] = status
    job["updatedAt"] = job["completedAt"] = now()
    if status == "completed_with_warnings":
        job["error"] = "1 repository failed"


def dump(value, indent=""):
    """JSON with an indent of two. json.dumps does that in Python, which is slow for long lists."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        members = (
            f"{inner}{json.dumps(name, ensure_ascii=False)}: {dump(member, inner)}"
            for name, member in value.items()
        )
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        if all(isinstance(entry, str) for entry in value):
            text = json.dumps(value, ensure_ascii=False, separators=(f",\n{inner}", ": "))[1:-1]
        else:
            text = f",\n{inner}".join(dump(entry, inner) for entry in value)
        return f"[\n{inner}{text}\n{indent}]"
    return json.dumps(value, ensure_ascii=False)
