"""A disk whose every write and flush is logged, and what a power cut may leave of them."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import blocklog
import disk

# What a disk writes whole, in bytes. A block of metadata of which a part was written makes xfs
# refuse the disk: it sees that the checksum is wrong, and leaves the mending to xfs_repair.
WHOLE = {"ext4": 512, "xfs": 4096}


class Entry(NamedTuple):
    time: int
    offset: int
    data: memoryview

    @property
    def is_flush(self):
        return self.offset == blocklog.FLUSH


class Recorder(disk.Disk):
    """The file system of an image, on a loop device on a file that blocklog.py serves."""

    def __init__(self, kind, directory):
        super().__init__(kind, directory)
        self.image = Path(directory) / "logged"
        self.live, self.log = Path(directory) / "live.img", Path(directory) / "blocks"
        self.server = None

    def __exit__(self, *_):
        self.stop()

    def start(self, base, delay):
        """delay: microseconds that a flush takes at least."""
        disk.copy(base, self.live)
        self.log.write_bytes(b"")
        self.image.touch()
        files = [(Path("/dev/fuse"), 0), (self.live, 0), (self.log, os.O_APPEND)]
        files = [os.open(path, os.O_RDWR | flags) for path, flags in files]
        options = f"fd={files[0]},rootmode=100600,user_id=0,group_id=0"
        words = ("mount", "-i", "-t", "fuse", "-o", options, "blocklog", self.image)
        try:
            disk.call(*words, pass_fds=files[:1])
            words = [sys.executable, blocklog.__file__, *files, delay]
            self.server = subprocess.Popen([*map(str, words)], pass_fds=files)
        finally:
            for file in files:
                os.close(file)
        self.mount()

    def stop(self):
        """Gives what was logged."""
        self.unmount()
        if disk.is_mounted(self.image):
            disk.call("umount", self.image)
        if self.server and self.server.wait(60):
            raise OSError(f"the server of the logged file ended with {self.server.returncode}")
        self.server = None
        return entries(self.log.read_bytes()) if self.log.exists() else []


def entries(log):
    found, place, view = [], 0, memoryview(log)
    while place < len(log):
        time, offset, size = blocklog.ENTRY.unpack_from(log, place)
        place += blocklog.ENTRY.size
        found.append(Entry(time, offset, view[place : place + size]))
        place += size
    return found


def cut_image(base, log, number, chance, image, whole):
    """Makes the image that a cut after so many entries leaves. Gives how many met what fate.

    All writes before the last flush are there. Of those after it each is kept, dropped or torn: a
    disk writes so many bytes whole, and in any order.
    """
    disk.copy(base, image)
    flushes = [index for index in range(number) if log[index].is_flush]
    sure = flushes[-1] if flushes else 0
    likely = [chance.random() for _ in range(3)]
    fates = Counter()
    with image.open("r+b", buffering=0) as file:
        for index, entry in enumerate(log[:number]):
            if entry.is_flush:
                continue
            (fate,) = chance.choices(("kept", "dropped", "torn"), likely)
            if index < sure:
                fate = "flushed"
            fates[fate] += 1
            if fate in ("flushed", "kept"):
                os.pwrite(file.fileno(), entry.data, entry.offset)
            elif fate == "torn":
                tear(file.fileno(), entry, chance, whole)
    return fates


def tear(file, entry, chance, whole):
    """Writes the first parts, or any."""
    parts = list(split(entry, whole))
    if chance.random() < 0.5:
        parts = parts[: chance.randrange(len(parts) + 1)]
    else:
        parts = [part for part in parts if chance.random() < 0.5]
    for start, end in parts:
        os.pwrite(file, entry.data[start:end], entry.offset + start)


def split(entry, whole):
    """Where the parts begin and end that lie in one unit of the disk each."""
    start = 0
    while start < len(entry.data):
        end = start + whole - (entry.offset + start) % whole
        yield start, end
        start = end
