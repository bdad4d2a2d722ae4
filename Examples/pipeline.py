#!/usr/bin/env python3
"""pipeline.py PROJECT URL...: as pipeline.sh, and its own worker. Kill it, run it again.

Start it twice, and both share the work.
"""

import os
import shutil
import subprocess
import sys

import bgjobs


def clone(url, name):
    # A job whose worker was killed runs again: what is half made has another name.
    half = f"{name}.half-{os.getpid()}"
    subprocess.run(["git", "clone", "--quiet", url, half], check=True)
    shutil.rmtree(name, ignore_errors=True)
    os.rename(half, name)


def changes(name):
    log = subprocess.run(
        ["git", "-C", name, "log", "--format=%h %s"], check=True, capture_output=True, text=True
    )
    with open(f"{name}.txt", "w") as file:
        file.write(log.stdout)


def plan(manager, urls):
    """The same jobs each time, also after a kill in here: the last step makes one whole."""
    known = {(info.type, info.key) for info in manager.list() if info.enqueued}
    manager.limit("lane:server", 2)
    for url in urls:
        name = os.path.basename(url).removesuffix(".git")
        if ("changes", name) in known:
            continue
        config = {"url": url, "name": name}
        first = manager.enqueue("clone", config, key=name, lane="server")
        manager.enqueue("changes", config, key=name, after=first, priority=1)


def main(project, urls):
    os.chdir(project)
    with bgjobs.JobManager(".", keep_completed=-1) as manager:
        plan(manager, urls)
        for job in manager.claims(wait=True, until_empty=True):
            try:
                with job:
                    config = job.config
                    if job.info().type == "clone":
                        clone(config["url"], config["name"])
                    else:
                        changes(config["name"])
            except subprocess.CalledProcessError as problem:
                print(f"job {job.id}: {problem}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: pipeline.py PROJECT URL...")
    main(sys.argv[1], sys.argv[2:])
