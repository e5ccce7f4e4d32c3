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

from conversion.batches.chosen import Batch, Chosen, choose
from conversion.batches.found import MOST_COPIED_BYTES, Found, OutOfReach
from conversion.batches.progress import Chunk, File
from conversion.batches.request import Reader
from conversion.batches.sources import Place
from conversion.capacity import Slots, refuse_when_full
from conversion.clock import expiry, timestamp, utc_now
from conversion.conversion import Conversion
from conversion.cost import TaskSize, estimate
from conversion.declared import media_type
from conversion.errors import SourceChanged, SourceMissing, UploadFinished, UploadMismatch
from conversion.events import ObjectCreated
from conversion.execution import ExecutionStarter
from conversion.fields import Item
from conversion.job import Job, Source, job_id_for
from conversion.job_store import JobStore
from conversion.landing import jobs_for, landed_upload, new_job, not_as_declared, upload_of
from conversion.start import Described, ObjectHeader, begin
from conversion.uploads import PREFIX as UPLOADS
from conversion.uploads import Upload, UploadStatus, UploadStore, file_id_of, finished


class SourceBuckets(Protocol):
    """Other people's buckets; conversion/stores/source_buckets.py tells what each may raise."""

    def head(self, bucket: str, key: str) -> Described: ...
    def copy(self, found: Found, into: str, key: str, media_type: str) -> str: ...


@dataclass(frozen=True)
class Asked:
    """Of one batch, the same for all its files."""

    batch: Batch
    bucket: str
    reader: Reader
    conversions: tuple[Conversion, ...]
    dry_run: bool
    owner: str | None

    @classmethod
    def from_input(cls, given: Item) -> Asked:
        """Read `{batchId, startedAt, asked}`."""
        asked = given["asked"]
        started_at = None if asked["dryRun"] else given.get("startedAt")
        return cls(
            batch=Batch(given["batchId"], started_at),
            bucket=asked["bucket"],
            reader=Reader(asked["reader"]),
            conversions=tuple(Conversion.from_item(each) for each in asked["conversions"]),
            dry_run=asked["dryRun"],
            owner=asked["owner"],
        )


