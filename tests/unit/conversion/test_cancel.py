"""Cancelling in every state, twice: what the caller is told, and what is left running."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversion.cancel import cancel
from conversion.errors import JobExpired, JobFinished, JobNotFound, JobOver
from conversion.execution import ExecutionStatus
from conversion.job import Status
from conversion.outcome import Failure
from tests.contract.examples import OUTPUT
from tests.contract.throttled import refused
from tests.unit.conversion.world import World

State = Callable[[World], None]


def wait(world: World) -> None:
    world.most = 1
    world.begin("another")
    world.begin()


def fail(world: World) -> None:
    world.claim()
    world.jobs.fail("job", 1, Failure("CORRUPT_INPUT", "It is."))


OPEN: dict[str, State] = {
    "waiting for a slot": wait,
    "started": lambda world: world.begin() and None,
    "claimed": lambda world: world.claim() and None,
}
FINISHED: dict[str, State] = {"completed": lambda world: world.complete(), "failed": fail}


@pytest.mark.parametrize("state", OPEN.values(), ids=OPEN)
def test_what_is_not_over_is_cancelled_and_again_no_error(world: World, state: State) -> None:
    state(world)
    before = world.execution()

    for _ in range(2):
        assert cancel("job", world.jobs, world.executions).status is Status.CANCELLED
        assert world.status() == "cancelled"
        assert world.execution() == (before and ExecutionStatus.ABORTED)


@pytest.mark.parametrize("state", FINISHED.values(), ids=FINISHED)
def test_what_has_an_outcome_keeps_it(world: World, state: State) -> None:
    state(world)
    before = world.jobs.get("job")

    for _ in range(2):
        with pytest.raises(JobFinished):
            cancel("job", world.jobs, world.executions)
    assert world.jobs.get("job") == before
    assert world.execution() is ExecutionStatus.RUNNING  # it ends by itself


def test_what_nobody_knows_cannot_be_cancelled(world: World) -> None:
    for _ in range(2):
        with pytest.raises(JobNotFound):
            cancel("job", world.jobs, world.executions)


def test_what_has_expired_cannot_be_cancelled(world: World) -> None:
    world.claim()
    world.clock.advance(days=8)
    for _ in range(2):
        with pytest.raises(JobExpired):
            cancel("job", world.jobs, world.executions)


def test_an_outage_cancels_all_the_same_and_cancelling_again_stops(world: World) -> None:
    world.claim()
    with refused(world.step_functions, "StopExecution") as refusals:
        assert cancel("job", world.jobs, world.executions).status is Status.CANCELLED
    assert refusals.count == 1
    assert world.execution() is ExecutionStatus.RUNNING

    cancel("job", world.jobs, world.executions)
    assert world.execution() is ExecutionStatus.ABORTED


def test_a_converter_that_works_on_cannot_complete_it(world: World) -> None:
    claimed = world.claim()
    cancel("job", world.jobs, world.executions)

    with pytest.raises(JobOver):
        world.jobs.complete("job", claimed.attempt, OUTPUT)
    with pytest.raises(JobOver):
        world.jobs.claim("job", 7)
    assert world.status() == "cancelled"


def test_an_execution_that_ended_in_that_moment_is_no_error(world: World) -> None:
    world.claim()
    world.end_execution("job", "FAILED")

    assert cancel("job", world.jobs, world.executions).status is Status.CANCELLED
