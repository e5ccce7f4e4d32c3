"""What a process has just read, for those who ask again within moments.

Many poll the same job, and some poll far more often than they are told to; and one poller's
requests are answered now by this process, now by that. So an answer is given again from memory only
while no process can have read a newer one: a report until the converter may write the next, and
whether a job is over only where that is final. Then the percent never falls, whoever answers, and
for a minute it outlives a store that does not answer.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from conversion.clock import utc_now
from conversion.errors import RecordsUnavailable
from conversion.job import Standing, Status
from conversion.job_store import JobStore
from conversion.progress import Progress, ProgressStore
from conversion.stores.breaker import Breaker

V = TypeVar("V")

# Some kilobytes each: a function's smallest memory holds many times as many.
_MOST = 4096
_LAST_KNOWN_SECONDS = 60.0
# How long a store that did not answer is left alone.
_LEFT_ALONE_SECONDS = 2.0
# These never change again: a job that has failed may yet be reopened by a redrive.
_FINAL = frozenset({Status.COMPLETED, Status.CANCELLED})
_FINAL_SECONDS = 60.0


@dataclass(frozen=True)
class _Entry(Generic[V]):
    """`value` is None for what is known not to be there; `at` is when the reading began."""

    value: V | None
    at: float


class Recent(Generic[V]):
    """`store` reads the values of many keys, `current` says whether one that was read so many
    seconds ago may be told again, and `merged` what is shown of one that was shown before. `hits`
    and `misses` count keys asked for.
    """

    def __init__(
        self,
        name: str,
        store: Callable[[list[str]], dict[str, V]],
        current: Callable[[V | None, float], bool],
        merged: Callable[[V, V], V] = lambda _, now: now,
        most: int = _MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._store = store
        self._current = current
        self._merged = merged
        self._most = most
        self._clock = clock
        self._breaker = Breaker(
            f"the store of {name}", (RecordsUnavailable,), 1, _LEFT_ALONE_SECONDS, clock=clock
        )
        self._entries: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def read(self, keys: Iterable[str]) -> dict[str, V]:
        """Raises RecordsUnavailable when the store does not answer and too little is known."""
        wanted, now = list(dict.fromkeys(keys)), self._clock()
        with self._lock:
            known = {key: self._entries[key] for key in wanted if key in self._entries}
            due = [key for key in wanted if key not in known or self._is_due(known[key], now)]
            self.hits += len(wanted) - len(due)
            self.misses += len(due)
        if due:
            known |= self._asked(due, known, now)
        values = {key: known[key].value for key in wanted}
        return {key: value for key, value in values.items() if value is not None}

    def _is_due(self, entry: _Entry[V], now: float) -> bool:
        return not self._current(entry.value, now - entry.at)

    def _asked(
        self, due: list[str], known: dict[str, _Entry[V]], now: float
    ) -> dict[str, _Entry[V]]:
        found = self._breaker.call(lambda: self._store(due))
        if found is not None:
            with self._lock:
                return {key: self._keep(key, _Entry(found.get(key), now)) for key in due}
        if any(key not in known or now - known[key].at > _LAST_KNOWN_SECONDS for key in due):
            raise RecordsUnavailable(f"The store of {self._name} does not answer; try again.")
        return {}

    def _keep(self, key: str, entry: _Entry[V]) -> _Entry[V]:
        """The newest is last, so that the first goes when there are too many."""
        before = self._entries.pop(key, None)
        if before is not None and before.value is not None and entry.value is not None:
            entry = replace(entry, value=self._merged(before.value, entry.value))
        self._entries[key] = entry
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)
        return entry


class RecentProgress(Recent[Progress]):
    def __init__(
        self,
        store: ProgressStore,
        seconds: float,
        most: int = _MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seconds`: somewhat less than lie between two reports that raise the percent."""

        def current(found: Progress | None, _: float) -> bool:
            return found is not None and _is_younger(found, seconds)

        super().__init__("progress", store.read, current, _not_below, most, clock)


class RecentStandings(Recent[Standing]):
    def __init__(
        self, jobs: JobStore, most: int = _MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__("jobs", jobs.standings, _is_final, most=most, clock=clock)

    def read(self, keys: Iterable[str]) -> dict[str, Standing]:
        """Without what has expired since it was read."""
        return {key: each for key, each in super().read(keys).items() if not each.has_expired}


def _not_below(before: Progress, now: Progress) -> Progress:
    if now.attempt < before.attempt:
        return before
    return replace(now, percent=max(before.percent, now.percent))


def _is_younger(progress: Progress, seconds: float) -> bool:
    """By its own date, not since it was read. One from the future is of a clock that is wrong."""
    if not progress.updated_at:
        return False
    written = datetime.fromisoformat(progress.updated_at)
    return timedelta() <= utc_now() - written < timedelta(seconds=seconds)


def _is_final(standing: Standing | None, seconds: float) -> bool:
    return standing is not None and standing.status in _FINAL and seconds < _FINAL_SECONDS
