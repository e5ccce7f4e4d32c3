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
from conversion.cost import USUAL, TaskSize, estimate
from conversion.errors import FileExpired, FileNotFound, UploadFinished, UploadMismatch
from conversion.events import ObjectCreated
from conversion.job import Job, Source, Status, job_id_for
from conversion.job_store import JobStore
from conversion.outcome import Failure
from conversion.uploads import Upload, UploadStatus, UploadStore, file_id_of

# An event is dated within moments of the write it tells of; found, a write is dated to the minute.
_MINUTE = timedelta(minutes=1)


def found(written: datetime) -> str:
    """Stands for the sequencer of a write whose event nobody heard; S3's are hexadecimal. Of the
    same bytes put twice within a minute, and both unheard of, one is converted."""
    return f"found {written.astimezone(UTC):%Y-%m-%dT%H:%M}"


def upload_of(created: ObjectCreated, uploads: UploadStore) -> Upload | None:
    """None for an object dropped into the bucket, also one whose name begins like an upload's.

    One that has expired counts: its PUT may have begun just before, and its event come just after;
    what it asked for, and whose it is, is known all the same."""
    upload = uploads.find(file_id_of(created.key), expired_too=True)
    return upload if upload and upload.key == created.key else None


def landed_upload(
    created: ObjectCreated, uploads: UploadStore, retention_days: int
) -> Upload | None:
    """As `upload_of`, and marked as completed where what landed is what was declared.

    Before its jobs are made: an upload is either aborted or completed, and nothing that has jobs
    can be aborted any more.
    """
    upload = upload_of(created, uploads)
    if upload is None or upload.status is not UploadStatus.UPLOADING:
        return upload
    if created.bytes != upload.bytes:
        return upload
    try:
        return uploads.complete(upload.file_id, retention_days)
    except UploadFinished:
        return replace(upload, status=UploadStatus.ABORTED)
    except (FileNotFound, FileExpired):
        return upload


def jobs_for(
    created: ObjectCreated,
    upload: Upload | None,
    defaults: Sequence[Conversion],
    retention_days: int,
    task: TaskSize = USUAL,
) -> list[Job]:
    """The jobs that the upload asked for, or for a dropped object `defaults`; none is written yet.

    What lands after its upload was aborted has none. Of what is not as long as was declared they
    are failed jobs: converted, half a file would pass for the whole, and without a job nobody who
    waits for one would hear why there is none.

    An upload's key is written once. Anything else may be put again under its key, with the same
    bytes too, and is then converted again: what sets the two apart is the write's sequencer.
    """
    if upload is None:
        source = _source(created, PurePosixPath(created.key).name)
        return [_job(source, each, created.sequencer, retention_days, task) for each in defaults]
    if upload.status is UploadStatus.ABORTED:
        return []
    source = _source(created, upload.file_name)
    jobs = [_job(source, each, "", retention_days, task, upload) for each in upload.conversions]
    if created.bytes == upload.bytes:
        return jobs
    failure = Failure(UploadMismatch.code, not_as_declared(created.bytes, upload))
    return [replace(each, status=Status.FAILED, failure=failure) for each in jobs]


def _source(created: ObjectCreated, file_name: str) -> Source:
    return Source(
        bucket=created.bucket,
        key=created.key,
        etag=created.etag,
        bytes=created.bytes,
        file_name=file_name,
        version_id=created.version_id,
    )


def _job(
    source: Source,
    conversion: Conversion,
    write: str,
    retention_days: int,
    task: TaskSize,
    upload: Upload | None = None,
) -> Job:
    return new_job(
        job_id_for(source, conversion, write),
        file_id_of(source.key),
        source,
        conversion,
        retention_days,
        upload.owner if upload else None,
        upload.delete_after_download if upload else False,
        task,
    )


def new_job(
    job_id: str,
    file_id: str,
    source: Source,
    conversion: Conversion,
    retention_days: int,
    owner: str | None,
    delete_after_download: bool,
    task: TaskSize = USUAL,
) -> Job:
    job = Job.new(job_id, file_id, source, conversion, retention_days, owner, delete_after_download)
    return replace(job, estimate=estimate(source.key, source.bytes, conversion, task))


def not_as_declared(length: int, upload: Upload) -> str:
    return (
        f"The file has {length} bytes and {upload.bytes} were declared: it is not whole, or it is "
        "another one. Upload it again."
    )


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
