"""Converters that report, for benchmarks/progress.py: `python -m benchmarks.progress_writer JOBS`.

A process of its own, told everything by its environment, until its stdin ends. Each job has the
converter's own reporter, and news for it twice a second, as ffmpeg has.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import ExitStack

from conversion.progress import Progress, Stage
from conversion.settings import GetProgressSettings
from conversion.stores import clients
from conversion.stores.progress_store import progress_store, seconds_between_reports
from tasks.converter.reporter import Reporter

# ffmpeg's `-stats_period` (tasks/converter/command.py).
_NEWS_SECONDS = 0.5


def job_ids(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(count)]


def main(count: int) -> None:
    settings = GetProgressSettings.from_env(os.environ)
    attempt = int(time.time())  # newer than whatever has reported on these jobs before
    store = progress_store(settings, clients.dynamodb())
    over = threading.Event()
    threading.Thread(target=_until_stdin_ends, args=(over,), daemon=True).start()
    with ExitStack() as running:
        reporters = [
            running.enter_context(Reporter(store, each, attempt, seconds_between_reports(settings)))
            for each in job_ids(count)
        ]
        percent = 0.0
        while not over.wait(_NEWS_SECONDS):
            percent = min(99.0, percent + 0.05)
            for each in reporters:
                each.report(Progress(attempt, Stage.CONVERTING, round(percent, 2), speed=30.0))


def _until_stdin_ends(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


if __name__ == "__main__":
    main(int(sys.argv[1]))
