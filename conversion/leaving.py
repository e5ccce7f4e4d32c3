"""Jobs that are to be deleted after their download: they leave when it was first asked for.

Nobody tells us when a download is done: S3 serves it, to whoever holds the signed URL. So the job
expires with the first URL that was given out, and every later one ends in the same moment. Then the
clean-up deletes what there is of it (conversion/cleanup.py, decision 0017).
"""

from __future__ import annotations

from dataclasses import replace

from conversion.clock import utc_now
from conversion.errors import JobExpired
from conversion.job import Job, Status
from conversion.job_store import JobStore


def let_go(job: Job, jobs: JobStore, seconds: int) -> Job:
    """Let the job expire so many seconds from now, and return it as it is from then on.

    One that leaves already expires no later than that, and is not written again, however often it
    is asked for; nor is one that is not completed, or may stay. Raises what `JobStore.get` does.
    """
    at = int(utc_now().timestamp()) + seconds
    if not job.delete_after_download or job.status is not Status.COMPLETED or job.expires_at <= at:
        return job
    if jobs.leave(job.job_id, at):
        return replace(job, expires_at=at)
    return jobs.get(job.job_id)  # somebody else has let it go in this moment


def seconds_left(job: Job, most: int) -> int:
    """For how long a URL to what the job made may be good. Raises JobExpired in the job's last
    second: a URL is good for whole ones."""
    if not job.delete_after_download:
        return most
    left = int(job.expires_at - utc_now().timestamp())
    if left < 1:
        raise JobExpired(f"Job {job.job_id} has expired and its files are gone; convert again.")
    return min(most, left)
