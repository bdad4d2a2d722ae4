"""Reads the private files, after docs/file-format.md, without the library's code.

It gives what stands in them; replay.py makes of it what the jobs are."""

import json
from pathlib import Path
from struct import iter_unpack, pack, unpack_from

TABLE = list(range(256))
for _ in range(8):
    TABLE = [value >> 1 ^ 0x82F63B78 * (value & 1) for value in TABLE]
TYPES = {
    "none": lambda data: True,
    "byte": lambda data: data.take(1)[0],
    "u64": lambda data: int.from_bytes(data.take(8), "little"),
    "varint": lambda data: data.varint(),
    "signed": lambda data: (value := data.varint()) >> 1 ^ -(value & 1),
    "text": lambda data: data.take(data.varint()).decode(),
    "json": lambda data: json.loads(data.take(data.varint())),
    "optional": lambda data: data.read("text")[0] if data.take(1)[0] else None,
    "process": lambda data: data.read("signed varint varint u64")[0],
    "lock": lambda data: data.take(1)[0] and data.read("text varint varint u64"),
    "items": lambda data: list(Fields(data.take(data.varint())).texts()),
    "paths": lambda data: data.read("text " * data.varint()),
    "report": lambda data: data.report(),
    "rest": lambda data: Fields(data.data[data.place :]),
}
# What stands in an event, behind its time.
EVENTS = {
    **dict.fromkeys((9, 12, 13, 39), "text"),
    **dict.fromkeys((6, 10, 41), "text optional"),
    **{4: "text text optional text signed", 5: "text process u64 byte", 7: "text process lock"},
    **{8: "text text optional signed", 11: "text text optional byte", 14: "text report"},
    **{15: "text items", 16: "json", 17: "byte paths json", 21: "text varint signed items"},
    **{22: "text items items", 25: "byte paths json", 26: "text varint signed items"},
    **{30: "text items", 40: "text optional signed", 42: "text process u64"},
    **{43: "text varint byte optional", 44: "text varint signed items", 45: "text varint items"},
}
OF_NO_USE = (2, 3, 18, 19, 20, 23, 24, 27, 28, *range(32, 39))
REPORT = "signed " * 3 + "text " * 5 + "none none signed varint text text text items"


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Fields:
    def __init__(self, data):
        self.data, self.place = data, 0

    def take(self, count):
        self.place += count
        assert self.place <= len(self.data), "it is too short"
        return self.data[self.place - count : self.place]

    def varint(self):
        byte = self.take(1)[0]
        return byte if byte < 0x80 else byte & 0x7F | self.varint() << 7

    def read(self, types):
        return [TYPES[type](self) for type in types.split()]

    def texts(self):
        while self.place < len(self.data):
            yield self.read("text")[0]

    def report(self):
        (mask, _), types = self.read("varint signed"), REPORT.split()
        assert mask < 1 << len(types), "a newer version has written it"
        return {bit: TYPES[type](self) for bit, type in enumerate(types) if mask >> bit & 1}


class Store:
    def __init__(self, project):
        self.files = Path(project, ".specweave/state/background-jobs.d")

    def events(self):
        """Of each its kind, seq and contents; and how many records a log had that it closes."""
        data, place = (self.files / "journal").read_bytes(), 128
        assert data[:8] == b"bgjobs J" and pack("<I", crc32c(data[:44])) == data[44:48]
        while place + 26 <= len(data):
            length, checksum, seq, _, kind = unpack_from("<IIQQH", data, place)
            rest = data[place + 8 : place + 26 + length]
            if crc32c(data[32:40] + pack("<Q", length) + rest) != checksum:
                return
            place += 26 + length + 7 & ~7
            if kind in (1, 31):
                yield kind, seq, (json.loads if kind == 1 else self.snapshot)(rest[18:]), None
            elif kind not in OF_NO_USE:
                _, *said, rest = Fields(rest[18:]).read("signed " + EVENTS[kind] + " rest")
                yield kind, seq, said, rest.varint() if rest.data else None

    def snapshot(self, data):
        """The same as in the state file, and as format 1 has it."""
        name, _, count = unpack_from("<QQQ", data)
        texts = (self.files / f"pack-{name:016x}").read_bytes() if name else b""
        jobs, head = [], 24 + 64 * count
        for items, place, length, checksum, status in iter_unpack("<24xQQII14xBx", data[24:head]):
            text = texts[place : place + length]
            assert crc32c(text) == checksum
            if status:
                jobs.append(json.loads(text))
            if items:
                self.put_items((self.files / f"items-{items:016x}").read_bytes(), jobs[-1])
        return {**json.loads(data[head:]), "jobs": jobs}

    def put_items(self, data, job):
        """Puts what a file of items has where the text of a smaller job has it."""
        assert data[:8] == b"bgjobs I" and pack("<I", crc32c(data[:140])) == data[140:144]
        lengths, sections = unpack_from("<8Q", data, 72), []
        pages = sum(-(-length // 4096) for length in lengths)
        sums, place = [*unpack_from(f"<{pages}I", data, 144)], 144 + 4 * pages
        for length in lengths:
            place = place + 4095 & ~4095
            sections.append(data[place : place + length])
            for start in range(0, length, 4096):
                assert crc32c(sections[-1][start : start + 4096]) == sums.pop(0)
            place += length
        arena, _, *lists, notes, reasons = sections

        def item(slot):
            (head,), start = unpack_from("<H", arena, slot), slot + 2
            length = (head & 0xFFF) + 1
            if head >> 15:
                length, start = unpack_from("<I", arena, start)[0], start + 4
            return arena[start : start + length].decode(), head >> 12 & 3

        found = [[item(slot) for (slot,) in iter_unpack("<I", slots)] for slots in lists]
        done, failed, skipped = ([i for i, m in found[n] if m == n] for n in (1, 2, 3))
        why = {}
        for slot, _, _, _, place, length in iter_unpack("<6I", notes):
            if place:
                why[item(slot)[0]] = reasons[place - 1 : place - 1 + length].decode()
        job["progress"].update(itemsCompleted=done, itemsFailed=failed)
        job["bgjobs"].update(plan=[i for i, _ in found[0]], failures=why)
        job["bgjobs"]["skipped"] = [[i, *([why[i]] if i in why else [])] for i in skipped]

    def records(self, number, salt, index, place):
        """The reports of a log from a record on, each with the place behind it."""
        path = self.files / f"log-{number}"
        data = path.read_bytes() if path.exists() else b""
        place = place or Fields(data[12:16] + bytes(4)).read("u64")[0]
        while place + 8 <= len(data):
            length, checksum = unpack_from("<II", data, place)
            payload = data[place + 8 : place + 8 + length]
            if not length or crc32c(pack("<QQ", salt, index) + payload) != checksum:
                return
            index, place = index + 1, place + (8 + length + 3 & ~3)
            yield Fields(payload).report(), place
