"""Multipart uploads of outputs that nobody goes on with: a task that was killed leaves its own
open, and S3 keeps its parts, which cost as much as objects.

The key names the job and the attempt (`Job.output_key`), and only the newest attempt of a job that
is not over may have an upload open. Time decides nothing but how soon: an attempt that was told to
stop aborts its upload itself.
"""

from __future__ import annotations

import re
from datetime import timedelta

from conversion.clock import utc_now
from conversion.job import OUTPUTS, Standing
from conversion.recovery.pipeline import Counts, ListedUpload, Pipeline, mend

_OLD = timedelta(minutes=15)
_KEY = re.compile(re.escape(OUTPUTS) + r"(?P<job_id>[^/]+)/(?P<attempt>\d+)/[^/]+")


def abort_stale(pipeline: Pipeline) -> Counts:
    now = utc_now()
    old = [
        (each, owner["job_id"], int(owner["attempt"]))
        for each in pipeline.objects.multipart_uploads(OUTPUTS)
        if now - each.initiated > _OLD and (owner := _KEY.fullmatch(each.key))
    ]
    standings = pipeline.jobs.standings(job_id for _, job_id, _ in old)
    stale = [each for each, job_id, attempt in old if _is_stale(standings.get(job_id), attempt)]

    def abort(upload: ListedUpload) -> bool:
        pipeline.objects.abort_multipart(upload.key, upload.upload_id)
        return True

    return mend("uploads_aborted", stale, abort)


def _is_stale(standing: Standing | None, attempt: int) -> bool:
    """A job that is gone, or expired, has no standing."""
    return standing is None or standing.status.is_terminal or attempt < standing.attempt
