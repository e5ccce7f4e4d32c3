"""What an object that landed is to become: told by its event, or found later by the recovery.

S3 tells of each write at least once, with a sequencer that the write alone has. When the event is
lost, the recovery finds the object in a listing, which knows no sequencer (conversion/recovery/):
the jobs of both are made here, so that each can tell what the other has made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from conversion.conversion import Conversion
from conversion.cost import estimate
from conversion.events import ObjectCreated
from conversion.job import Job, Source, job_id_for
from conversion.job_store import JobStore
from conversion.uploads import Upload, UploadStore, file_id_of

# An event is dated within moments of the write it tells of; found, a write is dated to the minute.
_MINUTE = timedelta(minutes=1)


def found(written: datetime) -> str:
    """Stands for the sequencer of a write whose event nobody heard; S3's are hexadecimal. Of the
    same bytes put twice within a minute, and both unheard of, one is converted."""
    return f"found {written.astimezone(UTC):%Y-%m-%dT%H:%M}"


def upload_of(created: ObjectCreated, uploads: UploadStore) -> Upload | None:
    """None for an object dropped into the bucket, also one whose name begins like an upload's."""
    upload = uploads.find(file_id_of(created.key))
    return upload if upload and upload.key == created.key else None


def jobs_for(
    created: ObjectCreated,
    upload: Upload | None,
    defaults: Sequence[Conversion],
    retention_days: int,
) -> list[Job]:
    """The jobs that the upload asked for, or for a dropped object `defaults`; none is written yet.

    An upload's key is written once. Anything else may be put again under its key, with the same
    bytes too, and is then converted again: what sets the two apart is the write's sequencer.
    """
    source = Source(
        bucket=created.bucket,
        key=created.key,
        etag=created.etag,
        bytes=created.bytes,
        file_name=upload.file_name if upload else PurePosixPath(created.key).name,
        version_id=created.version_id,
    )
    write = "" if upload else created.sequencer
    file_id = file_id_of(created.key)
    return [
        new_job(job_id_for(source, each, write), file_id, source, each, retention_days)
        for each in (upload.conversions if upload else defaults)
    ]


def new_job(
    job_id: str, file_id: str, source: Source, conversion: Conversion, retention_days: int
) -> Job:
    job = Job.new(job_id, file_id, source, conversion, retention_days)
    return replace(job, estimate=estimate(source.key, source.bytes, conversion))


def not_found_before(
    created: ObjectCreated, upload: Upload | None, wanted: list[Job], jobs: JobStore
) -> list[Job]:
    """Those of `wanted` that the recovery has not made since the object landed: its event can come
    after all, hours late. Of an upload the jobs are the same, whoever makes them."""
    if created.time is None or upload is not None:
        return wanted
    conversions = [each.conversion for each in wanted]
    twins: dict[str, Conversion] = {}
    for written in (created.time - _MINUTE, created.time, created.time + _MINUTE):
        as_found = replace(created, version_id=None, sequencer=found(written))
        for job in jobs_for(as_found, None, conversions, 1):
            twins[job.job_id] = job.conversion
    made = [twins[job_id] for job_id in jobs.standings(twins)]
    return [each for each in wanted if each.conversion not in made]
