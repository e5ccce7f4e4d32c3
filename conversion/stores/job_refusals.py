"""What it means that a change's condition did not hold, told from the record that stood there.

DynamoDB gives that record with the refusal (ReturnValuesOnConditionCheckFailure), so that it is the
one the condition was held against, and not what a read finds a moment later.
"""

from __future__ import annotations

from conversion.errors import (
    JobExpired,
    JobFinished,
    JobNotFound,
    JobOver,
    SluiceError,
    SupersededAttempt,
)
from conversion.fields import Item
from conversion.job import Job, Status
from conversion.stores.job_changes import Change


def not_found(job_id: str) -> JobNotFound:
    return JobNotFound(f"There is no job {job_id}. Check the id, or create the job again.")


def expired(job_id: str) -> JobExpired:
    return JobExpired(f"Job {job_id} has expired and its files are gone; convert again.")


def unclaimable(job_id: str, redrive: int, stands: Item | None) -> SluiceError:
    if stands is None:
        return JobNotFound(f"There is no job {job_id} to claim.")
    if Status(stands["status"]).is_terminal:
        return JobOver(f"Job {job_id} is {stands['status']} already.")
    return SupersededAttempt(
        f"Redrive {stands['redrive']} has job {job_id}: a task of redrive {redrive} comes too late."
    )


def is_done(change: Change, attempt: int, stands: Item | None) -> bool:
    """Whether the very outcome that `change` was to write stands there, by this attempt."""
    if stands is None or stands["attempt"] != attempt:
        return False
    return stands.get(change.names["#outcome"]) == change.values[":outcome"]


def unfinishable(job_id: str, attempt: int, stands: Item | None) -> SluiceError:
    if stands is None:
        return JobNotFound(f"Job {job_id} is gone.")
    if stands["attempt"] != attempt:
        return SupersededAttempt(
            f"Attempt {attempt} of job {job_id} was superseded by attempt {stands['attempt']}."
        )
    return JobOver(f"Job {job_id} is {stands['status']} already.")


def cancelled_before(job_id: str, stands: Item | None) -> Job:
    """The job, if that is why it could not be cancelled; raises what else was the reason."""
    if stands is None:
        raise not_found(job_id)
    job = Job.from_item(stands)
    if job.has_expired or not job.status.is_terminal:
        raise expired(job_id)
    if job.status is not Status.CANCELLED:
        raise JobFinished(f"Job {job_id} has {job.status} already; there is nothing to cancel.")
    return job
