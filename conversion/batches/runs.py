"""A batch as it runs: what Step Functions tells of its execution and of the Map Run within."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from conversion.batches.request import Batch
from conversion.clock import timestamp
from conversion.errors import BatchFinished, BatchNotFound
from conversion.execution import ExecutionStatus
from conversion.fields import Item

# DescribeExecution "may not reflect very recent updates" (Step Functions API reference).
_PAUSES_SECONDS = (0.2, 0.4, 0.8)


class BatchStatus(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATUS = {
    ExecutionStatus.RUNNING: BatchStatus.RUNNING,
    ExecutionStatus.PENDING_REDRIVE: BatchStatus.FAILED,
    ExecutionStatus.SUCCEEDED: BatchStatus.COMPLETED,
    ExecutionStatus.FAILED: BatchStatus.FAILED,
    ExecutionStatus.TIMED_OUT: BatchStatus.FAILED,
    ExecutionStatus.ABORTED: BatchStatus.CANCELLED,
}


@dataclass(frozen=True)
class Counts:
    """Of files, as the Map Run counts items: `total` grows while the source is being read."""

    total: int = 0
    pending: int = 0
    running: int = 0
    done: int = 0


@dataclass(frozen=True)
class Run:
    """`summary` is there once it has completed; `error` and `cause` when it failed."""

    batch_id: str
    batch: Batch
    execution: ExecutionStatus
    created_at: datetime
    ended_at: datetime | None
    counts: Counts
    summary: Item | None = None
    error: str | None = None
    cause: str | None = None

    @property
    def status(self) -> BatchStatus:
        return _STATUS[self.execution]


class Runs(Protocol):
    """conversion/stores/batch_runs.py has them in Step Functions."""

    def start(self, batch_id: str, given: Item) -> Run | None:
        """As it begins; None for one that was started before."""
        ...

    def find(self, batch_id: str) -> Run | None:
        """As it was a moment ago: it may be missing, or running still."""
        ...

    def stop(self, batch_id: str) -> datetime | None:
        """When it was stopped; None where it was over."""
        ...


def run_of(batch_id: str, runs: Runs) -> Run:
    """Raises BatchNotFound, when it is not there after a while either."""
    run = runs.find(batch_id)
    for pause in _PAUSES_SECONDS if run is None else ():
        time.sleep(pause)
        if run := runs.find(batch_id):
            break
    if run is None:
        raise BatchNotFound(
            f"There is no batch {batch_id}: its id is what POST /v1/batches answered with, and it "
            "is known for 90 days after its end."
        )
    return run


def cancel(batch_id: str, runs: Runs) -> Run:
    """No further child is begun. What is being fed at this moment is fed to its end, and jobs that
    are there go on, and are cancelled each by itself. Twice is as once. Raises BatchNotFound, or
    BatchFinished when it is over otherwise."""
    run = run_of(batch_id, runs)
    if run.status is BatchStatus.RUNNING:
        stopped_at = runs.stop(batch_id)
        run = run_of(batch_id, runs)
        if stopped_at and run.status is BatchStatus.RUNNING:  # as it was a moment ago
            run = replace(run, execution=ExecutionStatus.ABORTED, ended_at=stopped_at)
    if run.status is not BatchStatus.CANCELLED:
        raise BatchFinished(f"Batch {batch_id} has {run.status} and cannot be cancelled any more.")
    return run


def to_answer(run: Run) -> dict[str, Any]:
    listed = run.batch.at.url
    return {
        "batchId": run.batch_id,
        "status": run.status.value,
        "dryRun": run.batch.dry_run,
        "reader": run.batch.reader.value,
        "source": listed,
        "conversions": [each.to_item() for each in run.batch.conversions],
        "createdAt": timestamp(run.created_at),
        "endedAt": run.ended_at and timestamp(run.ended_at),
        "files": {
            "total": run.counts.total,
            "pending": run.counts.pending,
            "running": run.counts.running,
            "done": run.counts.done,
        },
        "summary": run.summary,
        "error": {"code": run.error, "message": run.cause} if run.error else None,
    }
