"""A run for a redriven execution, what it records of its cost, and the stages that it shows."""

from __future__ import annotations

import pytest

from conversion.conversion import Conversion, Loudness
from conversion.errors import JobOver
from conversion.job import Status
from conversion.outcome import Failure
from conversion.progress import Stage
from tasks.converter.__main__ import main
from tasks.converter.convert import run
from tests.converter.sounds import Sounds
from tests.converter.world import World

FAILURE = Failure("TIMED_OUT", "It took too long; split the input.")


def test_a_newer_redrive_converts_a_failed_job_and_the_same_one_does_not(
    world: World, sounds: Sounds
) -> None:
    job = world.job(sounds.bytes("wav"), "mp3")
    world.around.jobs.give_up(job.job_id, 0, FAILURE)
    with pytest.raises(JobOver):
        run(job.job_id, world.around)

    run(job.job_id, world.around, redrive=1)

    done = world.around.jobs.get(job.job_id)
    assert (done.status, done.redrive, done.failure) == (Status.COMPLETED, 1, None)


@pytest.mark.parametrize(
    "arguments", [[], ["j1", "first"], ["j1", "-1"], ["j1", "1", "2"], ["j1", ""]]
)
def test_the_task_says_how_it_is_called(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 64
    assert capsys.readouterr().err == "usage: python -m tasks.converter JOB_ID [REDRIVE]\n"


def test_the_cost_of_all_attempts_is_recorded(world: World, sounds: Sounds) -> None:
    data = sounds.bytes("wav")
    once = world.convert(data, "mp3")
    job = world.job(data, "mp3")
    world.around.jobs.claim(job.job_id, 7)  # an attempt that left nothing
    twice = world.run(job)

    assert once.cost
    assert twice.cost
    assert once.cost.usd > 0
    assert twice.cost.vcpu_seconds >= 2 * once.cost.vcpu_seconds  # a minute each, at least
    assert twice.cost.transitions > once.cost.transitions


def test_the_cost_is_of_the_task_that_the_deployment_has(world: World, sounds: Sounds) -> None:
    data = sounds.bytes("wav")
    usual = world.convert(data, "mp3").cost
    large = world.convert(data, "mp3", task_cpu=4096, task_memory=8192).cost

    assert usual
    assert large
    # A minute each, at least: what is billed for is not how fast this machine is.
    assert (large.vcpu_seconds, large.gb_seconds) == (4 * usual.vcpu_seconds, 4 * usual.gb_seconds)
    assert large.usd > 3 * usual.usd


def test_a_job_that_fails_costs_too(world: World) -> None:
    assert (failed := world.convert(b"just some text", "mp3")).cost
    assert failed.status is Status.FAILED


def test_measuring_is_a_stage_of_its_own(world: World, sounds: Sounds) -> None:
    world.convert(sounds.bytes("wav"), Conversion("mp3", loudness=Loudness()))

    stages = list(dict.fromkeys(each.stage for each in world.reports))
    assert stages == [Stage.PROBING, Stage.MEASURING, Stage.CONVERTING, Stage.FINALIZING]
