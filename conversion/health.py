"""Whether a deployment is well: each service it needs is asked, and what it has room for is told.

`down` is for what leaves nothing of use: without files or records every request fails. Anything
else that fails, or has no room left, makes it `degraded`: jobs wait, or progress is less fresh, and
much still works. What is told is for everybody who may call the API, so it is our words alone: what
it means, and what to do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from conversion.capacity import Slots
from conversion.job import Status
from conversion.job_store import JobStore
from conversion.uploads import UploadStore

log = logging.getLogger(__name__)


class State(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True)
class Check:
    """`ask` raises unless all is well; it may return milliseconds, where what it has asked has
    measured them itself. `problem` is what is said of its failure."""

    name: str
    ask: Callable[[], float | None]
    problem: str
    is_vital: bool = False


@dataclass(frozen=True)
class Checked:
    """`problem` is None where all is well."""

    name: str
    milliseconds: float
    is_vital: bool
    problem: str | None = None


@dataclass(frozen=True)
class Capacity:
    """What is taken is None where the records do not answer. Jobs that wait, and uploads that are
    open, are counted no further than the most there may be."""

    most_running: int
    most_waiting: int
    most_open: int
    running: int | None = None
    waiting: int | None = None
    open: int | None = None

    @property
    def is_used_up(self) -> bool:
        """Whether new jobs or uploads are refused (429). Jobs are where no slot is free and as many
        wait as may (conversion/capacity.py); either alone is no such thing."""
        jobs_are_refused = _is_full(self.running, self.most_running) and _is_full(
            self.waiting, self.most_waiting
        )
        return jobs_are_refused or _is_full(self.open, self.most_open)


@dataclass(frozen=True)
class Health:
    checks: tuple[Checked, ...]
    capacity: Capacity

    @property
    def state(self) -> State:
        failed = [each for each in self.checks if each.problem is not None]
        if any(each.is_vital for each in failed):
            return State.DOWN
        return State.DEGRADED if failed or self.capacity.is_used_up else State.OK


class Slow(Exception):
    """There was no answer in time."""


def look(
    checks: Iterable[Check], capacity: Capacity, count: Callable[[], Capacity], seconds: float
) -> Health:
    """Ask all side by side, none for longer than `seconds`. Without the counts in time, `capacity`
    stands.

    What still hangs then is left behind: the clients' own timeouts end it.
    """
    checks = list(checks)
    asking = ThreadPoolExecutor(len(checks) + 1)
    began = time.perf_counter()
    counted = asking.submit(_counted, count, capacity)
    asked = [asking.submit(_timed, each) for each in checks]
    asked_all: list[Future[Any]] = [counted, *asked]
    wait(asked_all, seconds)
    asking.shutdown(wait=False)
    waited = (time.perf_counter() - began) * 1000
    told = tuple(_told(*each, waited) for each in zip(checks, asked, strict=True))
    return Health(told, counted.result() if counted.done() else capacity)


def count(slots: Slots, jobs: JobStore, uploads: UploadStore, most: Capacity) -> Capacity:
    """`most` with what is taken of it."""
    held = slots.holders()
    created = jobs.of_status(Status.CREATED)
    waiting = islice((each for each in created if each.job_id not in held), most.most_waiting)
    return Capacity(
        most.most_running,
        most.most_waiting,
        most.most_open,
        running=len(held),
        waiting=sum(1 for _ in waiting),
        open=uploads.count_open(most.most_open),
    )


def _counted(count: Callable[[], Capacity], otherwise: Capacity) -> Capacity:
    try:
        return count()
    except Exception:
        log.exception("the capacity cannot be counted")
        return otherwise


def _timed(check: Check) -> tuple[float, Exception | None]:
    began = time.perf_counter()
    own, error = None, None
    try:
        own = check.ask()
    except Exception as failed:
        error = failed
    return (time.perf_counter() - began) * 1000 if own is None else own, error


def _told(check: Check, asked: Future[tuple[float, Exception | None]], waited: float) -> Checked:
    milliseconds, error = asked.result() if asked.done() else (waited, Slow(check.name))
    if error is not None:
        log.error("a check failed", exc_info=error, extra={"check": check.name})
    problem = None if error is None else check.problem
    return Checked(check.name, round(milliseconds, 1), check.is_vital, problem)


def _is_full(taken: int | None, most: int) -> bool:
    return taken is not None and taken >= most
