#!/usr/bin/env python3
"""clone.py PROJECT LIST: clones the git repositories that LIST names, one URL a line, into PROJECT.

Pause it, kill it, run it again: it goes on where it was. It is clone.c and Clone.swift again: each
goes on with the job of the others.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import bgjobs


class Commands:
    """Runs commands that do not outlive this program, even when it is killed with kill -9.

    A shell waits for the end of a pipe that nobody but us holds, and then kills its process group:
    all commands and what they have started run in it.
    """

    def __enter__(self):
        self.watcher = subprocess.Popen(
            ["sh", "-c", "read -r _; kill -KILL 0"],
            stdin=subprocess.PIPE,
            preexec_fn=lambda: os.setpgid(0, 0),
        )
        return self

    def __exit__(self, *_):
        self.watcher.stdin.close()
        self.watcher.wait()

    def run(self, *command):
        group = self.watcher.pid
        # No terminal: that belongs to another process group.
        return subprocess.call(
            command, stdin=subprocess.DEVNULL, preexec_fn=lambda: os.setpgid(0, group)
        )


def remove_half_made(job):
    """Also what earlier runs of this job have left: only its owner comes here."""
    for path in Path().glob(f".half-made.{job.id}.*"):
        shutil.rmtree(path)


def clone(job, url, name, commands):
    """None, or why there is no clone. It gets its name when it is whole: if it is there, it is."""
    if url is None:
        return "it is no longer in the list"
    if os.path.lexists(name):
        return None
    half_made = f".half-made.{job.id}.{os.getpid()}"
    if commands.run("git", "clone", "--quiet", "--", url, half_made) == 0:
        with contextlib.suppress(OSError):
            os.rename(half_made, name)
            return None
    remove_half_made(job)
    return "git clone failed"


def main(project, list_path):
    lines = Path(list_path).read_text("utf-8-sig").splitlines()
    os.chdir(project)
    urls = {os.path.basename(line[:-4] if line.endswith(".git") else line): line for line in lines}
    urls.pop("", None)
    # The config that other tools expect of this type of job.
    config = {"type": "clone-repos", "repositories": list(urls), "projectPath": os.getcwd()}

    failed = False
    with bgjobs.JobManager(".") as manager, Commands() as commands:
        job = manager.ensure("clone-repos", os.path.basename(list_path), config)
        job.plan(urls)
        with job:
            remove_half_made(job)
            for name in job.remaining():
                job.update(current_item=name)
                manager.sync()  # a clone is a long silence: show now what it is
                why = clone(job, urls.get(name), name, commands)
                if why is None:
                    job.done(name)
                else:
                    print(f"{name}: {why}", file=sys.stderr)
                    job.failed(name, why)
                    failed = True
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: clone.py PROJECT LIST", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (bgjobs.BgjobsError, OSError) as error:
        sys.exit(f"clone.py: {error}")
