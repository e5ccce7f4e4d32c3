"""A job's progress polled while Redis fails in every way: what is shown never falls, and is never
ahead of what DynamoDB has, and the converter hears of none of it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from conversion.errors import RecordsUnavailable
from conversion.progress import Progress, ProgressStore
from conversion.stores.recent import RecentProgress
from tests.faults.counts import Counts
from tests.faults.link import Mode
from tests.faults.pair import (
    JOB_ID,
    KEY,
    NO_COPIES,
    POLL,
    REMEMBERED,
    TRUSTED,
    Pair,
    at,
    down,
    wait_until,
)

PROCESSES, PATIENT_POLLERS = 3, 4


@dataclass
class Watch:
    """Readers' processes, somebody who polls each of them all the time, and pollers who wait as
    they are told and are answered by another process each time."""

    processes: list[RecentProgress]
    over: threading.Event = field(default_factory=threading.Event)
    stories: list[list[Progress]] = field(default_factory=list[list[Progress]])
    wrong: list[str] = field(default_factory=list[str])
    confirmed: float = 0.0

    def __post_init__(self) -> None:
        eager = [(lambda process=each: process, 0.01) for each in self.processes]
        patient = [(lambda: random.choice(self.processes), POLL)] * PATIENT_POLLERS
        self.threads = [
            threading.Thread(target=self._poll, args=each, daemon=True)
            for each in (*eager, *patient)
        ]
        for each in self.threads:
            each.start()

    def _poll(self, process: Callable[[], RecentProgress], pause: float) -> None:
        story: list[Progress] = []
        self.stories.append(story)
        while not self.over.is_set():
            try:
                found = process().read([JOB_ID]).get(JOB_ID)
            except RecordsUnavailable:
                found = None
            except Exception as error:
                self.wrong.append(repr(error))
                return
            if found is not None:
                if found.percent > self.confirmed:
                    self.wrong.append(f"{found.percent} was shown, {self.confirmed} is confirmed")
                story.append(found)
            self.over.wait(pause)

    def end(self) -> None:
        self.over.set()
        for each in self.threads:
            each.join()

    @property
    def falls(self) -> list[tuple[float, float]]:
        return [
            (old.percent, new.percent)
            for story in self.stories
            for old, new in pairwise(story)
            if (new.percent, new.attempt) < (old.percent, old.attempt)
        ]

    @property
    def polls(self) -> int:
        return sum(len(story) for story in self.stories)


def run(store: ProgressStore, watch: Watch, attempt: int, percents: range) -> int:
    """An attempt that reports some times a second; returns how many reports were not taken."""
    lost = 0
    for percent in percents:
        watch.confirmed = max(watch.confirmed, percent / 10)
        try:
            store.report(JOB_ID, at(percent / 10, attempt, seconds_done=percent))
        except RecordsUnavailable:
            lost += 1
        time.sleep(0.02)
    return lost


def breaks_both(mode: Mode) -> Callable[[Pair], None]:
    def breaks(pair: Pair) -> None:
        pair.writing.mode = pair.reading.mode = mode

    return breaks


def breaks_writing(mode: Mode) -> Callable[[Pair], None]:
    def breaks(pair: Pair) -> None:
        pair.writing.mode = mode

    return breaks


def breaks_reading(mode: Mode) -> Callable[[Pair], None]:
    def breaks(pair: Pair) -> None:
        pair.reading.mode = mode

    return breaks


def flaps(pair: Pair) -> None:
    """Comes and goes, for the one and for the others at different times."""
    for _ in range(8):
        pair.writing.mode, pair.reading.mode = random.choices(
            [Mode.PASS, Mode.REFUSED, Mode.BLACK_HOLE, Mode.SLOW, Mode.UNHEARD], k=2
        )
        time.sleep(0.05)


def flushes(pair: Pair) -> None:
    for _ in range(10):
        pair.redis.flushall()
        time.sleep(0.03)


def garbles(pair: Pair) -> None:
    for each in NO_COPIES:
        pair.redis.set(KEY, each)
        time.sleep(0.02)


def goes_back(pair: Pair) -> None:
    """A replica that was behind takes over, again and again."""
    for _ in range(10):
        before = pair.redis.get(KEY)
        time.sleep(0.05)
        if before is not None:
            pair.redis.set(KEY, before)


FAULTS: dict[str, Callable[[Pair], None]] = {
    **{f"{mode.name.lower()} for both": breaks_both(mode) for mode in Mode},
    "flaps": flaps,
    "flushed": flushes,
    "garbled values": garbles,
    "a replica that was behind": goes_back,
}
SIDED = {
    **{f"{mode.name.lower()} for the writer": breaks_writing(mode) for mode in Mode},
    **{f"{mode.name.lower()} for the readers": breaks_reading(mode) for mode in Mode},
}
USUAL = ("black_hole for both", "unheard for both", "flaps", "flushed", "garbled values")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(each, marks=[] if each in USUAL else pytest.mark.long)
        for each in FAULTS | SIDED
    ],
)
def test_whatever_redis_does_the_percent_never_falls(
    pair: Pair, counts: Counts, fault: str
) -> None:
    begins = (FAULTS | SIDED)[fault]
    pair.writer.begin(JOB_ID, 1)
    watch = Watch(
        [
            RecentProgress(pair.store(pair.reading, pair.readers_tables), REMEMBERED)
            for _ in range(PROCESSES)
        ]
    )
    breaking = threading.Thread(target=begins, args=(pair,))

    lost = run(pair.writer, watch, 1, range(1, 8))
    breaking.start()
    lost += run(pair.writer, watch, 1, range(8, 20))
    assert pair.writer.begin(JOB_ID, 2).percent == 1.9
    lost += run(pair.writer, watch, 2, range(19, 30))
    breaking.join()
    pair.writing.mode = pair.reading.mode = Mode.PASS
    lost += run(pair.writer, watch, 2, range(30, 40))
    watch.end()
    time.sleep(TRUSTED)

    assert lost == 0  # what Redis did, the converter has not heard of
    assert watch.wrong == []
    assert watch.falls == []
    assert {each.read([JOB_ID])[JOB_ID].percent for each in watch.processes} == {3.9}
    wait_until(lambda: _is_used_again(pair))
    counts("progress_never_falls", polls=watch.polls, falls=len(watch.falls), reports=40)


def _is_used_again(pair: Pair) -> bool:
    """Both sides have found it again: what was reported is in Redis, and read from there alone."""
    pair.writer.report(JOB_ID, at(3.9, 2))
    with down(pair.readers_tables):
        try:
            return pair.shown().percent == 3.9
        except RecordsUnavailable:
            return False
