"""Tasks that run and do nothing: each is stopped, so that the flow starts another in its place.

A converter that works writes its progress every few seconds, and stops by itself when ffmpeg
stalls; one that writes nothing hangs, or its machine does. It is stopped only when three things
hold, of which a clock that jumps can fake but the first:

- its last sign of life is minutes old, by our own clock;
- its execution waits for a task that has not ended: where it waits for capacity, or between two
  tries, there is nothing to stop, and silence is right;
- nothing has changed when it is looked at again after a while, longer than a converter is ever
  silent. How long that while is, is nobody's clock's to tell.

And only a few are stopped in one sweep: should they all be found silent, something other than they
is broken, and all of them would be restarted for nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from conversion.clock import utc_now
from conversion.job import Standing
from conversion.progress import Progress
from conversion.recovery.pipeline import Counts, Pipeline, mend

log = logging.getLogger(__name__)

_SILENCE = timedelta(minutes=5)
# A task that has not claimed its job is being placed, or pulls its image: minutes at the very most.
_STARTING = timedelta(minutes=30)
# The converter writes at least every 10 s (tasks/converter/reporter.py).
SECOND_LOOK_SECONDS = 20.0
_MOST_STOPPED = 5

_REASON = "No sign of life from the converter; its job goes on in another task."


@dataclass(frozen=True)
class _Sign:
    """Everything by which a job can show that somebody works on it."""

    standing: Standing
    progress: Progress | None

    @property
    def last(self) -> datetime:
        """By the clocks of those who wrote."""
        written = [self.standing.updated_at]
        if self.progress and self.progress.updated_at:
            written.append(self.progress.updated_at)
        return max(datetime.fromisoformat(each) for each in written)


def stop_silent(pipeline: Pipeline, pause: Callable[[float], None]) -> Counts:
    silent = _silent(_signs(pipeline, pipeline.executions.running()))
    suspects = {
        job_id: task
        for job_id, sign in silent.items()
        if (task := _task_in_hand(pipeline, job_id, sign)) is not None
    }
    if not suspects:
        return Counts()
    pause(SECOND_LOOK_SECONDS)
    again = _signs(pipeline, suspects)
    dead = (job_id for job_id in suspects if again.get(job_id) == silent[job_id])

    def stop(job_id: str) -> bool:
        pipeline.tasks.stop(suspects[job_id], _REASON)
        told = {"job_id": job_id, "task": suspects[job_id]}
        log.error("a task was silent and is stopped", extra=told)
        return True

    return mend("tasks_stopped", islice(dead, _MOST_STOPPED), stop)


def _signs(pipeline: Pipeline, job_ids: Iterable[str]) -> dict[str, _Sign]:
    standings = pipeline.jobs.standings(job_ids)
    live = {each: stands for each, stands in standings.items() if not stands.status.is_terminal}
    progress = pipeline.progress.read(live)
    return {each: _Sign(stands, progress.get(each)) for each, stands in live.items()}


def _silent(signs: dict[str, _Sign]) -> dict[str, _Sign]:
    since = utc_now() - _SILENCE
    return {job_id: sign for job_id, sign in signs.items() if sign.last < since}


def _task_in_hand(pipeline: Pipeline, job_id: str, sign: _Sign) -> str | None:
    """The task that the execution waits for, unless it may be about to give its first sign."""
    task = pipeline.executions.newest_task(job_id)
    if task is None or task.has_ended:
        return None
    if task.submitted_at > sign.last and utc_now() - task.submitted_at < _STARTING:
        return None
    return task.arn
