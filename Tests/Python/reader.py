"""A second reader of the private files, after docs/file-format.md: it has no code of the library.

It knows what jobs there are, their statuses and their items. No other process is at work for it.
"""

import json
from pathlib import Path

TABLE = [0] * 256
for number in range(256):
    value = number
    for _ in range(8):
        value = value >> 1 ^ 0x82F63B78 * (value & 1)
    TABLE[number] = value


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


V1, V2 = (bytes([version, 0, 0, 0, 4, 3, 2, 1]) for version in (1, 2))


def data_u32(data, place):
    return int.from_bytes(data[place : place + 4], "little")


class Bytes:
    def __init__(self, data, place=0):
        self.data, self.place = data, place

    def take(self, count):
        self.place += count
        assert self.place <= len(self.data), "it is too short"
        return self.data[self.place - count : self.place]

    def fixed(self, size):
        return int.from_bytes(self.take(size), "little")

    def varint(self):
        value = shift = 0
        while (byte := self.fixed(1)) & 0x80:
            value, shift = value | (byte & 0x7F) << shift, shift + 7
        return value | byte << shift

    def signed(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def text(self):
        return self.take(self.varint()).decode()

    def optional(self):
        return self.text() if self.fixed(1) else None

    def items(self):
        inside = Bytes(self.take(self.varint()))
        found = []
        while inside.place < len(inside.data):
            found.append(inside.text())
        return found

    def process(self):
        pid, _, _, _ = self.signed(), self.varint(), self.varint(), self.fixed(8)
        return pid

    def report(self):
        mask, _ = self.varint(), self.signed()
        assert mask < 1 << 15, "a newer version has written it"
        kinds = "signed signed signed text text text text text - - signed varint text text text"
        kinds = enumerate(kinds.split())
        return {bit: getattr(self, k)() for bit, k in kinds if mask >> bit & 1 and k != "-"}


class Job:
    def __init__(self, id, type, key=None, status="pending"):
        self.id, self.type, self.key, self.status, self.reason = id, type, key, status, None
        self.plan, self.why, self.cursor = {}, {}, None
        self.done, self.skipped, self.failed = {}, {}, {}
        self.log = None  # number, salt, records and bytes that are in the job already
        self.is_detached = self.is_watched = False
        self.is_ours = True

    @classmethod
    def from_json(cls, text, logs=()):
        ours, progress = text.get("bgjobs", {}), text.get("progress", {})
        job = cls(text["id"], text["type"], ours.get("key"), text["status"])
        job.reason, job.cursor = ours.get("reason"), ours.get("cursor")
        job.plan = dict.fromkeys(ours.get("plan", []))
        job.done = dict.fromkeys(progress.get("itemsCompleted", []))
        job.failed = dict.fromkeys(progress.get("itemsFailed", []))
        for item, *why in ours.get("skipped", []):
            job.skipped[item] = None
            if why:
                job.why[item] = why[0]
        job.why.update(ours.get("failures", {}))
        job.is_ours = "bgjobs" in text
        if owner := ours.get("owner"):
            job.is_detached = "log" not in owner
            job.is_watched = not {"pid", "lock"}.isdisjoint(owner)
            if number := owner.get("log"):
                _, records, offset = next(log[:3] for log in logs if log[0] == number)
                job.log = [number, int(owner["salt"], 16), records, offset]
        return job

    def ends(self, item, state, why=None):
        stronger = {"done": [], "skipped": ["done"], "failed": ["done", "skipped"]}[state]
        if any(item in getattr(self, name) for name in [*stronger, state]):
            return
        for name in ("skipped", "failed"):
            if getattr(self, name).pop(item, 0) is None:
                self.why.pop(item, None)
        getattr(self, state)[item] = None
        if why is not None:
            self.why[item] = why

    def apply(self, report):
        for bit, state in ((4, "done"), (5, "failed"), (14, "skipped")):
            if bit in report:
                self.ends(report[bit], state, report.get(6))
        if 7 in report:
            self.cursor = json.loads(report[7])

    def retry(self, items):
        self.status, self.reason = "pending", None
        for item in items:
            del self.failed[item]
            self.why.pop(item, None)

    def take_items(self, theirs):
        """What another tool writes has no plan, no skipped items, and no word why items failed."""
        self.done, self.failed, before = theirs.done, theirs.failed, self.skipped
        self.skipped = {}
        for item in before:
            self.ends(item, "skipped")

    def drop_owner(self):
        self.log, self.is_detached, self.is_watched = None, False, False

    def told(self):
        status, reason = self.status, self.reason
        if status == "running" and (self.log or self.is_watched):
            status, reason = "paused", "interrupted"  # nobody lives
        ended = {*self.done, *self.skipped, *self.failed}
        rest = [item for item in self.plan if item not in ended]
        lists = {"done": self.done, "skipped": self.skipped, "failed": self.failed}
        items = {**{name: list(found) for name, found in lists.items()}, "rest": rest}
        return {
            "type": self.type,
            "key": self.key,
            "status_name": status,
            "reason": reason,
            "cursor": self.cursor,
            "items": {**items, "why": self.why},
        }


class Reader:
    def __init__(self, project):
        self.files = Path(project, ".specweave/state/background-jobs.d")
        self.jobs = {}
        data = (self.files / "journal").read_bytes()
        assert data[:8] == b"bgjobs J" and data[8:16] in (V1, V2)
        assert crc32c(data[:44]) == Bytes(data, 44).fixed(4)
        self.salt, place, self.kinds = data[32:40], 128, set()
        while record := self.record(data, place):
            place, kind, seq, payload = record
            self.event(kind, seq, Bytes(payload))
            self.kinds.add(kind)
        for job in self.jobs.values():
            self.fold(job)

    def record(self, data, place):
        head = Bytes(data, place)
        if place + 26 > len(data):
            return None
        length, checksum, seq, _, kind = (head.fixed(size) for size in (4, 4, 8, 8, 2))
        checked = data[place + 8 : place + 26 + length]
        if crc32c(self.salt + length.to_bytes(8, "little") + checked) != checksum:
            return None
        return place + (26 + length + 7 & ~7), kind, seq, checked[18:]

    def fold(self, job, limit=float("inf")):
        """The rest of a job's open log, up to so many records of it."""
        path = self.files / f"log-{job.log[0]}" if job.log else None
        if not path or not path.exists():
            return
        data = path.read_bytes()
        size = Bytes(data, 12).fixed(4)
        assert crc32c(data[: size - 4]) == Bytes(data, size - 4).fixed(4)
        _, salt, index, place = job.log
        place, salt = place or size, salt.to_bytes(8, "little")
        while index < limit and place + 8 <= len(data):
            head = Bytes(data, place)
            length, checksum = head.fixed(4), head.fixed(4)
            payload = data[place + 8 : place + 8 + length]
            if not length or crc32c(salt + index.to_bytes(8, "little") + payload) != checksum:
                break
            job.apply(Bytes(payload).report())
            place, index = place + (8 + length + 3 & ~3), index + 1
        job.log[2:] = index, place

    def event(self, kind, seq, data):
        if kind == 1:
            return self.snapshot(json.loads(data.data))
        if kind == 31:
            return self.table(data)
        data.signed()
        if kind in (2, 3, 18, 19, 20, 24, 27):
            return None  # of the store, and what is no job
        if kind == 16:
            job = Job.from_json(json.loads(data.text()))
            self.jobs[job.id] = job
            return None
        if kind in (17, 25):
            return self.edit(kind, data)
        id = data.text()
        if kind == 4:
            self.jobs[id] = Job(id, data.text(), data.optional())
        return self.happen(self.jobs[id], kind, seq, data)

    def snapshot(self, text):
        for entry in text["jobs"]:
            if isinstance(entry, dict) and isinstance(entry.get("id"), str):
                self.jobs[entry["id"]] = Job.from_json(entry, text["bgjobs"]["logs"])

    def table(self, data):
        name, end, count = (data.fixed(8) for _ in range(3))
        entries = [Bytes(data.take(64)) for _ in range(count)]
        head = json.loads(data.data[data.place :])
        pack = (self.files / f"pack-{name:016x}").read_bytes() if name else b""
        assert end <= len(pack)
        for entry in entries:
            _, _, _, items, place, length, checksum = map(entry.fixed, (8, 8, 8, 8, 8, 4, 4))
            text = pack[place : place + length]
            assert crc32c(text) == checksum
            if not entry.data[62]:
                continue
            job = Job.from_json(json.loads(text), head["bgjobs"]["logs"])
            if items:
                self.items(job, (self.files / f"items-{items:016x}").read_bytes())
            self.jobs[job.id] = job

    def items(self, job, data):
        assert data[:16] == b"bgjobs I" + V1 and crc32c(data[:140]) == data_u32(data, 140)
        lengths = [int.from_bytes(data[place : place + 8], "little") for place in range(72, 136, 8)]
        sums = Bytes(data, 144)
        page = -(-(144 + 4 * sum(-(-length // 4096) for length in lengths)) // 4096)
        sections = []
        for length in lengths:
            section = data[page * 4096 : page * 4096 + length]
            for start in range(0, length, 4096):
                assert crc32c(section[start : start + 4096]) == sums.fixed(4)
            sections.append(section)
            page += -(-length // 4096)
        arena, _, *lists, notes, reasons = sections

        def name(slot):
            head = int.from_bytes(arena[slot : slot + 2], "little")
            start, length = slot + 2, (head & 0xFFF) + 1
            if head >> 15:
                start, length = slot + 6, data_u32(arena, slot + 2)
            return arena[start : start + length].decode(), head >> 12 & 3

        def listed(slots, *marks):
            names = [name(data_u32(slots, place)) for place in range(0, len(slots), 4)]
            return dict.fromkeys(item for item, mark in names if mark in marks)

        job.plan = listed(lists[0], 0, 1, 2, 3)
        job.done, job.failed, job.skipped = (listed(lists[i], i) for i in (1, 2, 3))
        for place in range(0, len(notes), 24):
            start, length = data_u32(notes, place + 16), data_u32(notes, place + 20)
            if start:
                item, _ = name(data_u32(notes, place))
                job.why[item] = reasons[start - 1 : start - 1 + length].decode()

    def edit(self, kind, data):
        life, paths = data.fixed(1), [data.text() for _ in range(data.varint())]
        text = json.loads(data.text())
        job, theirs = self.jobs[text["id"]], Job.from_json(text)
        if "type" in paths or not job.is_ours:
            job.type = theirs.type
        if kind == 25 or life == 1 or not job.is_ours:
            job.status, job.reason = theirs.status, None
            if not job.log and job.status not in ("running", "paused"):
                job.drop_owner()
        has_lists = {"itemsCompleted", "itemsFailed"} <= {*text.get("progress", {})}
        if kind == 17 and has_lists and (life == 1 or not job.is_ours):
            job.take_items(theirs)

    def happen(self, job, kind, seq, data):
        job.is_ours = True
        if kind in (5, 6, 7, 10, 11, 12, 13, 30):
            self.fold(job)
        log = job.log
        if kind == 5:
            data.process()
            salt, is_roll = data.fixed(8), data.fixed(1)
            job.log, job.is_detached, job.is_watched = [seq, salt, 0, 0], False, False
            if not is_roll:
                job.status, job.reason = "running", None
        elif kind == 6:
            if job.status == "running":
                job.status, job.reason = "paused", "interrupted"
            _ = data.optional()
            job.drop_owner()
        elif kind == 7:
            job.status, job.reason, job.log, job.is_detached = "running", None, None, True
            pid, path = data.process(), data.optional()
            job.is_watched = pid != 0 or path is not None
            if path is not None:
                _ = data.varint(), data.varint(), data.take(8)
        elif kind == 8:
            job.status, job.reason = "paused", data.text()
        elif kind == 9:
            job.status, job.reason = "running" if job.log or job.is_detached else "pending", None
        elif kind == 10:
            job.status, job.reason, _ = "completed", None, data.optional()
            job.drop_owner()
        elif kind == 11:
            job.status, job.reason, _ = "failed", data.text(), data.optional()
            if not data.fixed(1):
                job.drop_owner()
        elif kind in (12, 30):
            job.retry(list(job.failed) if kind == 12 else data.items())
        elif kind == 13:
            del self.jobs[job.id]
        elif kind == 14:
            report = data.report()
            self.fold(job, report.get(11, 0))
            job.apply(report)
        elif kind == 15:
            job.plan.update(dict.fromkeys(data.items()))
        elif kind in (21, 26):
            self.fold(job, data.varint())
            data.signed()
            plan = dict.fromkeys(data.items())
            job.plan = plan if kind == 26 else {**job.plan, **plan}
        elif kind == 22:
            for state in ("done", "failed"):
                for item in data.items():
                    job.ends(item, state)
        else:
            assert kind in (4, 23, 28), f"a newer version has written {kind}"
        if log and not job.log and data.place < len(data.data):
            records, _ = data.varint(), data.take(4)
            assert records == log[2] and data.place == len(data.data)
