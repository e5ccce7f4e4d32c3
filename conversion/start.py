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
import uuid
from collections.abc import Sequence
from typing import Protocol

from conversion.capacity import Slots, refuse_when_full
from conversion.conversion import Conversion
from conversion.errors import (
    FileNotFound,
    JobExpired,
    JobNotFound,
    SourceMissing,
    TransientError,
)
from conversion.events import ObjectCreated
from conversion.execution import ExecutionStarter
from conversion.job import Job, Source, Status, job_id_for
from conversion.job_store import JobStore
from conversion.landing import jobs_for, new_job, not_found_before, upload_of
from conversion.uploads import Upload, UploadStore

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


def start_for_object(
    created: ObjectCreated,
    defaults: Sequence[Conversion],
    uploads: UploadStore,
    jobs: JobStore,
    slots: Slots,
    executions: ExecutionStarter,
    retention_days: int,
) -> list[Job]:
    """Start what the upload asked for, or, for an object put there without asking, `defaults`."""
    if created.is_folder:
        return []
    upload = upload_of(created, uploads)
    wanted = jobs_for(created, upload, defaults, retention_days)
    wanted = not_found_before(created, upload, wanted, jobs)
    begin(wanted, jobs, slots, executions)
    return wanted


def start_for_request(
    file_id: str,
    conversion: Conversion,
    uploads: UploadStore,
    objects: ObjectHeader,
    jobs: JobStore,
    slots: Slots,
    executions: ExecutionStarter,
    most_waiting: int,
    retention_days: int,
) -> Job:
    """Start a conversion of a file that is there already.

    Raises FileNotFound for an id nobody uploaded to, or whose bytes have not arrived, and
    TooManyJobs when as many jobs wait as may.
    """
    upload = uploads.find(file_id)
    if upload is None:
        raise FileNotFound(f"There is no file {file_id}; upload it again, it may have expired.")
    source = _source_of(upload, objects)
    refuse_when_full(jobs, slots, most_waiting)
    job_id = job_id_for(source, conversion, nonce=uuid.uuid4().hex)
    job = new_job(job_id, file_id, source, conversion, retention_days)
    jobs.put_if_absent(job)  # nobody else has this id: one that is there we wrote in another try
    _begin(job.job_id, True, jobs, slots, executions)
    return job


def _source_of(upload: Upload, objects: ObjectHeader) -> Source:
    try:
        head = objects.head(upload.key)
    except SourceMissing:
        raise FileNotFound(
            f"File {upload.file_id} has not been uploaded yet; PUT its bytes first."
        ) from None
    return Source(objects.bucket, upload.key, head.etag, head.bytes, upload.file_name)


def begin(wanted: Sequence[Job], jobs: JobStore, slots: Slots, executions: ExecutionStarter) -> int:
    """Write all the jobs, and then start those that a slot is free for; returns how many are new.

    A job that was there already is started too: its first start may have died in between.
    """
    are_new = [jobs.put_if_absent(job) for job in wanted]
    for job, is_new in zip(wanted, are_new, strict=True):
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
