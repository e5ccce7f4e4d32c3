"""A job's way to its end, and whether it still moves: told from outside, by nothing but its
changing record.

Time is this process's own, counted from when a change was seen: the two clocks need not agree, and
a laptop that slept does not take its own absence for the job's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from client.answers import Job, Progress
from client.errors import JobStalled
from client.retry import Patience

# Nobody works on a job at these stages: it waits for capacity.
WAITING = frozenset({"queued", "starting", "restarting"})
# A converter writes about once a second: speed and time left that are older are no longer true.
FRESH_SECONDS = 10.0


class Asked(Protocol):
    """An Api, or several jobs' way to ask one together."""

    async def progress(self, job_id: str) -> tuple[Progress, float]: ...

    async def finished_job(self, job_id: str) -> Job: ...


class Watch:
    """Sees every progress of one job, in order."""

    def __init__(
        self, job_id: str, patience: Patience, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._job_id = job_id
        self._patience = patience
        self._now = now
        self._last: object = None
        self._moved = now()

    def see(self, progress: Progress) -> Progress:
        """What of it may be shown. Raises JobStalled when the job has not moved for too long."""
        record = (progress.updated_at, progress.status, progress.stage, progress.percent)
        if record != self._last:
            self._last, self._moved = record, self._now()
        still = self._now() - self._moved
        if progress.is_over:
            return progress
        if still >= self._most(progress.stage):
            raise self._stalled(progress, still)
        if still <= FRESH_SECONDS:
            return progress
        return replace(progress, speed=None, eta_seconds=None)

    def _most(self, stage: str) -> float:
        return self._patience.job_waits if stage in WAITING else self._patience.job_runs_silent

    def _stalled(self, progress: Progress, still: float) -> JobStalled:
        return JobStalled(
            f"Job {self._job_id} is {progress.stage} at {progress.percent:.0f} % and has not moved "
            f"for {_long(still)}: look at the state machine's execution named {self._job_id}, or "
            "convert the file again."
        )


async def until_over(
    api: Asked, job_id: str, patience: Patience, shown: Callable[[Progress], None]
) -> Job:
    """The job when it is over; `shown` hears of its way there. Raises JobStalled when it has ceased
    to move."""
    watch = Watch(job_id, patience)
    while True:
        progress, wait = await api.progress(job_id)
        progress = watch.see(progress)
        if progress.is_over:
            return await api.finished_job(job_id)
        shown(progress)
        await asyncio.sleep(wait)


def _long(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
