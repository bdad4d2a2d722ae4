"""A file whose writes and flushes are logged in their order, for a loop device upon it.

blocklog.py DEVICE IMAGE LOG DELAY

The first three are open descriptors: of /dev/fuse, of the file with the contents, and of the log.
A flush takes DELAY microseconds at least. It speaks the kernel's FUSE protocol by itself: a file
that is the root of its file system needs little of it. Ends when that is unmounted.
"""

import ctypes
import errno
import os
import signal
import struct
import sys
import time

# Header of an entry: nanoseconds of CLOCK_MONOTONIC, offset, size. The bytes follow it.
ENTRY = struct.Struct("<qqq")
FLUSH = -1  # as the offset

REQUEST = struct.Struct("<IIQQIIIHH")
ANSWER = struct.Struct("<IiQ")
FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, RELEASE = 2, 3, 4, 14, 15, 16, 18
FSYNC, FLUSH_FILE, INIT, INTERRUPT, DESTROY, BATCH_FORGET = 20, 25, 26, 36, 38, 42
IN_WRITE = struct.Struct("<QQIIQII")
IN_READ = struct.Struct("<QQIIQII")
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
LARGEST = 1 << 20
# Each write of the loop device is a request, at once: nothing is left in a cache of the kernel.
DIRECT_IO = 1


class Server:
    def __init__(self, device, image, log, delay):
        self.device, self.image, self.log, self.delay = device, image, log, delay / 1e6
        self.attributes = struct.pack(
            "<QII6Q10I",
            *(1 << 30, 0, 0),  # valid for so many seconds
            *(1, os.fstat(image).st_size, 0, 0, 0, 0),
            *(0, 0, 0, 0o100600, 1, 0, 0, 0, 4096, 0),
        )

    def serve(self):
        buffer = bytearray(LARGEST + 4096)
        while True:
            try:
                size = os.readv(self.device, [buffer])
            except OSError as problem:
                if problem.errno == errno.ENODEV:
                    return
                if problem.errno in (errno.ENOENT, errno.EINTR):
                    continue
                raise
            # What a call did that ended before this time is in the log, with the flushes after it.
            now = time.monotonic_ns()
            _, operation, unique, *_ = REQUEST.unpack_from(buffer)
            if operation in (FORGET, BATCH_FORGET, INTERRUPT):
                continue
            content = memoryview(buffer)[REQUEST.size : size]
            error, answer = 0, b""
            try:
                answer = self.answer(operation, content, now)
            except OSError as problem:
                error = -problem.errno
            size = ANSWER.size + len(answer)
            os.writev(self.device, [ANSWER.pack(size, error, unique), answer])

    def answer(self, operation, content, now):
        if operation == WRITE:
            _, offset, size, *_ = IN_WRITE.unpack_from(content)
            data = content[IN_WRITE.size :][:size]
            self.append(now, offset, data)
            os.pwrite(self.image, data, offset)
            return struct.pack("<II", size, 0)
        if operation == READ:
            _, offset, size, *_ = IN_READ.unpack_from(content)
            return os.pread(self.image, size, offset)
        if operation == FSYNC:
            self.append(now, FLUSH, b"")
            time.sleep(self.delay)
        elif operation in (GETATTR, SETATTR):
            return self.attributes
        elif operation == OPEN:
            return struct.pack("<QII", 0, DIRECT_IO, 0)
        elif operation == INIT:
            flags = BIG_WRITES | MAX_PAGES
            pages = LARGEST // 4096
            return struct.pack("<4IHHIIHH28x", 7, 31, 1 << 17, flags, 12, 9, LARGEST, 1, pages, 0)
        elif operation not in (RELEASE, FLUSH_FILE, DESTROY):
            raise OSError(errno.ENOSYS, "")
        return b""

    def append(self, now, offset, data):
        parts = [ENTRY.pack(now, offset, len(data)), data]
        if os.writev(self.log, parts) != ENTRY.size + len(data):
            raise OSError(errno.EIO, "the log is cut")


PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    # It must not outlive the test: it would keep the mounts, which end with the last process.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    Server(*map(int, sys.argv[1:])).serve()
