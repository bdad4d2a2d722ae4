"""`python -m bgjobs`: looks at jobs and steers them, where the bgjobs command is not installed."""

import argparse
import os
import signal
import stat
import sys
from typing import List, Optional

from . import BgjobsError, JobInfo, JobManager, __version__


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bgjobs", description=__doc__)
    parser.add_argument(
        "-C",
        dest="project",
        metavar="DIR",
        default=".",
        help="where the search for the project begins, upwards",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="all jobs, a line each")
    for name, what in (
        ("show", "what is known of a job"),
        ("pause", "pause a job: its program waits"),
        ("resume", "lift a pause"),
        ("cancel", "end a job for good"),
        ("retry", "give a failed job, or failed items, another try: then run its program again"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("id", help="a job's id, or the beginning of it")
    options = parser.parse_args(arguments)
    try:
        with JobManager(project_at(options.project)) as manager:
            if options.command == "list":
                for info in manager.list():
                    print(line(info))
                return 0
            job = manager.find(options.id)
            if options.command != "show":
                getattr(job, options.command)()
            print(line(job.info()))
            return 0
    except BgjobsError as error:
        print(f"python -m bgjobs: {error}", file=sys.stderr)
        return 1


def project_at(directory: str) -> str:
    """The nearest directory from there upwards that is a project, as the command looks for it."""
    path = os.path.abspath(directory)
    while not is_project(path):
        path, before = os.path.dirname(path), path
        if path == before:
            return directory
    return path


def is_project(path: str) -> bool:
    try:
        state, here = os.lstat(os.path.join(path, ".specweave")), os.stat(path)
    except OSError:
        return False
    # Not one that a stranger has put into a directory where everybody may, as /tmp.
    is_private = here.st_uid != 0 and not here.st_mode & stat.S_IWOTH
    return state.st_uid in (os.geteuid(), here.st_uid) or is_private


def line(info: JobInfo) -> str:
    parts = [info.id, info.type, info.key or "-", info.status_name]
    if info.reason:
        parts.append(f"({info.reason})")
    of_total = f"/{info.total} {info.percentage}%" if info.total else ""
    parts.append(f"{info.current}{of_total}")
    if info.items_failed:
        parts.append(f"{info.items_failed} failed")
    if info.eta is not None:
        parts.append(f"{info.eta} s left ({info.eta_low} to {info.eta_high})")
    if info.current_item:
        parts.append(f"now: {info.current_item}")
    if info.error:
        parts.append(f"error: {info.error}")
    return "  ".join(map(printable, parts))


def printable(text: str) -> str:
    """Names of items may hold what a terminal would take for a command."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `list | head` ends quietly, as other tools do
    sys.exit(main())
