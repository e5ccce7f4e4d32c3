"""Removes what has outlived its use: expired jobs and uploads, and what nobody needs in the bucket.

A job's record goes first, by a write that only holds while the job is over and has expired
(`JobStore.remove`); only then do its objects. So whatever happens meanwhile, a job that lives keeps
all it has, and what a crash leaves behind is an orphan for the next run. All else is judged by the
records too, and left alone for an hour or a day longer than they would allow: clocks differ.

The record of an upload whose bytes never came whole is left to TTL; the parts that did come go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Protocol, TypeVar

from conversion.cleaned import Cleaned, Kind, TimeUp
from conversion.clock import has_passed, timestamp, utc_now
from conversion.errors import JobExpired, JobNotFound
from conversion.job import OUTPUTS, Job, Standing, Status
from conversion.job_store import JobStore
from conversion.leftovers import (
    Bucket,
    Listed,
    NotDeleted,
    OpenUpload,
    is_idle,
    is_lost,
    owner_of,
    prefix_of,
)
from conversion.uploads import PREFIX, UploadStatus, UploadStore, file_id_of

# What has expired is removed so much later, in seconds: machines' clocks are minutes apart at
# worst, and a job asked for in the last moment shows in the index by then.
GRACE = 3600
# An object without a record, or of an attempt that lost, may be a moment old because a zombie has
# just written it, or because the record was read before it: nothing hangs on its going soon.
ORPHAN_AGE = timedelta(days=1)
UPLOAD_AGE = timedelta(hours=1)
# For so long each hour's run looks up whose an object is that has landed; what is missed in all of
# them goes when it is older than anything is kept, the least of which is a day.
LANDED_FOR = timedelta(days=1)
# Jobs whose records are looked up at once: BatchGetItem takes 100 keys (DynamoDB API reference).
_BATCH = 100
# What DeleteObjects says when it was given an ETag and the object has another by now, or is gone
# ("Deleting objects with conditional requests", S3 user guide).
_MOVED_ON = frozenset({"PreconditionFailed", "NoSuchKey"})


class ProgressRecords(Protocol):
    def remove(self, job_id: str) -> None: ...


def clean_up(
    jobs: JobStore,
    uploads: UploadStore,
    bucket: Bucket,
    progress: ProgressRecords,
    retention_days: int,
    dry_run: bool,
    in_time: Callable[[], bool],
) -> Cleaned:
    """Remove all that may go, as long as `in_time` says there is time; in a dry run, count it.

    What cannot be removed is told among the failures and does not stop the rest.
    """
    sweep = _Sweep(jobs, uploads, bucket, progress, retention_days, in_time, Cleaned(dry_run))
    try:
        sweep.jobs_over()
        sweep.jobs_downloaded()
        sweep.sources()
        sweep.outputs()
        sweep.parts()
        sweep.parts_of_uploads()
        sweep.behind_aborts()
    except TimeUp:
        sweep.cleaned.complete = False
    return sweep.cleaned


_Each = TypeVar("_Each")


@dataclass
class _Sweep:
    jobs: JobStore
    uploads: UploadStore
    bucket: Bucket
    progress: ProgressRecords
    retention_days: int
    in_time: Callable[[], bool]
    cleaned: Cleaned
    # The jobs that this run has removed, or in a dry run would have.
    removed: set[str] = field(default_factory=set[str])

    def jobs_over(self) -> None:
        """Oldest first: behind the first that was created too late, none can have expired."""
        last = timestamp(utc_now() - timedelta(days=self.retention_days))
        for status in (each for each in Status if each.is_terminal):
            with self.cleaned.going_on(Kind.JOBS):
                for job in self._while_in_time(self.jobs.of_status(status)):
                    if job.created_at > last:
                        break
                    self._remove_job_in_time(job)

    def jobs_downloaded(self) -> None:
        """What its owner wanted gone once it was fetched, however young (conversion/leaving.py)."""
        with self.cleaned.going_on(Kind.JOBS):
            for job in self._while_in_time(self.jobs.leaving()):
                if job.job_id not in self.removed:
                    self._remove_job_in_time(job)

    def _remove_job_in_time(self, job: Job) -> None:
        if has_passed(job.expires_at + GRACE):
            with self.cleaned.going_on(Kind.JOBS):
                self._remove_job(job)

    def _remove_job(self, job: Job) -> None:
        left = list(self.bucket.list(prefix_of(job.job_id)))
        if not self.cleaned.dry_run and not self.jobs.remove(job.job_id):
            return  # reopened, or removed, since the index was read
        self.removed.add(job.job_id)
        self.cleaned.count(Kind.JOBS)
        self._delete(Kind.OUTPUTS, left)
        if not self.cleaned.dry_run:
            self.progress.remove(job.job_id)

    def sources(self) -> None:
        """What lies under uploads/ for longer than anything is kept, and no job can want again."""
        oldest = utc_now() - timedelta(days=self.retention_days, seconds=GRACE)
        with self.cleaned.going_on(Kind.SOURCES):
            wanted = self._wanted()
            for found in self._while_in_time(self.bucket.list(PREFIX)):
                if found.modified <= oldest and found.key not in wanted:
                    with self.cleaned.going_on(Kind.SOURCES):
                        self._remove_source(found)

    def _wanted(self) -> frozenset[str]:
        """The sources of all jobs that are not over, expired or not, by the index. It lags, and
        jobs are made as we go: see _is_wanted."""
        live = (each for each in Status if not each.is_terminal)
        return frozenset(job.source.key for each in live for job in self.jobs.of_status(each))

    def _remove_source(self, found: Listed) -> None:
        file_id = file_id_of(found.key)
        upload = self.uploads.find(file_id, expired_too=True)
        if upload is None or upload.key != found.key:
            if not self._is_wanted(file_id, found.key):
                self._delete(Kind.DROPPED, [found])
        elif has_passed(upload.expires_at + GRACE) and not self._is_wanted(file_id, found.key):
            if not self.cleaned.dry_run and not self.uploads.remove(file_id):
                return
            self.cleaned.count(Kind.UPLOADS)
            self._delete(Kind.SOURCES, [found])

    def _is_wanted(self, file_id: str, key: str) -> bool:
        """Asked last of all. A failed job may be reopened by a redrive for as long as it is there,
        and reads its source then."""
        return any(
            job.source.key == key and (job.status is Status.FAILED or not job.status.is_terminal)
            for job in self.jobs.of_file(file_id)
        )

    def outputs(self) -> None:
        """Objects of attempts that lost, and of jobs that have no record."""
        youngest = utc_now() - ORPHAN_AGE
        with self.cleaned.going_on(Kind.ORPHANS):
            listed = self._while_in_time(self.bucket.list(OUTPUTS))
            for some in _batches(each for each in listed if each.modified <= youngest):
                with self.cleaned.going_on(Kind.ORPHANS):
                    self._remove_outputs(some)

    def _remove_outputs(self, listed: list[Listed]) -> None:
        standings = self._standings(each.key for each in listed)
        gone: dict[Kind, list[Listed]] = {Kind.LOSERS: [], Kind.ORPHANS: []}
        for each in listed:
            owner = owner_of(each.key)
            if owner is None or owner.job_id not in standings or owner.job_id in self.removed:
                continue
            standing = standings[owner.job_id]
            if standing is None:
                gone[Kind.ORPHANS].append(each)
            elif is_lost(owner.attempt, standing):
                gone[Kind.LOSERS].append(each)
        for kind, some in gone.items():
            self._delete(kind, some)

    def parts(self) -> None:
        """Multipart uploads that only a zombie can still be at, or nobody."""
        youngest = utc_now() - UPLOAD_AGE
        with self.cleaned.going_on(Kind.PARTS):
            opened = self._while_in_time(self.bucket.multipart_uploads(OUTPUTS))
            for some in _batches(each for each in opened if each.initiated <= youngest):
                with self.cleaned.going_on(Kind.PARTS):
                    self._abort_idle(some)

    def _abort_idle(self, opened: list[OpenUpload]) -> None:
        standings = self._standings(each.key for each in opened)
        for each in opened:
            owner = owner_of(each.key)
            if owner is None or owner.job_id not in standings:
                continue
            standing = standings[owner.job_id]
            if standing is None or is_idle(owner.attempt, standing):
                with self.cleaned.going_on(Kind.PARTS):
                    self._abort(each.key, each.upload_id)

    def parts_of_uploads(self) -> None:
        """Multipart uploads that no client can go on with."""
        youngest = utc_now() - UPLOAD_AGE
        with self.cleaned.going_on(Kind.PARTS):
            for each in self._while_in_time(self.bucket.multipart_uploads(PREFIX)):
                with self.cleaned.going_on(Kind.PARTS):
                    if each.initiated <= youngest and self._is_abandoned(each):
                        self._abort(each.key, each.upload_id)

    def _is_abandoned(self, opened: OpenUpload) -> bool:
        """Of an upload's key only the one that its record names can become its file: an answer that
        was lost leaves another. One without a record, dropped by whoever has access, may take its
        time, as long as anything is kept."""
        upload = self.uploads.find(file_id_of(opened.key), expired_too=True)
        if upload is None or upload.key != opened.key:
            oldest = utc_now() - timedelta(days=self.retention_days, seconds=GRACE)
            return opened.initiated <= oldest
        if upload.status is not UploadStatus.UPLOADING or has_passed(upload.expires_at + GRACE):
            return True
        return upload.multipart is None or upload.multipart.upload_id != opened.upload_id

    def behind_aborts(self) -> None:
        """What landed when its upload was aborted already: a PUT, or a joining, that was under way.
        Last, because to look costs a read of each upload of the day."""
        now = utc_now()
        with self.cleaned.going_on(Kind.SOURCES):
            for found in self._while_in_time(self.bucket.list(PREFIX)):
                if now - LANDED_FOR <= found.modified <= now - UPLOAD_AGE:
                    with self.cleaned.going_on(Kind.SOURCES):
                        self._remove_aborted(found)

    def _remove_aborted(self, found: Listed) -> None:
        file_id = file_id_of(found.key)
        upload = self.uploads.find(file_id, expired_too=True)
        if upload is None or upload.key != found.key or upload.status is not UploadStatus.ABORTED:
            return
        if not self._is_wanted(file_id, found.key):
            self._delete(Kind.SOURCES, [found])

    def _abort(self, key: str, upload_id: str) -> None:
        if not self.cleaned.dry_run:
            self.bucket.abort_multipart(key, upload_id)
        self.cleaned.count(Kind.PARTS)

    def _standings(self, keys: Iterable[str]) -> Mapping[str, Standing | None]:
        """How the jobs of these objects stand; None for one whose record is gone. One that has
        expired is not there: it may well live, and if not, its objects go with its record."""
        owners = [owner for key in keys if (owner := owner_of(key))]
        job_ids = list(dict.fromkeys(each.job_id for each in owners))
        found: dict[str, Standing | None] = dict(self.jobs.standings(job_ids))
        for job_id in job_ids:
            if job_id in self.removed or (job_id not in found and self._has_no_record(job_id)):
                found[job_id] = None
        return found

    def _has_no_record(self, job_id: str) -> bool:
        try:
            self.jobs.get(job_id)
        except JobNotFound:
            return True
        except JobExpired:
            return False
        return False

    def _delete(self, kind: Kind, listed: list[Listed]) -> None:
        """What lies under uploads/ only while it is what was listed: a dropped file may be dropped
        again. An attempt's keys are nobody else's, and the stream's follower may be at them too."""
        refused: Iterable[NotDeleted] = ()
        if not self.cleaned.dry_run:
            again = kind in (Kind.SOURCES, Kind.DROPPED)
            refused = self.bucket.delete_many(each if again else each.key for each in listed)
        kept = {each.key: each.code for each in refused}
        for each in listed:
            if each.key not in kept:
                self.cleaned.count(kind, each.bytes)
        self.cleaned.refused(kind, (each for each in kept.values() if each not in _MOVED_ON))

    def _while_in_time(self, each: Iterable[_Each]) -> Iterator[_Each]:
        for one in each:
            if not self.in_time():
                raise TimeUp
            yield one


def _batches(each: Iterable[_Each]) -> Iterator[list[_Each]]:
    left = iter(each)
    while some := list(islice(left, _BATCH)):
        yield some
