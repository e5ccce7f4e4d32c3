"""The recovery: once a minute it looks for whatever was lost or left behind, and mends it.

No other part of the system depends on it for what goes well. It is what makes a lost message, a
throttled call or a process that died in the wrong moment cost a minute instead of a job. Each part
works from what the stores say at that moment, and what it does may be done twice: sweeps may
overlap, and a sweep may be cut off anywhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from conversion.clock import utc_now
from conversion.conversion import Conversion
from conversion.job import Status
from conversion.recovery.arrivals import OLDEST, start_unheard
from conversion.recovery.heartbeat import stop_silent
from conversion.recovery.leftovers import abort_stale
from conversion.recovery.pipeline import FAILURES, Counts, Pipeline
from conversion.recovery.reconcile import reconcile, stop_cancelled_again
from conversion.recovery.records import give_back_slots, hold_slots, keep_alive
from conversion.start import start_waiting

log = logging.getLogger(__name__)

# Of the jobs that wait, in each sweep: to count one costs a read of its record.
_MOST_COUNTED = 1_000
# Tasks take a minute to start, and some more where Spot had no room and it is on demand.
_LONG_START = timedelta(minutes=15)


@dataclass(frozen=True)
class Recovered:
    """What a sweep has mended, and how often it failed to: none of these in a quiet minute."""

    kept_alive: int = 0  # jobs whose expiry was put off
    slots_held: int = 0  # by jobs that ran without
    slots_given_back: int = 0
    started: int = 0  # jobs that waited for a slot
    restarted: int = 0  # jobs without an execution
    given_up: int = 0  # jobs whose execution had ended
    stopped: int = 0  # executions of cancelled jobs
    found: int = 0  # jobs of objects whose event was lost
    uploads_aborted: int = 0
    tasks_stopped: int = 0
    failures: int = 0

    @property
    def jobs(self) -> int:
        """Those that would not have gone on, or not have ended, by themselves."""
        return self.restarted + self.given_up + self.stopped + self.found + self.tasks_stopped


@dataclass(frozen=True)
class Load:
    """Of the jobs that are not over, how many are where: `running` hold a slot, of whom `starting`
    have no converter yet; `waiting`, counted up to a thousand, have no slot, and `held_up` of those
    although there is one free for each. `tasks_held_up` are those that start, where the first of
    them has for so long that no task seems to come up."""

    running: int
    starting: int
    waiting: int
    held_up: int
    tasks_held_up: int


def _untold(load: Load) -> None:
    pass


def sweep(
    pipeline: Pipeline,
    defaults: Sequence[Conversion],
    retention_days: int,
    look_back: timedelta | None = OLDEST,
    pause: Callable[[float], None] = time.sleep,
    tell: Callable[[Load], None] = _untold,
) -> Recovered:
    """Do every part, whichever of them fail. `look_back`: how old an object may be that is looked
    at, None for none: a listing costs money, and each object two reads. `tell` is told the load."""
    parts: list[Callable[[], Counts]] = [
        # First, so that nothing below takes a job that lives for one that has expired.
        lambda: keep_alive(pipeline, retention_days),
        lambda: hold_slots(pipeline),
        lambda: give_back_slots(pipeline),
        lambda: reconcile(pipeline),
        lambda: stop_cancelled_again(pipeline),
        lambda: _start_waiting(pipeline),
        lambda: _tell_load(pipeline, tell),
        lambda: stop_silent(pipeline, pause),
    ]
    if look_back is not None:  # last: what they look through may be long
        parts += [
            lambda: abort_stale(pipeline),
            lambda: start_unheard(pipeline, defaults, retention_days, look_back),
        ]
    counts = sum((_done(part) for part in parts), Counts())
    recovered = Recovered(**counts)
    log.info("swept", extra=asdict(recovered))
    return recovered


def _start_waiting(pipeline: Pipeline) -> Counts:
    return Counts(started=len(start_waiting(pipeline.jobs, pipeline.slots, pipeline.executions)))


def _tell_load(pipeline: Pipeline, tell: Callable[[Load], None]) -> Counts:
    """For whoever wonders why jobs wait (docs/runbook.md)."""
    load = _load(pipeline)
    log.info("load", extra=asdict(load))
    tell(load)
    return Counts()


def _load(pipeline: Pipeline) -> Load:
    """The oldest are started first, so that those who have a slot are met before the others."""
    holders = pipeline.slots.holders()
    starting: list[str] = []
    waiting = 0
    for job in pipeline.jobs.of_status(Status.CREATED):
        if job.job_id in holders:
            starting.append(job.job_id)
        else:
            waiting += 1
        if waiting == _MOST_COUNTED:
            break
    free = max(pipeline.slots.most - len(holders), 0)
    held_up = len(starting) if _starts_slowly(starting, pipeline) else 0
    return Load(len(holders), len(starting), waiting, min(waiting, free), held_up)


def _starts_slowly(starting: Sequence[str], pipeline: Pipeline) -> bool:
    """Asked of the oldest alone, and by its execution: the record says when it was made, which may
    be hours before it had a slot."""
    execution = pipeline.executions.describe(starting[0]) if starting else None
    return execution is not None and utc_now() - execution.started_at > _LONG_START


def _done(part: Callable[[], Counts]) -> Counts:
    try:
        return part()
    except Exception:
        log.exception("a part of the recovery failed")
        return Counts({FAILURES: 1})
