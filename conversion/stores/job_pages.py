"""Jobs page by page, the newest first, out of the index that holds the fewest of others.

Jobs made in one millisecond are put into the order of their ids here, so that a place means the
same in every index: the pages of all jobs are merged from one index a status, and a job that has
gone on to the next status, or is gone, still marks where a page ended. A cursor only says how old
the next job is at least. DynamoDB is asked for a partition of our choice, whatever the cursor says.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from conversion.fields import Item
from conversion.job import Job, Status
from conversion.listing import Page, Place, Wanted
from conversion.stores.attributes import can_be_key, from_attributes
from conversion.stores.job_indexes import BY_FILE, BY_OWNER, BY_STATUS, Index, JobIndexes

log = logging.getLogger(__name__)

# Queries made for one page: among many jobs that are filtered out, the answer must still come
# before the function's time is up, and says where to go on.
_MOST_QUERIES = 10
# Read with a Query beyond what a page holds: a job of the next page, and one of another moment,
# before which the first may have to stand.
_BEYOND = 2
# Read with a Query even where one job is asked for: some may be filtered out.
_LEAST_AT_ONCE = 20

# When a job was made, and its id.
_Key = tuple[str, str]


class _Enough(Exception):
    """The rest is for another page."""


def read_page(indexes: JobIndexes, wanted: Wanted, after: Place | None, most: int) -> Page:
    return _Reading(indexes, wanted, after, most).page()


def readable(attributes: Item) -> Job | None:
    """None for a record that this release cannot read (another one wrote it): it must not stand in
    the way of all that come behind it."""
    try:
        return Job.from_item(from_attributes(attributes))
    except Exception:  # of whatever kind: the record is as it is
        job_id = attributes["jobId"]["S"]
        log.exception("a job's record cannot be read", extra={"job_id": job_id})
        return None


@dataclass
class _Reading:
    """`_last` is how far it has read. A page ends at what the caller may see: where another's job
    stands is not told, nor that there is one."""

    indexes: JobIndexes
    wanted: Wanted
    after: Place | None
    most: int

    def __post_init__(self) -> None:
        self._begin = (self.after.created_at, self.after.job_id) if self.after else None
        self._last = self._begin
        self._seen: _Key | None = None
        self._queries = 0

    def page(self) -> Page:
        jobs: list[Job] = []
        try:
            for job in self._jobs():
                if len(jobs) == self.most:
                    return Page(tuple(jobs), Place(jobs[-1].created_at, jobs[-1].job_id))
                jobs.append(job)
        except _Enough:
            return Page(tuple(jobs), self._seen and Place(*self._seen))
        return Page(tuple(jobs), None)

    def _jobs(self) -> Iterator[Job]:
        """Those that are wanted; an index that lags may have a job under two statuses."""
        partitions = [self._in_order(*each) for each in _partitions(self.wanted)]
        for key, attributes in heapq.merge(*partitions, key=itemgetter(0), reverse=True):
            if key != self._last:
                self._last = key
                job = readable(attributes)
                if not self.wanted.caller.may_see(job.owner if job else None):
                    continue
                self._seen = key
                if job and not job.has_expired and self.wanted.status in (None, job.status):
                    yield job

    def _in_order(self, index: Index, value: str) -> Iterator[tuple[_Key, Item]]:
        keyed = ((_key(each), each) for each in self._read(index, value))
        for _, of_a_moment in groupby(keyed, key=lambda each: each[0][0]):
            for key, attributes in sorted(of_a_moment, key=itemgetter(0), reverse=True):
                if self._begin is None or key < self._begin:
                    yield key, attributes

    def _read(self, index: Index, value: str) -> Iterator[Item]:
        """A page gets on by one job at least, however many Queries that takes."""
        newest = self.after and self.after.created_at
        at_once = max(self.most + _BEYOND, _LEAST_AT_ONCE)
        for queried in self.indexes.newest_first(index, value, newest, at_once):
            self._queries += 1
            yield from queried.items
            if not queried.is_last and self._queries >= _MOST_QUERIES and self._has_got_on:
                raise _Enough

    @property
    def _has_got_on(self) -> bool:
        return self._last != self._begin


def _partitions(wanted: Wanted) -> list[tuple[Index, str]]:
    caller = wanted.caller
    if wanted.file_id is not None:
        return [(BY_FILE, wanted.file_id)] if can_be_key(wanted.file_id) else []
    if not caller.sees_all:
        return [] if caller.identity is None else [(BY_OWNER, caller.identity)]
    return [(BY_STATUS, each.value) for each in ([wanted.status] if wanted.status else Status)]


def _key(attributes: Item) -> _Key:
    return attributes["createdAt"]["S"], attributes["jobId"]["S"]
