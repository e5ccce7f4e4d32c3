"""Multipart uploads of outputs that nobody goes on with: a task that was killed leaves its own
open, and S3 keeps its parts, which cost as much as objects.

The key names the job and the attempt (`Job.output_key`), and only the newest attempt of a job that
is not over may have an upload open. Time decides nothing but how soon: an attempt that was told to
stop aborts its upload itself.
"""

from __future__ import annotations

from datetime import timedelta

from conversion.clock import utc_now
from conversion.job import OUTPUTS
from conversion.leftovers import OpenUpload, is_idle, owner_of
from conversion.recovery.pipeline import Counts, Pipeline, mend

_OLD = timedelta(minutes=15)


def abort_stale(pipeline: Pipeline) -> Counts:
    """A job that is gone, or expired, has no standing."""
    now = utc_now()
    old = [
        (each, owner)
        for each in pipeline.objects.multipart_uploads(OUTPUTS)
        if now - each.initiated > _OLD and (owner := owner_of(each.key))
    ]
    standings = pipeline.jobs.standings(owner.job_id for _, owner in old)

    def is_stale(job_id: str, attempt: int) -> bool:
        return job_id not in standings or is_idle(attempt, standings[job_id])

    def abort(upload: OpenUpload) -> bool:
        pipeline.objects.abort_multipart(upload.key, upload.upload_id)
        return True

    stale = [each for each, owner in old if is_stale(owner.job_id, owner.attempt)]
    return mend("uploads_aborted", stale, abort)
