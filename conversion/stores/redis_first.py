"""Progress in Redis with DynamoDB behind: fresh to read, and never the only copy.

Whatever Redis says, DynamoDB has said before: a report goes to DynamoDB first, and what then stands
there is copied to Redis. So the percent in Redis is never above the one in DynamoDB, and a Redis
that is lost or flushed takes nothing away. It could still fall behind, when only some writes reach
it, or when it comes back with what it had: a copy is trusted alone only while it is younger than
the poll before, else DynamoDB is asked as well.

While DynamoDB is down the copy lives on with everything but its percent, which stays at what
DynamoDB has confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from conversion.clock import timestamp, utc_now
from conversion.errors import RecordsUnavailable
from conversion.progress import Mark, Progress
from conversion.stores.breaker import Breaker
from conversion.stores.progress import ProgressTable, Record
from conversion.stores.redis_progress import Copy, RedisProgress

# Whoever was shown a percent asks again after a second at the soonest (`Retry-After`): a copy that
# DynamoDB has confirmed since cannot be behind what was shown. The rest of that second is for
# clocks that differ, hence either way. What a process remembers adds nothing to it: it is told
# again by the date of the report, for 0.4 s (progress_store.py), not by that of the reading.
_TRUSTED_SECONDS = 0.8
# A reader does not pay DynamoDB's timeouts at every poll of an outage.
_LEFT_ALONE_SECONDS = 2.0


class RedisFirst:
    """A `conversion.progress.ProgressStore`."""

    def __init__(self, copies: RedisProgress, table: ProgressTable) -> None:
        self._copies = copies
        self._table = table
        self._reading = Breaker("DynamoDB", (RecordsUnavailable,), 1, _LEFT_ALONE_SECONDS)
        # What DynamoDB has last confirmed of each job that this process writes.
        self._durable: dict[str, Progress] = {}

    def begin(self, job_id: str, attempt: int) -> Mark:
        record = self._table.take(job_id, attempt)
        self._copy(job_id, record)
        return record.mark

    def report(self, job_id: str, progress: Progress) -> None:
        try:
            self._copy(job_id, self._table.write(job_id, progress))
        except RecordsUnavailable:
            self._keep_alive(job_id, progress)
            raise

    def read(self, job_ids: Iterable[str]) -> dict[str, Progress]:
        wanted = list(dict.fromkeys(job_ids))
        copies = self._copies.read(wanted)
        fresh = {
            job_id: copy.progress
            for job_id, copy in copies.items()
            if abs(copy.age) <= _TRUSTED_SECONDS
        }
        rest = [each for each in wanted if each not in fresh]
        return fresh | self._confirmed(rest, copies) if rest else fresh

    def remove(self, job_id: str) -> None:
        self._table.remove(job_id)
        self._copies.remove(job_id)
        self._durable.pop(job_id, None)

    def _copy(self, job_id: str, record: Record) -> None:
        stands = record.progress
        self._durable[job_id] = stands
        self._copies.write(job_id, Copy(stands, stands.updated_at))

    def _keep_alive(self, job_id: str, progress: Progress) -> None:
        """Only over a copy of the same attempt: nobody can say now whether it is superseded."""
        durable = self._durable.get(job_id)
        if durable is None or durable.attempt != progress.attempt:
            return
        shown = replace(progress, percent=durable.percent, updated_at=timestamp(utc_now()))
        self._copies.write(job_id, Copy(shown, durable.updated_at), only_over_own=True)

    def _confirmed(self, job_ids: list[str], copies: dict[str, Copy]) -> dict[str, Progress]:
        """As DynamoDB has it, or, while it is down and there are copies of all, as those do.
        Raises RecordsUnavailable."""
        found = self._reading.call(lambda: self._table.read(job_ids))
        if found is None:
            if any(each not in copies for each in job_ids):
                raise RecordsUnavailable("Neither Redis nor DynamoDB has this progress just now.")
            return {job_id: copies[job_id].progress for job_id in job_ids}
        return {
            job_id: _newer(stands, copies[job_id].progress) if job_id in copies else stands
            for job_id, stands in found.items()
        }


def _newer(stands: Progress, copy: Progress) -> Progress:
    """A copy of the attempt that stands may be live where DynamoDB was down for its writer."""
    if copy.attempt != stands.attempt or copy.updated_at <= stands.updated_at:
        return stands
    return replace(copy, percent=stands.percent)