@dataclass(frozen=True)
class Limits:
    """`max_waiting`: beyond so many jobs that wait, nothing is fed."""

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
        except (OutOfReach, SourceMissing, SourceChanged, UploadFinished, UploadMismatch) as told:
            return _skipped(found, told.code)

    def _refusal(self, found: Found) -> str | None:
        own, most = Place(self.objects.bucket, UPLOADS), self.limits.max_bytes
        if not self._is_ours(found):
            most = min(most, MOST_COPIED_BYTES)
        return found.refusal((*self.limits.allowed, own), most)

    def _measured(self, found: Found) -> Found:
        """A list of keys says nothing of lengths, and an inventory may be a week old: what is to be
        converted is what is there now. Of what lies in an archive HEAD says whether it is restored,
        and raises OutOfReach where it is not."""
        is_known = found.etag and found.bytes is not None and not found.is_archived
        if self._refusal(found) or is_known:
            return found
        head = self.sources.head(found.bucket, found.key)
        return replace(found, etag=head.etag, bytes=head.bytes)

    def _is_ours(self, found: Found) -> bool:
        return Place(self.objects.bucket, UPLOADS).holds(found.bucket, found.key)

    def _feed_copy(self, asked: Asked, found: Found) -> File:
        known = self.uploads.find(found.file_id(asked.conversions, asked.owner))
        upload = known or self._upload(asked, found)
        if upload.status is UploadStatus.ABORTED:
            raise finished(upload)
        landed = self._landed(upload) if known or not asked.dry_run else None
        if asked.dry_run:
            etag = landed or ""
        else:
            etag = self._taken_in(found, upload, known is not None, landed)
        wanted = self._of_landing(upload, etag)
        if landed or (known and not asked.dry_run):
            chosen = choose(wanted, self.jobs, asked.batch)
        else:  # nothing was made of it yet, and the event of its landing begins its jobs
            chosen = [Chosen(each, is_new=True, is_to_begin=False) for each in wanted]
        return self._begun(asked, found, upload.file_id, chosen)

    def _upload(self, asked: Asked, found: Found) -> Upload:
        now = utc_now()
        return Upload(
            file_id=found.file_id(asked.conversions, asked.owner),
            file_name=found.file_name,
            bytes=found.bytes or 0,
            media_type=media_type(None),
            conversions=asked.conversions,
            created_at=timestamp(now),
            expires_at=expiry(now, self.limits.retention_days),
            owner=asked.owner,
        )

    def _landed(self, upload: Upload) -> str | None:
        """The ETag of what an earlier call has copied."""
        try:
            return self.objects.head(upload.key).etag
        except SourceMissing:
            return None

    def _taken_in(self, found: Found, upload: Upload, is_known: bool, landed: str | None) -> str:
        """The ETag of the upload's object, which is there then, and its record completed."""
        if not is_known:
            self.uploads.put(upload)
        etag = landed or self.sources.copy(
            found, self.objects.bucket, upload.key, upload.media_type
        )
        # By the event of its landing, too, but until then it would count as open.
        if upload.status is not UploadStatus.COMPLETED:
            self.uploads.complete(upload.file_id, self.limits.retention_days)
        return etag

    def _of_landing(self, upload: Upload, etag: str) -> list[Job]:
        """The jobs that the landing of the upload's object makes."""
        created = ObjectCreated(self.objects.bucket, upload.key, etag, upload.bytes)
        return jobs_for(created, upload, (), self.limits.retention_days, self.limits.task)

    def _feed_own(self, asked: Asked, found: Found) -> File:
        created = ObjectCreated(found.bucket, found.key, found.etag or "", found.bytes or 0)
        if asked.dry_run:
            upload = upload_of(created, self.uploads)
        else:  # whose jobs are made cannot be aborted any more
            upload = landed_upload(created, self.uploads, self.limits.retention_days)
        if upload and upload.status is UploadStatus.ABORTED:
            raise finished(upload)
        if upload and upload.bytes != created.bytes:
            raise UploadMismatch(not_as_declared(created.bytes, upload))
        name = upload.file_name if upload else found.file_name
        source = Source(created.bucket, created.key, created.etag, created.bytes, name)
        deletes = upload is not None and upload.delete_after_download
        wanted = [self._own_job(asked, source, each, deletes) for each in asked.conversions]
        chosen = choose(wanted, self.jobs, asked.batch)
        return self._begun(asked, found, file_id_of(found.key), chosen)

    def _own_job(
        self, asked: Asked, source: Source, conversion: Conversion, delete_after_download: bool
    ) -> Job:
        """The nonce sets it apart from those that the object's landing has made."""
        return new_job(
            job_id_for(source, conversion, f"batch {asked.owner or ''}"),
            file_id_of(source.key),
            source,
            conversion,
            self.limits.retention_days,
            asked.owner,
            delete_after_download,
            self.limits.task,
        )

    def _begun(self, asked: Asked, found: Found, file_id: str, chosen: Sequence[Chosen]) -> File:
        new = [each.job.conversion for each in chosen if each.is_new]
        costs = (estimate(found.key, found.bytes or 0, each, self.limits.task).usd for each in new)
        file = File(
            found.key,
            found.bytes or 0,
            file_id=file_id,
            is_new=bool(new),
            usd=round(sum(costs), 6),
        )
        if asked.dry_run:
            return file
        to_begin = [each.job for each in chosen if each.is_to_begin]
        begin(to_begin, self.jobs, self.slots, self.executions)
        return replace(file, jobs={each.job.job_id: None for each in chosen})


def _skipped(found: Found, code: str) -> File:
    return File(found.key, found.bytes or 0, skipped=code)
