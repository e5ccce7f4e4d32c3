"""Progress on its way into the store, in a thread of its own and at most about once a second.

The store may be slow or away for a while; neither ffmpeg nor its watchdog must wait for that. Only
the newest report counts, so there is one slot and no queue. That another attempt has taken over is
learnt here, and raised to the run at its next report.

Where nothing new is to be said, the last report is written again now and then: the recovery tells
by the age of a record whether anybody still works on the job.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from conversion.errors import RecordsUnavailable, TransientError
from conversion.progress import Mark, Progress, ProgressStore, Stage

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_WRITES = 1.0
_HEARTBEAT_SECONDS = 10.0
_PATIENCE_AT_END_SECONDS = 5.0


class Reporter:
    """`with Reporter(store, job_id, attempt) as reporter:` — then call `report` freely.

    `seconds_between`: at least so long between two writes where the stage stays the same, and
    before one that raises the percent. A reader may tell a report again while it is younger than
    that (conversion/stores/recent.py), and must not be behind another reader then.
    """

    def __init__(
        self,
        store: ProgressStore,
        job_id: str,
        attempt: int,
        seconds_between: float | None = None,
    ) -> None:
        self._store = store
        self._job_id = job_id
        self._pause = _SECONDS_BETWEEN_WRITES if seconds_between is None else seconds_between
        self._last = Progress(attempt, Stage.STARTING)
        self._next: Progress | None = None
        self._mark = Mark(0.0, 0.0)
        self._began = time.monotonic()
        self._error: Exception | None = None
        self._news = threading.Condition()
        self._over = False
        self._urgent = False
        self._is_unheard = False
        self._told: tuple[Stage, int] | None = None
        self._thread = threading.Thread(target=self._write_all, name="reporter", daemon=True)

    def __enter__(self) -> Self:
        """Raises SupersededAttempt, or RecordsUnavailable: without its fence no attempt begins."""
        self._mark = self._store.begin(self._job_id, self._last.attempt)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """An attempt that is to be tried again says so: the next may have to wait for capacity."""
        if isinstance(error, TransientError) and self._error is None:
            self.stage(Stage.RESTARTING)
        with self._news:
            self._over = True
            self._news.notify()
        self._thread.join(_PATIENCE_AT_END_SECONDS)

    @property
    def seconds(self) -> float:
        """What this attempt and those before it have run so far, which is what the job costs."""
        return self._mark.seconds_spent + self._run_seconds

    def stage(self, stage: Stage) -> None:
        """A new stage is shown at once, at the percent reached."""
        self._put(replace(self._last, stage=stage, speed=None, eta_seconds=None), urgent=True)

    def report(self, progress: Progress) -> None:
        """Raises SupersededAttempt when a newer attempt has taken over."""
        self._put(progress, urgent=False)

    @property
    def _run_seconds(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def _put(self, progress: Progress, urgent: bool) -> None:
        if self._error is not None:
            raise self._error
        self._last = replace(progress, percent=max(progress.percent, self._last.percent))
        self._tell()
        with self._news:
            self._next = self._last.above(self._mark.percent)
            self._urgent |= urgent
            self._news.notify()

    def _tell(self) -> None:
        """A line of the log for each stage and each tenth of the way."""
        reached = (self._last.stage, int(self._last.percent // 10))
        if reached != self._told:
            told = {"stage": self._last.stage.value, "percent": round(self._last.percent, 1)}
            log.info("progress", extra=told)
        self._told = reached

    def _write_all(self) -> None:
        last, written = None, self._began
        while (news := self._take(last)) is not None:
            progress = self._without_haste(news, last, written)
            last, written = progress, time.monotonic()
            try:
                self._store.report(self._job_id, replace(progress, run_seconds=self._run_seconds))
            except RecordsUnavailable as error:
                self._unheard(error)
            except Exception as error:  # a fence most of all: raised to the run at its next report
                self._error = error
                return
            else:
                self._heard()
            with self._news:
                if progress.percent < news.percent and self._next is None and not self._over:
                    self._next = news
                self._news.wait_for(lambda: self._over or self._urgent, self._pause)

    def _without_haste(self, news: Progress, last: Progress | None, written: float) -> Progress:
        """A new stage is told at once; the percent that comes with it, in its time."""
        shown = self._mark.percent if last is None else last.percent
        is_soon = time.monotonic() - written < self._pause
        return replace(news, percent=min(news.percent, shown)) if is_soon else news

    def _take(self, last: Progress | None) -> Progress | None:
        """The newest report, once there is one; the last again when there is none for long; None
        when the run is over and all is written."""
        with self._news:
            patience = None if last is None else _HEARTBEAT_SECONDS
            heard = self._news.wait_for(lambda: self._over or self._next is not None, patience)
            progress, self._next, self._urgent = self._next, None, False
            return progress if heard else last

    def _unheard(self, error: RecordsUnavailable) -> None:
        """Said once, not at each of the reports that an outage swallows."""
        if not self._is_unheard:
            log.warning("progress cannot be written", extra={"reason": error.message})
        self._is_unheard = True

    def _heard(self) -> None:
        if self._is_unheard:
            log.warning("progress can be written again")
        self._is_unheard = False
