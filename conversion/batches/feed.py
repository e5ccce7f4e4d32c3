"""How a file of a batch becomes jobs: by way of an upload like any other.

Its bytes are copied, within S3, to the key of an upload that is written for them, and everything
else follows from their landing there, as for what a client sends. What lies under `uploads/` in our
own bucket is not copied: its jobs are written at once.

Everything here can be done twice: the upload's id is made of what the file is and what is to be
made of it, so that a batch that is repeated, or tried again in its middle, finds what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from conversion.batches.found import Found, OutOfReach
from conversion.batches.progress import Chunk, File
from conversion.batches.request import Reader
from conversion.batches.sources import Place
from conversion.capacity import Slots, refuse_when_full
from conversion.clock import expiry, timestamp, utc_now
from conversion.conversion import Conversion
from conversion.cost import TaskSize, estimate
from conversion.declared import media_type
from conversion.errors import SourceChanged, SourceMissing, UploadFinished
from conversion.execution import ExecutionStarter
from conversion.fields import Item
from conversion.job import Job, Source, Status, job_id_for
from conversion.job_store import JobStore
from conversion.landing import new_job
from conversion.start import Described, ObjectHeader, begin
from conversion.uploads import PREFIX as UPLOADS
from conversion.uploads import Upload, UploadStatus, UploadStore, file_id_of, finished

# Sets the jobs of a batch apart from those that an object's landing under `uploads/` has made.
_NONCE = "batch"


class SourceBuckets(Protocol):
    """Other people's buckets; conversion/stores/source_buckets.py tells what each may raise."""

    def head(self, bucket: str, key: str) -> Described: ...
    def copy(self, found: Found, into: str, key: str, media_type: str) -> str: ...


@dataclass(frozen=True)
class Asked:
    """Of one batch, the same for all its files."""

    bucket: str
    reader: Reader
    conversions: tuple[Conversion, ...]
    dry_run: bool
    owner: str | None

    @classmethod
    def from_item(cls, item: Item) -> Asked:
        conversions = tuple(Conversion.from_item(each) for each in item["conversions"])
        return cls(
            item["bucket"], Reader(item["reader"]), conversions, item["dryRun"], item["owner"]
        )


@dataclass(frozen=True)
class Limits:
    allowed: tuple[Place, ...]
    max_bytes: int
    max_waiting: int
    retention_days: int
    task: TaskSize


@dataclass(frozen=True)
class Feeder:
    uploads: UploadStore
    jobs: JobStore
    slots: Slots
    executions: ExecutionStarter
    objects: ObjectHeader
    sources: SourceBuckets
    limits: Limits

    def feed(self, asked: Asked, rows: Sequence[dict[str, Any]]) -> Chunk:
        """Raises TooManyJobs before anything is done, and TransientError in its midst: the same
        rows are fed again then."""
        if not asked.dry_run:
            refuse_when_full(self.jobs, self.slots, self.limits.max_waiting)
        found = (Found.from_row(asked.reader, asked.bucket, row) for row in rows)
        return Chunk(tuple(self._feed_one(asked, each) for each in found))

    def _feed_one(self, asked: Asked, found: Found) -> File:
        try:
            found = self._measured(found)
            if code := self._refusal(found):
                return _skipped(found, code)
            if self._is_ours(found):
                return self._feed_own(asked, found)
            return self._feed_copy(asked, found)
        # An upload is finished otherwise when its owner has aborted it.
        except (OutOfReach, SourceMissing, SourceChanged, UploadFinished) as told:
            return _skipped(found, told.code)

    def _refusal(self, found: Found) -> str | None:
        own = Place(self.objects.bucket, UPLOADS)
        return found.refusal((*self.limits.allowed, own), self.limits.max_bytes)

    def _measured(self, found: Found) -> Found:
        """A list of keys says nothing of lengths, and an inventory may be a week old: what is to be
        converted is what is there now."""
        if self._refusal(found) or (found.etag and found.bytes is not None):
            return found
        head = self.sources.head(found.bucket, found.key)
        return replace(found, etag=head.etag, bytes=head.bytes)

    def _is_ours(self, found: Found) -> bool:
        return Place(self.objects.bucket, UPLOADS).holds(found.bucket, found.key)

    def _feed_copy(self, asked: Asked, found: Found) -> File:
        upload = self.uploads.find(found.file_id(asked.conversions, asked.owner))
        is_new = upload is None or upload.status is not UploadStatus.COMPLETED
        file = self._file(found, asked.conversions if is_new else (), is_new)
        file = replace(file, file_id=found.file_id(asked.conversions, asked.owner))
        if asked.dry_run:
            return file
        if upload is None:
            upload = self._expect(asked, found)
        if upload.status is UploadStatus.ABORTED:
            raise finished(upload)
        etag = self._landed(upload) or self.sources.copy(
            found, self.objects.bucket, upload.key, upload.media_type
        )
        if is_new:  # by the event of its landing, too, but until then it would count as open
            self.uploads.complete(upload.file_id, self.limits.retention_days)
        source = Source(self.objects.bucket, upload.key, etag, upload.bytes, upload.file_name)
        return replace(file, jobs={job_id_for(source, each): None for each in upload.conversions})

    def _expect(self, asked: Asked, found: Found) -> Upload:
        now = utc_now()
        upload = Upload(
            file_id=found.file_id(asked.conversions, asked.owner),
            file_name=found.file_name,
            bytes=found.bytes or 0,
            media_type=media_type(None),
            conversions=asked.conversions,
            created_at=timestamp(now),
            expires_at=expiry(now, self.limits.retention_days),
            owner=asked.owner,
        )
        self.uploads.put(upload)
        return upload

    def _landed(self, upload: Upload) -> str | None:
        """The ETag of what an earlier call has copied."""
        try:
            return self.objects.head(upload.key).etag
        except SourceMissing:
            return None

    def _feed_own(self, asked: Asked, found: Found) -> File:
        made = {
            job.conversion: job
            for job in self.jobs.of_file(file_id_of(found.key))
            if (job.source.key, job.source.etag) == (found.key, found.etag)
            and job.status is not Status.CANCELLED
        }
        wanted = [made.get(each) or self._own_job(asked, found, each) for each in asked.conversions]
        new = [each for each in wanted if each.conversion not in made]
        file = self._file(found, [each.conversion for each in new], bool(new))
        file = replace(file, file_id=file_id_of(found.key))
        if asked.dry_run:
            return file
        begin(new, self.jobs, self.slots, self.executions)
        return replace(file, jobs={each.job_id: None for each in wanted})

    def _own_job(self, asked: Asked, found: Found, conversion: Conversion) -> Job:
        upload = self.uploads.find(file_id_of(found.key))
        name = upload.file_name if upload and upload.key == found.key else found.file_name
        source = Source(found.bucket, found.key, found.etag or "", found.bytes or 0, name)
        return new_job(
            job_id_for(source, conversion, _NONCE),
            file_id_of(found.key),
            source,
            conversion,
            self.limits.retention_days,
            asked.owner,
            False,
            self.limits.task,
        )

    def _file(self, found: Found, new: Sequence[Conversion], is_new: bool) -> File:
        length = found.bytes or 0
        costs = (estimate(found.key, length, each, self.limits.task).usd for each in new)
        return File(found.key, length, is_new=is_new, usd=round(sum(costs), 6))


def _skipped(found: Found, code: str) -> File:
    return File(found.key, found.bytes or 0, skipped=code)
