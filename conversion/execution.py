"""A job's execution, as those who start, stop and mend it see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class ExecutionStatus(StrEnum):
    """As Step Functions names them (DescribeExecution, Step Functions API reference)."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"
    PENDING_REDRIVE = "PENDING_REDRIVE"

    @property
    def has_ended(self) -> bool:
        return self not in (ExecutionStatus.RUNNING, ExecutionStatus.PENDING_REDRIVE)


@dataclass(frozen=True)
class Execution:
    """`redrives` counts how often a person has set it going again."""

    status: ExecutionStatus
    started_at: datetime
    stopped_at: datetime | None
    redrives: int


@dataclass(frozen=True)
class SubmittedTask:
    """The ECS task that an execution has submitted last, and whether it waits for it no more."""

    arn: str
    submitted_at: datetime
    has_ended: bool


class ExecutionStarter(Protocol):
    def start(self, job_id: str) -> None:
        """Start the job's execution; one that exists already is success."""
        ...


class ExecutionStopper(Protocol):
    def stop(self, job_id: str, error: str, cause: str) -> None:
        """Stop the job's execution; one that is over, or never was, is no error."""
        ...


class Executions(ExecutionStarter, ExecutionStopper, Protocol):
    """The contract of the executions; conversion/stores/executions.py has them run by Step
    Functions. What is asked may be moments old: whoever acts on it must bear that."""

    def status(self, job_id: str) -> ExecutionStatus | None:
        """How the job's execution stands, None when there is none."""
        ...

    def describe(self, job_id: str) -> Execution | None:
        """How it stands and since when, None when there is none."""
        ...

    def running(self) -> frozenset[str]:
        """The jobs whose executions run."""
        ...

    def newest_task(self, job_id: str) -> SubmittedTask | None: ...


class TaskStopper(Protocol):
    def stop(self, task_arn: str, reason: str) -> None:
        """Stop an ECS task; one that has stopped, or is not known any more, is no error."""
        ...
