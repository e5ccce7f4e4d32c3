"""How jobs begin: from an object that landed, from a request, or when a slot gets free.

Each time the job is written first, by a conditional put; then it takes a slot, and then the
execution of its name is started. All three know the job by its id, so that doing one twice changes
nothing. From the moment it is written a job is safe: where no slot is free it waits as `created`,
and what an outage or a throttled call left undone behind the put is done by the recovery within
about a minute (conversion/recover.py). So an event or a request whose job is written has been
served, whatever came after; only one whose job could not be written must come again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from conversion.callers import Caller
from conversion.capacity import Slots, refuse_when_full
from conversion.conversion import Conversion
from conversion.cost import USUAL, TaskSize
from conversion.errors import (
    FileNotFound,
    InvalidRequest,
    JobExpired,
    JobNotFound,
    SourceMissing,
    TransientError,
    UploadMismatch,
)
from conversion.events import ObjectCreated
from conversion.execution import ExecutionStarter
from conversion.fields import flag, object_of
from conversion.job import Job, Source, Status, job_id_for
from conversion.job_store import JobStore
from conversion.landing import (
    jobs_for,
    landed_upload,
    new_job,
    not_as_declared,
    not_found_before,
)
from conversion.receiving import upload_of
from conversion.uploads import Upload, UploadStatus, UploadStore, finished, no_such_file

log = logging.getLogger(__name__)

# Some seconds of calls: whoever starts waiting jobs has two minutes (infra/) and more to do.
_MOST_AT_ONCE = 100


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


@dataclass(frozen=True)
class Asked:
    """A conversion of a file that is there; `delete_after_download` is None where nothing was said
    of it, and then what was said with the upload holds."""

    file_id: str
    conversion: Conversion
    delete_after_download: bool | None = None

    @classmethod
    def from_request(cls, body: Any) -> Asked:
        """Read `{fileId, conversion, deleteAfterDownload?}`: a conversion is a `format` or a
        `preset`, and what conversion/conversion.py takes beside it."""
        body = object_of(body, "A job", ("fileId", "conversion", "deleteAfterDownload"))
        file_id = body.get("fileId")
        if not isinstance(file_id, str) or not file_id:
            raise InvalidRequest('"fileId" is the id that POST /v1/uploads answered with.')
        if body.get("conversion") is None:
            raise InvalidRequest('"conversion" says what to make, like {"format": "mp3"}.')
        conversion = Conversion.from_request(body["conversion"])
        return cls(file_id, conversion, flag(body, "deleteAfterDownload"))


def start_for_object(
    created: ObjectCreated,
    defaults: Sequence[Conversion],
    uploads: UploadStore,
    jobs: JobStore,
    slots: Slots,
    executions: ExecutionStarter,
    retention_days: int,
    task: TaskSize = USUAL,
) -> list[Job]:
    """Start what the upload asked for, or, for an object put there without asking, `defaults`.
    Returns the jobs, also those that are written as failed: see `jobs_for`."""
    if created.is_folder:
        return []
    upload = landed_upload(created, uploads, retention_days)
    wanted = jobs_for(created, upload, defaults, retention_days, task)
    wanted = not_found_before(created, upload, wanted, jobs)
    begin(wanted, jobs, slots, executions)
    return wanted


def start_for_request(
    asked: Asked,
    caller: Caller,
    nonce: str,
    uploads: UploadStore,
    objects: ObjectHeader,
    jobs: JobStore,
    slots: Slots,
    executions: ExecutionStarter,
    most_waiting: int,
    retention_days: int,
    task: TaskSize = USUAL,
) -> Job:
    """Start a conversion of a file that is there already; asked twice with one `nonce`, it is one.

    Raises FileNotFound for an id nobody uploaded to, or whose bytes have not arrived, FileExpired,
    UploadFinished when the upload was aborted, UploadMismatch, and TooManyJobs when as many jobs
    wait as may.
    """
    upload = upload_of(asked.file_id, caller, uploads)
    source = _source_of(upload, objects)
    refuse_when_full(jobs, slots, most_waiting)
    deletes = asked.delete_after_download
    job = new_job(
        job_id_for(source, asked.conversion, nonce),
        asked.file_id,
        source,
        asked.conversion,
        retention_days,
        caller.identity,
        upload.delete_after_download if deletes is None else deletes,
        task,
    )
    is_new = jobs.put_if_absent(job)
    _begin(job.job_id, is_new, jobs, slots, executions)
    return job if is_new else jobs.get(job.job_id)


def _source_of(upload: Upload, objects: ObjectHeader) -> Source:
    """What landed after its upload was aborted is not there for anybody."""
    if upload.status is UploadStatus.ABORTED:
        raise finished(upload)
    try:
        head = objects.head(upload.key)
    except SourceMissing:
        raise _not_there(upload) from None
    if head.bytes != upload.bytes:
        raise UploadMismatch(not_as_declared(head.bytes, upload))
    return Source(objects.bucket, upload.key, head.etag, head.bytes, upload.file_name)


def _not_there(upload: Upload) -> FileNotFound:
    if upload.status is UploadStatus.COMPLETED:
        return no_such_file(upload.file_id)
    first = "complete it" if upload.multipart else "PUT its bytes"
    return FileNotFound(f"File {upload.file_id} has not been uploaded yet; {first} first.")


def begin(wanted: Sequence[Job], jobs: JobStore, slots: Slots, executions: ExecutionStarter) -> int:
    """Write all the jobs, and then start those that a slot is free for; returns how many are new.

    A job that was there already is started too: its first start may have died in between.
    """
    are_new = [jobs.put_if_absent(job) for job in wanted]
    for job, is_new in zip(wanted, are_new, strict=True):
        if job.status.is_terminal:
            continue  # it was written as failed, and there is nothing to start
        if not _begin(job.job_id, is_new, jobs, slots, executions):
            break  # the next would meet the same outage, and wait as long for it
    return sum(are_new)


def _begin(
    job_id: str, is_new: bool, jobs: JobStore, slots: Slots, executions: ExecutionStarter
) -> bool:
    """False when an outage has kept it from being started."""
    try:
        if not slots.take(job_id):
            log.info("no slot is free for a job", extra={"job_id": job_id})
        elif is_new or _is_to_start(job_id, jobs, slots):
            _start(job_id, is_new, slots, executions)
    except TransientError as outage:
        told = {"job_id": job_id, "code": outage.code, "reason": outage.message}
        log.warning("a job is written; the recovery will start it", extra=told)
        return False
    return True


def start_waiting(jobs: JobStore, slots: Slots, executions: ExecutionStarter) -> list[str]:
    """Start the jobs that wait, the oldest first, until the slots are full or enough are started;
    returns their ids.

    An outage ends it, and is logged: whoever asked has other things to do, and the recovery asks
    again within a minute.
    """
    started: list[str] = []
    try:
        held = slots.holders()
        if len(held) >= slots.most:
            return started
        for job in jobs.of_status(Status.CREATED):
            if len(started) == _MOST_AT_ONCE:
                break
            if job.job_id in held:
                continue
            if not slots.take(job.job_id):
                break
            if _is_to_start(job.job_id, jobs, slots):
                _start(job.job_id, True, slots, executions)
                started.append(job.job_id)
    except TransientError as outage:
        log.warning("waiting jobs cannot be started now", extra={"reason": outage.message})
    return started


def _is_to_start(job_id: str, jobs: JobStore, slots: Slots) -> bool:
    """Asked only when the job has a slot, so that one that is over, or is cancelled in this moment,
    cannot keep it: whoever ends a job gives its slot back after that."""
    status = _status(job_id, jobs)
    if status is None or status.is_terminal:
        slots.give_back(job_id)
    return status is Status.CREATED


def _start(job_id: str, has_just_taken: bool, slots: Slots, executions: ExecutionStarter) -> None:
    """A job that cannot be started waits without the slot it has just taken: while calls are
    throttled, more and more slots would be held by jobs that do not run. One that had its slot
    before may have been started by then, and keeps it; if it was not, the recovery starts it."""
    try:
        executions.start(job_id)
    except TransientError:
        if has_just_taken:
            slots.give_back(job_id)
        raise


def _status(job_id: str, jobs: JobStore) -> Status | None:
    try:
        return jobs.get(job_id).status
    except (JobNotFound, JobExpired):
        return None
