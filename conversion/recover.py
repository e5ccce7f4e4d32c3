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
from itertools import islice

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


def sweep(
    pipeline: Pipeline,
    defaults: Sequence[Conversion],
    retention_days: int,
    look_back: timedelta | None = OLDEST,
    pause: Callable[[float], None] = time.sleep,
) -> Recovered:
    """Do every part, whichever of them fail. `look_back`: how old an object may be that is looked
    at, None for none: a listing costs money, and each object two reads."""
    parts: list[Callable[[], Counts]] = [
        # First, so that nothing below takes a job that lives for one that has expired.
        lambda: keep_alive(pipeline, retention_days),
        lambda: hold_slots(pipeline),
        lambda: give_back_slots(pipeline),
        lambda: reconcile(pipeline),
        lambda: stop_cancelled_again(pipeline),
        lambda: _start_waiting(pipeline),
        lambda: _tell_load(pipeline),
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


def _tell_load(pipeline: Pipeline) -> Counts:
    """For whoever wonders why jobs wait (docs/runbook.md)."""
    holders = pipeline.slots.holders()
    created = pipeline.jobs.of_status(Status.CREATED)
    waiting = (each for each in created if each.job_id not in holders)
    told = {"running": len(holders), "waiting": sum(1 for _ in islice(waiting, _MOST_COUNTED))}
    log.info("load", extra=told)
    return Counts()


def _done(part: Callable[[], Counts]) -> Counts:
    try:
        return part()
    except Exception:
        log.exception("a part of the recovery failed")
        return Counts({FAILURES: 1})
