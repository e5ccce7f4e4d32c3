"""Reads of progress, measured as one reader's process sees them; the function get_progress is one.

The converters that report meanwhile are in a process of their own, and so are Redis and DynamoDB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.progress_writer import job_ids
from benchmarks.world import ROOT
from conversion.clock import timestamp, utc_now
from conversion.progress import Progress, ProgressStore
from conversion.settings import GetProgressSettings
from conversion.stores import clients
from conversion.stores.progress_store import progress_store, seconds_remembered
from conversion.stores.recent import RecentProgress

_JOBS = 4
# How often a process loses its Redis, how many calls it makes before the breaker opens
# (redis_progress.py), and how many are measured behind it.
_DEATHS, _FIRST, _BEHIND = 40, 3, 25


@dataclass(frozen=True)
class Times:
    """Of calls one after the other, in seconds."""

    calls: list[float]

    @property
    def p99(self) -> float:
        return percentile(self.calls, 0.99)

    @property
    def rate(self) -> float:
        return len(self.calls) / sum(self.calls)

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s, p50 {ms(percentile(self.calls, 0.5))}, p99 {ms(self.p99)}"


@dataclass(frozen=True)
class Polls:
    """How many were answered from memory, and how old in seconds what they saw was."""

    asked: int
    saved: int
    ages: list[float]


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that this share of them does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(1, -int(-share * len(ranked) // 1)) - 1]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def store(settings: GetProgressSettings) -> ProgressStore:
    return progress_store(settings, clients.dynamodb(clients.SWIFT))


def remembering(settings: GetProgressSettings) -> RecentProgress:
    return RecentProgress(store(settings), seconds_remembered(settings))


@contextmanager
def converters(settings: GetProgressSettings) -> Generator[None]:
    """Each has reported once the block is entered."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.progress_writer", str(_JOBS)],
        cwd=ROOT,
        env=os.environ | settings.to_env(),
        stdin=subprocess.PIPE,
    ) as process:
        try:
            began, looking = timestamp(utc_now()), store(settings)
            while not _all_since(began, looking.read(job_ids(_JOBS))):
                assert process.poll() is None
                time.sleep(0.1)
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _all_since(moment: str, shown: dict[str, Progress]) -> bool:
    return len(shown) == _JOBS and all(each.updated_at > moment for each in shown.values())


def one_by_one(read: Callable[[list[str]], object], seconds: float) -> Times:
    """One job after the other, as fast as it goes."""
    ids, calls, until = job_ids(_JOBS), list[float](), time.monotonic() + seconds
    while time.monotonic() < until:
        calls.append(_timed(read, ids[len(calls) % len(ids)]))
    return Times(calls)


def polled(settings: GetProgressSettings, seconds: int) -> Polls:
    """Of one job: five pollers who wait a second, out of step, and one who asks twenty times."""
    recent, job_id = remembering(settings), job_ids(1)[0]
    patient = [second + who / 5 for second in range(seconds) for who in range(5)]
    eager = [tick / 20 for tick in range(seconds * 20)]
    ages, began = list[float](), time.monotonic()
    for moment in sorted([*patient, *eager]):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        shown = recent.read([job_id])[job_id]
        ages.append((utc_now() - datetime.fromisoformat(shown.updated_at)).total_seconds())
    return Polls(recent.hits + recent.misses, recent.hits, ages)


def dead(settings: GetProgressSettings, die: Callable[[], None]) -> tuple[Times, Times]:
    """The first answers of processes whose Redis dies while they hold a connection, and those
    behind the open breaker. Every answer is DynamoDB's then: what DynamoDB takes is left out, since
    moto's time says nothing of it."""
    dynamodb, job_id = clients.dynamodb(clients.SWIFT), job_ids(1)[0]
    elsewhere = Elsewhere(dynamodb)
    processes = [progress_store(settings, dynamodb) for _ in range(_DEATHS)]
    for each in processes:
        each.read([job_id])
    die()
    first, behind = list[float](), list[float]()
    for each in processes:
        first += [elsewhere.left_out(each.read, job_id) for _ in range(_FIRST)]
        behind += [elsewhere.left_out(each.read, job_id) for _ in range(_BEHIND)]
    return Times(first), Times(behind)


class Elsewhere:
    """How long a client's requests were under way."""

    def __init__(self, client: Any) -> None:
        self._began = self._seconds = 0.0
        client.meta.events.register("before-call.dynamodb", self._goes)
        client.meta.events.register("after-call.dynamodb", self._comes)

    def left_out(self, read: Callable[[list[str]], object], job_id: str) -> float:
        before = self._seconds
        total = _timed(read, job_id)
        return total - (self._seconds - before)

    def _goes(self, **_: Any) -> None:
        self._began = time.perf_counter()

    def _comes(self, **_: Any) -> None:
        self._seconds += time.perf_counter() - self._began


def _timed(read: Callable[[list[str]], object], job_id: str) -> float:
    began = time.perf_counter()
    read([job_id])
    return time.perf_counter() - began
