"""A file system in a file, and the power that it can lose."""

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import uuid
from pathlib import Path

# FS_IOC_SHUTDOWN, the same for ext4 and xfs, and its flag NOLOGFLUSH: nothing more reaches the
# disk, and what the journal has not committed is gone.
SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
# The least that mkfs.xfs accepts is 300 MB. The file is sparse.
SIZE = 512 << 20
BOOT_ID = "/proc/sys/kernel/random/boot_id"
# Bits of fsck's exit code: errors were corrected, and the machine should be rebooted.
MENDED = 1 | 2
KINDS = ("ext4", "xfs")


class Missing(Exception):
    """What this machine lacks for the test."""


def call(*words, pass_fds=()):
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, check=False, pass_fds=pass_fds
    )
    if done.returncode:
        raise OSError(f"{' '.join(map(str, words))}: {done.stderr.strip() or done.returncode}")


def copy(image, other):
    call("cp", "--sparse=always", image, other)


class Disk:
    """To be used in a mount namespace of its own: in it nothing stays mounted, whatever happens.

    Each mount is a boot of its own: by the boot's id the library tells a power cut from damage.
    """

    def __init__(self, kind, directory):
        self.kind = kind
        self.image = Path(directory) / f"{kind}.img"
        self.path = Path(directory) / "mounted"
        self.boot_id = Path(directory) / "boot_id"
        self.path.mkdir(exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.unmount()

    def make(self):
        self.unmount()
        self.image.unlink(missing_ok=True)
        with self.image.open("wb") as file:
            file.truncate(SIZE)
        call(f"mkfs.{self.kind}", "-q", self.image)
        self.mount()

    def mount(self):
        call("mount", "-o", "loop", "-t", self.kind, self.image, self.path)
        self.boot_id.write_text(f"{uuid.uuid4()}\n")
        call("mount", "--bind", self.boot_id, BOOT_ID)

    def boot(self):
        """As the start of a machine does. Gives whether fsck had to mend something first.

        An ext4 superblock of which a part was written is refused by the kernel, not by fsck.
        """
        try:
            self.mount()
        except OSError:
            done = subprocess.run(
                [f"fsck.{self.kind}", "-y", self.image], capture_output=True, check=False
            )
            if done.returncode & ~MENDED:
                raise
            self.mount()
            return True
        return False

    def unmount(self):
        for place in (BOOT_ID, self.path):
            if is_mounted(place):
                call("umount", place)

    def cut(self):
        """Turns the power off, without a warning to anybody."""
        with directory(self.path) as descriptor:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))


@contextlib.contextmanager
def directory(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_mounted(path):
    # Not os.path.ismount: a file that is bound over another on its own device is no mount to it.
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return str(path) in [line.split()[4] for line in lines]


def probe(kind, scratch):
    """Raises Missing unless a file system of this kind can be made here, and can lose its power."""
    if not shutil.which(f"mkfs.{kind}"):
        raise Missing(f"there is no mkfs.{kind}")
    try:
        with Disk(kind, scratch) as disk:
            disk.make()
            disk.cut()
            disk.unmount()
            disk.mount()
    except OSError as problem:
        raise Missing(f"no {kind} of a loop device that can be shut down: {problem}") from None
