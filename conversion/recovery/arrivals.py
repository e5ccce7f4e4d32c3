"""Objects that landed and whose event was lost: what they were sent for is started all the same.

S3 delivers each event "at least once" by its promise, but a rule, a queue or a function can be
misconfigured, throttled or deleted for hours, and what lies in the dead-letter queue by then nobody
tries again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from conversion.clock import utc_now
from conversion.conversion import Conversion
from conversion.events import ObjectCreated
from conversion.job import Job
from conversion.landing import found, jobs_for, landed_upload
from conversion.leftovers import Listed
from conversion.recovery.pipeline import Counts, Pipeline, mend
from conversion.start import begin
from conversion.uploads import PREFIX, Upload, file_id_of

# A younger object's event may still be on its way. Of one that is older somebody has noticed, and
# has done what was to be done, or deleted the job on purpose.
_YOUNGEST, OLDEST = timedelta(minutes=5), timedelta(hours=6)
# What is deleted after its download (conversion/leaving.py) may be gone as soon as a signed URL and
# a clean-up's grace allow. That its event was lost cannot be told from that, and what its owner
# wanted gone must not be made anew.
_MAY_HAVE_LEFT = timedelta(hours=1)
# By how much the clock that dated a job may be behind S3's.
_CLOCK = timedelta(minutes=15)


def start_unheard(
    pipeline: Pipeline,
    defaults: Sequence[Conversion],
    retention_days: int,
    look_back: timedelta,
) -> Counts:
    def start(landed: Listed) -> int:
        missing = _missing(landed, pipeline, defaults, retention_days)
        return begin(missing, pipeline.jobs, pipeline.slots, pipeline.executions)

    return mend("found", _landed(pipeline, look_back), start)


def _landed(pipeline: Pipeline, look_back: timedelta) -> Iterator[Listed]:
    now = utc_now()
    for each in pipeline.objects.list(PREFIX):
        if _YOUNGEST <= now - each.modified <= look_back:
            yield each


def _missing(
    listed: Listed, pipeline: Pipeline, defaults: Sequence[Conversion], retention_days: int
) -> list[Job]:
    """The jobs that the object's event would have made, and that nobody has. As the event would
    have, it completes the upload's record: what has jobs cannot be aborted."""
    created = ObjectCreated(
        pipeline.objects.bucket,
        listed.key,
        listed.etag,
        listed.bytes,
        sequencer=found(listed.modified),
    )
    if created.is_folder:
        return []
    upload = landed_upload(created, pipeline.uploads, retention_days)
    wanted = jobs_for(created, upload, defaults, retention_days, pipeline.task)
    if not wanted or (upload and _may_have_left(upload, listed)):
        return []
    # What was put again under its key is converted again; an upload's key is written once.
    since = None if upload else listed.modified - _CLOCK
    made = {
        each.conversion
        for each in pipeline.jobs.of_file(file_id_of(listed.key))
        if (each.source.key, each.source.etag) == (listed.key, listed.etag)
        and (since is None or datetime.fromisoformat(each.created_at) >= since)
    }
    return [each for each in wanted if each.conversion not in made]


def _may_have_left(upload: Upload, listed: Listed) -> bool:
    return upload.delete_after_download and utc_now() - listed.modified >= _MAY_HAVE_LEFT
