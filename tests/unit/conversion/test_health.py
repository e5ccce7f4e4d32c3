"""How well a deployment is: side by side, in time, and by what its failures mean."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from conversion.health import Capacity, Check, Checked, Health, State, count, look
from conversion.job import Status
from tests.contract.examples import JOB, a_job

MOST = Capacity(most_running=100, most_waiting=1000, most_open=1000)
ROOM = replace(MOST, running=3, waiting=0, open=1)
SECONDS = 5.0


def fine() -> None:
    return None


def broken() -> None:
    raise OSError("arn:aws:s3:::secret says no")


def check(name: str, ask: Any = fine, is_vital: bool = False) -> Check:
    return Check(name, ask, f"{name} fails.", is_vital)


def health(*checks: Check, capacity: Capacity = ROOM) -> Health:
    return look(checks, MOST, lambda: capacity, SECONDS)


def test_where_everything_answers_all_is_well() -> None:
    found = health(check("s3", is_vital=True), check("ecs"))

    assert found.state is State.OK
    assert [(each.name, each.problem) for each in found.checks] == [("s3", None), ("ecs", None)]
    assert found.capacity == ROOM


def test_without_files_or_records_it_is_down() -> None:
    assert health(check("s3", broken, is_vital=True), check("ecs")).state is State.DOWN


def test_without_anything_else_it_is_degraded() -> None:
    assert health(check("s3", is_vital=True), check("ecs", broken)).state is State.DEGRADED


def test_a_failure_says_what_it_means_and_nothing_of_its_error() -> None:
    (checked,) = health(check("ecs", broken)).checks

    assert checked.problem == "ecs fails."
    assert "secret" not in repr(checked)


@pytest.mark.parametrize(
    ("taken", "state"),
    [
        ({"running": 100, "waiting": 1000}, State.DEGRADED),
        ({"running": 99, "waiting": 1000}, State.OK),  # a slot is free, and the next one begins
        ({"open": 1000}, State.DEGRADED),
        ({"waiting": 999, "open": 999}, State.OK),
        ({"running": 100}, State.OK),  # then jobs wait, and nobody is refused
        ({"running": None, "waiting": None, "open": None}, State.OK),
    ],
)
def test_where_more_is_refused_it_is_degraded(taken: dict[str, Any], state: State) -> None:
    assert health(check("s3"), capacity=replace(ROOM, **taken)).state is state


def test_checks_are_asked_side_by_side() -> None:
    """Each waits for all others: one after the other, none would ever end."""
    together = threading.Barrier(4, timeout=SECONDS)

    found = health(*[check(name, lambda: together.wait() and None) for name in "abcd"])

    assert found.state is State.OK


def test_what_does_not_answer_in_time_has_failed() -> None:
    hangs = threading.Event()

    def ask() -> None:
        hangs.wait(2 * SECONDS)

    def counts() -> Capacity:
        hangs.wait(2 * SECONDS)
        return ROOM

    began = time.monotonic()
    found = look([check("ecs", ask), check("s3")], MOST, counts, 0.05)
    took = time.monotonic() - began
    hangs.set()

    assert took < SECONDS
    assert [each.problem for each in found.checks] == ["ecs fails.", None]
    assert found.checks[0].milliseconds >= 50
    assert found.capacity == MOST


def test_a_check_that_measures_itself_is_believed() -> None:
    (checked,) = health(check("redis", lambda: 0.4)).checks
    assert checked == Checked("redis", 0.4, is_vital=False)


def test_a_check_is_timed() -> None:
    (checked,) = health(check("s3", lambda: time.sleep(0.02))).checks
    assert 20 <= checked.milliseconds < 1000


def test_without_its_counts_the_capacity_is_what_there_is_in_all() -> None:
    found = look([check("s3")], MOST, broken, SECONDS)
    assert (found.capacity, found.state) == (MOST, State.OK)


class _Slots:
    most = 100

    def holders(self) -> frozenset[str]:
        return frozenset({JOB.job_id, "b" * 32})


class _Jobs:
    def __init__(self, *jobs: Any) -> None:
        self.read = 0
        self._jobs = jobs

    def of_status(self, status: Status) -> Any:
        assert status is Status.CREATED
        for each in self._jobs:
            self.read += 1
            yield each


class _Uploads:
    def count_open(self, most: int) -> int:
        return min(7, most)


def test_a_job_that_has_its_slot_does_not_wait() -> None:
    jobs = _Jobs(JOB, a_job(job_id="c" * 32))

    assert count(_Slots(), jobs, _Uploads(), MOST) == replace(MOST, running=2, waiting=1, open=7)


def test_nothing_is_counted_further_than_the_most() -> None:
    jobs = _Jobs(*[a_job(job_id=f"{number:032x}") for number in range(50)])

    found = count(_Slots(), jobs, _Uploads(), Capacity(100, most_waiting=5, most_open=3))

    assert (found.waiting, found.open) == (5, 3)
    assert jobs.read == 5
