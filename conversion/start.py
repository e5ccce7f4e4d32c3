"""How jobs begin: from an object that landed, or from a request.

Both write the job first, with a conditional put, and start the execution of that name second. For
an event, a crash between the two is mended when the queue delivers it again: nothing is started
twice, because both steps know the job by its id. A request that dies in between is answered 503,
and its job stays as it was written until it expires; asking again makes another.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Protocol

from conversion.conversion import Conversion
from conversion.errors import FileNotFound, SourceMissing
from conversion.events import ObjectCreated
from conversion.job import Job, JobStore, Source, job_id_for
from conversion.uploads import Upload, UploadStore, file_id_of


class ExecutionStarter(Protocol):
    def start(self, job_id: str) -> None:
        """Start the job's execution; one that exists already is success."""
        ...


class Described(Protocol):
    """What HEAD tells of an object."""

    @property
    def etag(self) -> str: ...
    @property
    def bytes(self) -> int: ...


class ObjectHeader(Protocol):
    """The bucket, as far as starting a job needs it."""

    @property
    def bucket(self) -> str: ...
    def head(self, key: str) -> Described: ...


def start_for_object(
    created: ObjectCreated,
    defaults: Sequence[Conversion],
    uploads: UploadStore,
    jobs: JobStore,
    executions: ExecutionStarter,
    retention_days: int,
) -> list[Job]:
    """Start what the upload asked for, or, for an object put there without asking, `defaults`.

    An upload's key is written once. Anything else may be put again under its key, with the same
    bytes too, and is then converted again: what sets the two apart is the write's sequencer.
    """
    if created.is_folder:
        return []
    file_id = file_id_of(created.key)
    upload = uploads.find(file_id)
    if upload and upload.key != created.key:
        upload = None  # another object whose name happens to begin like ours
    source = Source(
        bucket=created.bucket,
        key=created.key,
        etag=created.etag,
        bytes=created.bytes,
        file_name=upload.file_name if upload else PurePosixPath(created.key).name,
        version_id=created.version_id,
    )
    wanted = upload.conversions if upload else defaults
    write = "" if upload else created.sequencer
    found = [
        Job.new(job_id_for(source, each, write), file_id, source, each, retention_days)
        for each in wanted
    ]
    for job in found:
        _start(job, jobs, executions)
    return found


def start_for_request(
    file_id: str,
    conversion: Conversion,
    uploads: UploadStore,
    objects: ObjectHeader,
    jobs: JobStore,
    executions: ExecutionStarter,
    retention_days: int,
) -> Job:
    """Start a conversion of a file that is there already.

    Raises FileNotFound for an id nobody uploaded to, or whose bytes have not arrived.
    """
    upload = uploads.find(file_id)
    if upload is None:
        raise FileNotFound(f"There is no file {file_id}; upload it again, it may have expired.")
    source = _source_of(upload, objects)
    job_id = job_id_for(source, conversion, nonce=uuid.uuid4().hex)
    job = Job.new(job_id, file_id, source, conversion, retention_days)
    _start(job, jobs, executions)
    return job


def _source_of(upload: Upload, objects: ObjectHeader) -> Source:
    try:
        head = objects.head(upload.key)
    except SourceMissing:
        raise FileNotFound(
            f"File {upload.file_id} has not been uploaded yet; PUT its bytes first."
        ) from None
    return Source(objects.bucket, upload.key, head.etag, head.bytes, upload.file_name)


def _start(job: Job, jobs: JobStore, executions: ExecutionStarter) -> None:
    """A job that was there already is started too: its first start may have died in between."""
    jobs.put_if_absent(job)
    executions.start(job.job_id)
