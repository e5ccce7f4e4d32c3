"""How far a job is, and the rule that what people see never falls.

A progress record belongs to an attempt. It is written only while that attempt is the newest, and
its percent only rises: a restarted attempt shows `restarting` at the old mark until it passes it.
Whether a job is over is never read from here but from the job itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from conversion.clock import utc_now
from conversion.fields import Item
from conversion.job import Standing, Status

# Verification can still fail a job whose last byte is written: 100 is for the completed alone.
MOST_BEFORE_VERIFICATION = 99.0
_SILENCE = timedelta(seconds=30)


class Stage(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RESTARTING = "restarting"
    PROBING = "probing"
    MEASURING = "measuring"
    CONVERTING = "converting"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Progress:
    """One report: percent 0–100, `speed` as a multiple of real time, seconds of audio, bytes.
    `run_seconds` is how long this attempt has run: what it costs, whatever becomes of it."""

    attempt: int
    stage: Stage
    percent: float = 0.0
    speed: float | None = None
    eta_seconds: float | None = None
    seconds_done: float | None = None
    duration_seconds: float | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    run_seconds: float = 0.0
    updated_at: str = ""

    def above(self, mark: float) -> Progress:
        """This report as it may be shown once `mark` percent has been shown before."""
        if self.percent >= mark:
            return self
        return replace(self, percent=mark, stage=Stage.RESTARTING)

    def to_item(self) -> Item:
        return {
            "attempt": self.attempt,
            "stage": self.stage.value,
            "percent": self.percent,
            "speed": self.speed,
            "etaSeconds": self.eta_seconds,
            "secondsDone": self.seconds_done,
            "durationSeconds": self.duration_seconds,
            "bytesIn": self.bytes_in,
            "bytesOut": self.bytes_out,
            "runSeconds": self.run_seconds,
            "updatedAt": self.updated_at,
        }

    @classmethod
    def from_item(cls, item: Item) -> Progress:
        return cls(
            attempt=item["attempt"],
            stage=Stage(item["stage"]),
            percent=float(item["percent"]),
            speed=item.get("speed"),
            eta_seconds=item.get("etaSeconds"),
            seconds_done=item.get("secondsDone"),
            duration_seconds=item.get("durationSeconds"),
            bytes_in=item.get("bytesIn", 0),
            bytes_out=item.get("bytesOut", 0),
            run_seconds=float(item.get("runSeconds", 0)),
            updated_at=item.get("updatedAt", ""),
        )


@dataclass(frozen=True)
class Mark:
    """What earlier attempts have left: the percent they showed, and the seconds they ran."""

    percent: float
    seconds_spent: float


class ProgressStore(Protocol):
    """The contract of a progress store; conversion/stores/ keeps it in DynamoDB, and in Redis with
    DynamoDB behind."""

    def begin(self, job_id: str, attempt: int) -> Mark:
        """Make `attempt` the one that may report.

        Raises SupersededAttempt when a newer attempt has begun.
        """
        ...

    def report(self, job_id: str, progress: Progress) -> None:
        """Write a report; one whose percent is below the last is dropped.

        Raises SupersededAttempt when `progress.attempt` is not the one that may report.
        """
        ...

    def read(self, job_ids: Iterable[str]) -> dict[str, Progress]:
        """The last report of each job that has one."""
        ...

    def remove(self, job_id: str) -> None:
        """Forget the job; one that is not known is no error."""
        ...


_TERMINAL_STAGE = {
    Status.COMPLETED: Stage.COMPLETED,
    Status.FAILED: Stage.FAILED,
    Status.CANCELLED: Stage.CANCELLED,
}


def _is_silent(last: Progress) -> bool:
    """Whether nobody has been heard of for so long that what was foreseen is no promise any more: a
    converter reports every ten seconds at least."""
    if not last.updated_at:
        return False
    return utc_now() - datetime.fromisoformat(last.updated_at) > _SILENCE


def shown(job: Standing, last: Progress | None) -> Progress:
    """What a reader sees: the job decides whether it is over, the last report how far it got."""
    if last is None:
        stage = Stage.QUEUED if job.status is Status.CREATED else Stage.STARTING
        last = Progress(job.attempt, stage, updated_at=job.updated_at)
    if not job.status.is_terminal:
        return replace(last, speed=None, eta_seconds=None) if _is_silent(last) else last
    over = replace(
        last,
        stage=_TERMINAL_STAGE[job.status],
        attempt=job.attempt,
        speed=None,
        eta_seconds=None,
        updated_at=job.updated_at,
    )
    if job.status is not Status.COMPLETED or job.output_bytes is None:
        return over
    return replace(
        over,
        percent=100.0,
        seconds_done=job.output_seconds,
        duration_seconds=job.output_seconds,
        bytes_in=job.source_bytes,
        bytes_out=job.output_bytes,
    )
