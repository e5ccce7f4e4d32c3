"""Which job makes something of a batch's file: one that is there already, or another one.

What was cancelled, or failed for a reason that was not the file's, is made again by the next batch
over the same file, and not by a second try of the same batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from conversion.errors import JobExpired, JobNotFound
from conversion.job import Job, Status, job_id_for
from conversion.job_store import JobStore
from conversion.measures import TO_MEND


@dataclass(frozen=True)
class Batch:
    """`started_at` (ISO 8601): what was made since then was made by the batch, in an earlier try;
    None for one that makes nothing, or was started by an older version."""

    batch_id: str
    started_at: str | None

    def has_made(self, created_at: str) -> bool:
        if self.started_at is None:
            return False
        return datetime.fromisoformat(created_at) >= datetime.fromisoformat(self.started_at)


@dataclass(frozen=True)
class Chosen:
    """`is_new`: made by this batch, now or in an earlier try; `is_to_begin`: not there yet, and
    nobody else begins it."""

    job: Job
    is_new: bool
    is_to_begin: bool


def choose(wanted: Sequence[Job], jobs: JobStore, batch: Batch) -> list[Chosen]:
    """For each of `wanted`, which are jobs of one file as nobody has made them yet."""
    if not wanted:
        return []
    source = wanted[0].source
    made = [
        each
        for each in jobs.of_file(wanted[0].file_id)
        if (each.source.key, each.source.etag) == (source.key, source.etag)
    ]
    return [_choose(each, made, jobs, batch) for each in wanted]


def _choose(wanted: Job, made: Sequence[Job], jobs: JobStore, batch: Batch) -> Chosen:
    try:
        of_it = [each for each in made if each.conversion == wanted.conversion]
        of_it = of_it or [jobs.get(wanted.job_id)]  # the index lags by moments
    except JobNotFound:
        return Chosen(wanted, is_new=True, is_to_begin=True)
    except JobExpired:  # whose record keeps the id from being used until it is removed
        of_it = []
    for each in reversed(of_it):
        is_new = batch.has_made(each.created_at)
        if is_new or not _is_to_be_made_again(each):
            return Chosen(each, is_new, is_to_begin=False)
    again = job_id_for(wanted.source, wanted.conversion, batch.batch_id)
    return Chosen(replace(wanted, job_id=again), is_new=True, is_to_begin=True)


def _is_to_be_made_again(job: Job) -> bool:
    if job.status is Status.CANCELLED:
        return True
    return job.status is Status.FAILED and job.failure is not None and job.failure.code in TO_MEND
