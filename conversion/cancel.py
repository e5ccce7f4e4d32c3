"""Cancelling a job: at once in its record, and soon in the world.

From the moment the record says so no attempt can complete the job any more, whatever it still
does. Stopping the execution stops its ECS task (`.sync`, Step Functions guide, "Run a job"), which
aborts its upload on the way out.
"""

from __future__ import annotations

import logging

from conversion.callers import ANYBODY, Caller
from conversion.errors import TransientError
from conversion.execution import ExecutionStopper
from conversion.job import Job
from conversion.job_store import JobStore

log = logging.getLogger(__name__)

# What the execution ends with; it is not an error's code, since the job has not failed.
CANCELLED = "CANCELLED"
_CAUSE = "The job was cancelled."


def cancel(
    job_id: str, jobs: JobStore, executions: ExecutionStopper, caller: Caller = ANYBODY
) -> Job:
    """Raises JobNotFound, also for a job that this caller may not see, JobExpired, or JobFinished
    when there is nothing to cancel any more.

    A job that is cancelled already is stopped again: the first stop may have been lost. An outage
    that keeps the execution from being stopped does not keep the job from being cancelled; the
    recovery stops it.
    """
    jobs.get(job_id, caller)
    job = jobs.cancel(job_id)
    try:
        stop_cancelled(job_id, executions)
    except TransientError as outage:
        told = {"job_id": job_id, "code": outage.code, "reason": outage.message}
        log.warning("a cancelled job runs on; the recovery will stop it", extra=told)
    return job


def stop_cancelled(job_id: str, executions: ExecutionStopper) -> None:
    executions.stop(job_id, CANCELLED, _CAUSE)
