"""What is asked of whoever keeps the jobs: every change there can be, and what each may raise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from conversion.callers import ANYBODY, Caller
from conversion.cost import Cost
from conversion.job import Job, Standing, Status
from conversion.listing import Page, Place, Wanted
from conversion.outcome import Failure, Output


class JobStore(Protocol):
    """The contract of a job store; conversion/stores/jobs.py keeps it in DynamoDB.

    Every change is one conditional write, so that any interleaving of workers, retries, cancels
    and redrives ends in one outcome (tests/contract/test_job_store.py).
    """

    def put_if_absent(self, job: Job) -> bool:
        """Write a new job; False when one of that id is there already (it is left as it is)."""
        ...

    def get(self, job_id: str, caller: Caller = ANYBODY) -> Job:
        """Raises JobNotFound, or JobExpired past `expires_at`. To whoever may not see it a job is
        not there, expired or not."""
        ...

    def standings(self, job_ids: Iterable[str]) -> dict[str, Standing]:
        """How each of these jobs stands; those that are not there, or expired, are left out."""
        ...

    def of_file(self, file_id: str) -> list[Job]:
        """The file's jobs, oldest first; expired ones are left out. One that cannot be read is an
        error, since this is asked before something is deleted."""
        ...

    def of_status(self, status: Status) -> Iterator[Job]:
        """The jobs of a status, oldest first, expired ones too, read as they are asked for. From an
        index that lags by moments: whoever acts on one must bear that it has moved on."""
        ...

    def page(self, wanted: Wanted, after: Place | None, most: int) -> Page:
        """Up to `most` of the wanted jobs that have not expired, newest first, behind `after`. A
        page may be shorter, even empty, and yet have an `end` to go on from."""
        ...

    def leaving(self) -> Iterator[Job]:
        """The jobs that `leave` let expire early, expired ones too."""
        ...

    def claim(self, job_id: str, retention_days: int, redrive: int = 0) -> Job:
        """Take the job for a new attempt; the returned `attempt` is the fencing token.

        `redrive` is the number of the execution's redrive: one that the job has not seen yet
        reopens a failed job. Raises JobNotFound, JobOver when the job is over otherwise, or
        SupersededAttempt for a number below the one that it has seen.
        """
        ...

    def complete(self, job_id: str, attempt: int, output: Output, cost: Cost | None = None) -> None:
        """Raises SupersededAttempt when `attempt` is not the newest, JobOver when terminal."""
        ...

    def fail(self, job_id: str, attempt: int, failure: Failure, cost: Cost | None = None) -> None:
        """Raises as `complete` does."""
        ...

    def give_up(self, job_id: str, attempt: int, failure: Failure) -> bool:
        """Fail a job that nobody works on any more, `attempt` being its newest; False when it is
        over or gone, or another attempt has begun."""
        ...

    def record_cost(self, job_id: str, cost: Cost) -> bool:
        """For a job that is over and has none: nobody was left who could tell. False otherwise."""
        ...

    def cancel(self, job_id: str) -> Job:
        """Cancel what is not over, whoever works on it; cancelling twice is no error.

        Raises JobNotFound, JobExpired, or JobFinished when it has completed or failed.
        """
        ...

    def keep_alive(self, job_id: str, retention_days: int) -> None:
        """Move `expires_at` of a job that is not over to `retention_days` from now."""
        ...

    def leave(self, job_id: str, at: int) -> bool:
        """Let a completed job expire at this Unix time; False when it was let go before, expires
        sooner anyway, or is not completed."""
        ...

    def remove(self, job_id: str) -> bool:
        """Delete the record of a job that is over and has expired; False for any other."""
        ...
