#!/usr/bin/env python3
"""import.py PROJECT: imports 10,000 issues, page by page.

Their source says once in the middle "rate limit, retry after 2 s". Kill it where you like and run
it again. It is import.c again: each goes on with the job of the other.
"""

import os
import sys
import time
from pathlib import Path

import bgjobs

PAGES = PER_PAGE = 100
CONFIG = {
    "type": "import-issues",
    "provider": "github",
    "timeRangeMonths": 12,
    "repositories": ["example/issues"],
    "projectPath": ".",
}


class RateLimit(Exception):
    pass


limits = [2]


def fetch(page):
    """The source: the issues of a page."""
    if page == PAGES // 2 and limits:
        raise RateLimit(limits.pop())
    time.sleep(0.02)  # as a quick server would take
    return [f"issue-{page * PER_PAGE + i + 1:05d}" for i in range(PER_PAGE)]


def save(issue):
    """The work. Doing it twice does no harm: a kill may come between it and its report."""
    Path("issues", f"{issue}.txt").write_text(f"imported {issue}\n")


def import_page(job, page):
    while True:
        try:
            issues = fetch(page)
            break
        except RateLimit as limit:
            job.rate_limited("github", limit.args[0])
            job.wait_resumed()  # ends when the limit does
    for issue in issues:
        if job.is_done(issue):
            continue  # in a page that was not finished last time
        # Any report may say that somebody has paused the job. It is kept all the same.
        if job.update(current_item=issue):
            job.wait_resumed()
        try:
            save(issue)
        except OSError:
            news = job.failed(issue, "its file cannot be written")
        else:
            news = job.done(issue)
        if news:
            job.wait_resumed()
    job.cursor = page + 1  # kept in order: after the items of its page


def main(project):
    os.chdir(project)
    os.makedirs("issues", exist_ok=True)
    with bgjobs.JobManager(".") as manager:
        job = manager.ensure("import-issues", "example/issues", CONFIG, total=PAGES * PER_PAGE)
        with job:
            for page in range(job.cursor or 0, PAGES):
                import_page(job, page)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: import.py PROJECT", file=sys.stderr)
        sys.exit(2)
    try:
        main(sys.argv[1])
    except (bgjobs.BgjobsError, OSError) as error:
        sys.exit(f"import.py: {error}")
