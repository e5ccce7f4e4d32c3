"""What jobs leave in the bucket, and which of it nobody needs any more.

Each attempt writes under a prefix of its own. The one that completes its job wins; whatever the
others wrote is lost, and when the record goes, all of it is. A zombie may still be writing when we
look: what it writes later is found by the next look (conversion/cleanup.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from conversion.errors import StorageUnavailable
from conversion.job import OUTPUTS, Job, Standing, Status


@dataclass(frozen=True)
class Listed:
    """One object as a listing tells of it; `modified` is in UTC."""

    key: str
    bytes: int
    modified: datetime
    etag: str


@dataclass(frozen=True)
class OpenUpload:
    """A multipart upload that is neither completed nor aborted."""

    key: str
    upload_id: str
    initiated: datetime


@dataclass(frozen=True)
class NotDeleted:
    """An object that S3 would not delete, and the code it gave."""

    key: str
    code: str


class Bucket(Protocol):
    """The bucket, as far as clearing up needs it; conversion/stores/objects.py has the rest."""

    def list(self, prefix: str) -> Iterator[Listed]: ...
    def multipart_uploads(self, prefix: str) -> Iterator[OpenUpload]: ...
    def delete_many(self, objects: Iterable[str | Listed]) -> Sequence[NotDeleted]: ...
    def abort_multipart(self, key: str, upload_id: str) -> None: ...


@dataclass(frozen=True)
class Owner:
    """The job and the attempt that wrote an object."""

    job_id: str
    attempt: int


_OURS = re.compile(rf"{OUTPUTS}([0-9a-f]{{32}})/([1-9][0-9]*)/.+")


def owner_of(key: str) -> Owner | None:
    """None for a key that no job writes: what somebody else has put there is not ours to judge."""
    match = _OURS.fullmatch(key)
    return Owner(match[1], int(match[2])) if match else None


def prefix_of(job_id: str) -> str:
    return f"{OUTPUTS}{job_id}/"


def is_lost(attempt: int, job: Job | Standing) -> bool:
    """Whether nobody will ever ask for what this attempt wrote. An attempt that the record does not
    know yet has claimed since it was read; of a job that is not over, nothing is lost for sure."""
    if not job.status.is_terminal or attempt > job.attempt:
        return False
    return job.status is not Status.COMPLETED or attempt != job.attempt


def is_idle(attempt: int, job: Job | Standing) -> bool:
    """Whether a multipart upload of this attempt can only be a zombie's, or a dead one's."""
    return attempt < job.attempt or (attempt == job.attempt and job.status.is_terminal)


@dataclass(frozen=True)
class Removed:
    count: int = 0
    bytes: int = 0


def remove_lost(job: Job, bucket: Bucket) -> Removed:
    """Delete what the losing attempts of a job that is over have left. Raises StorageUnavailable.

    A job that was completed by its first attempt has no losers, which saves most jobs the look.
    """
    if job.attempt == 0 or (job.status is Status.COMPLETED and job.attempt == 1):
        return Removed()
    return _remove(
        job.job_id,
        bucket,
        lambda attempt: is_lost(attempt, job),
        lambda attempt: is_idle(attempt, job),
    )


def remove_all(job_id: str, bucket: Bucket) -> Removed:
    """Delete what all attempts of a job have left whose record is gone. Raises as above."""
    return _remove(job_id, bucket, lambda _: True, lambda _: True)


def _remove(
    job_id: str, bucket: Bucket, lost: Callable[[int], bool], idle: Callable[[int], bool]
) -> Removed:
    """Uploads first: aborted, they cannot become objects behind our back."""
    prefix = prefix_of(job_id)
    for upload in bucket.multipart_uploads(prefix):
        if (owner := owner_of(upload.key)) and idle(owner.attempt):
            bucket.abort_multipart(upload.key, upload.upload_id)
    found = [
        each
        for each in bucket.list(prefix)
        if (owner := owner_of(each.key)) and lost(owner.attempt)
    ]
    if refused := bucket.delete_many(each.key for each in found):
        codes = ", ".join(sorted({each.code for each in refused}))
        raise StorageUnavailable(f"S3 did not delete {len(refused)} objects ({codes}).")
    return Removed(len(found), sum(each.bytes for each in found))
