"""What a change of a job's record measures: how long it waited and ran, what it cost, how it ended.

All of it stands in the two images of the change, so that nothing is read for it, and none of it
says whose job it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from conversion.errors import (
    ConverterCrashed,
    ConverterInterrupted,
    ExecutionLost,
    OutputBroken,
    TaskNotStarted,
    TimedOut,
)
from conversion.job import Job, Status
from conversion.metrics import Metric

_ENDED = {
    Status.COMPLETED: Metric.JOBS_COMPLETED,
    Status.FAILED: Metric.JOBS_FAILED,
    Status.CANCELLED: Metric.JOBS_CANCELLED,
}
# Where not the file is at fault, nor who asked: the deployment, its size, or AWS (docs/runbook.md).
TO_MEND = frozenset(
    each.code
    for each in (
        ConverterCrashed,
        ConverterInterrupted,
        ExecutionLost,
        OutputBroken,
        TaskNotStarted,
        TimedOut,
    )
)


@dataclass(frozen=True)
class Measured:
    """`code`: of the failure that is counted, for a count by codes."""

    metric: Metric
    value: float
    code: str | None = None


def measures(before: Job | None, after: Job) -> Iterator[Measured]:
    """Nothing, for most changes. `before` is None for a new record, which may be one of a failure:
    of a file that is not what was declared."""
    was = None if before is None else before.status
    if after.status is was:
        return
    if after.status.is_terminal:
        yield from _of_the_end(before, after)
    elif was is Status.CREATED and after.status is Status.PROCESSING:
        yield Measured(Metric.QUEUED_SECONDS, _seconds(after.created_at, after.updated_at))


def _of_the_end(before: Job | None, after: Job) -> Iterator[Measured]:
    yield Measured(_ENDED[after.status], 1)
    if after.failure is not None and after.status is Status.FAILED:
        yield Measured(Metric.JOBS_FAILED, 1, after.failure.code)
        if after.failure.code in TO_MEND:
            yield Measured(Metric.FAILURES_TO_MEND, 1)
    if after.cost is not None:
        yield Measured(Metric.JOB_COST, after.cost.usd - _usd(before))
    if after.status is Status.COMPLETED and before is not None:
        yield from _of_the_output(before, after)


def _usd(before: Job | None) -> float:
    """What was counted when the job was over before: a redrive leaves it in the record, and what is
    written there is what all attempts have cost."""
    return 0.0 if before is None or before.cost is None else before.cost.usd


def _of_the_output(before: Job, after: Job) -> Iterator[Measured]:
    """The conversion is the last attempt's: a record in progress changes with each claim alone. A
    job that a person has redriven has lain about in between, and says nothing of our pace."""
    if not after.redrive:
        yield Measured(Metric.JOB_SECONDS, _seconds(after.created_at, after.updated_at))
    if before.status is not Status.PROCESSING:
        return
    seconds = _seconds(before.updated_at, after.updated_at)
    yield Measured(Metric.CONVERSION_SECONDS, seconds)
    if after.output is not None and seconds > 0:
        yield Measured(Metric.REAL_TIME_FACTOR, after.output.duration_seconds / seconds)


def _seconds(since: str, until: str) -> float:
    """Two machines may have written them, whose clocks differ."""
    took = datetime.fromisoformat(until) - datetime.fromisoformat(since)
    return max(took.total_seconds(), 0.0)
