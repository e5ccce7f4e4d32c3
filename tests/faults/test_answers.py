"""Answers of S3 that look well and are not what was asked for."""

from __future__ import annotations

import pytest

from conversion.errors import StorageUnavailable
from conversion.job import Status
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.faults.conftest import Through
from tests.faults.plans import Certain, Fault, Kind, Outage, Request
from tests.faults.proxy import Proxy

_PARTS = 64 * 1024


def _nothing_else(_: Request) -> Fault | None:
    return None


def test_a_store_that_ignores_ranges_is_not_believed(
    world: World, sounds: Sounds, endpoint: str, through: Through
) -> None:
    data = sounds.bytes("wav")
    whole = world.output(world.convert(data, "flac"))

    job = world.job(data, "flac")
    with Proxy(endpoint, Certain("GetObject", 3, Fault(Kind.WHOLE), _nothing_else)) as proxy:
        done = world.run(job, **through(proxy), first_part_bytes=_PARTS)
    assert world.output(done) == whole

    job = world.job(data, "flac")
    with (
        Proxy(endpoint, Outage("GetObject", 3, Fault(Kind.WHOLE))) as proxy,
        pytest.raises(StorageUnavailable),
    ):
        world.run(job, **through(proxy), first_part_bytes=_PARTS)


@pytest.mark.parametrize("at", [0.0, 0.3, 0.99])
def test_answers_shorter_than_asked_for_are_put_together(
    world: World, sounds: Sounds, endpoint: str, through: Through, at: float
) -> None:
    data = sounds.bytes("wav")
    whole = world.output(world.convert(data, "flac"))
    job = world.job(data, "flac")

    def every_other(request: Request) -> Fault | None:
        """Five with nothing in them: six could meet the same block, and that is given up."""
        is_hit = request.operation == "GetObject" and request.ordinal % 2
        return Fault(Kind.SHORTEN, at) if is_hit and (at or request.ordinal < 10) else None

    with Proxy(endpoint, every_other) as proxy:
        done = world.run(job, **through(proxy), first_part_bytes=_PARTS)

    assert world.output(done) == whole
    assert len(proxy.spoilt) >= 5


@pytest.mark.parametrize("kind", [Kind.LOSE, Kind.CUT_ANSWER, Kind.ERROR_IN_200])
def test_a_completion_of_which_nothing_is_heard_is_found_by_a_look_at_the_object(
    world: World, sounds: Sounds, endpoint: str, through: Through, kind: Kind
) -> None:
    data = sounds.bytes("wav")
    whole = world.output(world.convert(data, "flac"))
    job = world.job(data, "flac")

    plan = Certain("CompleteMultipartUpload", 1, Fault(kind, 0.9, reset=True), _nothing_else)
    with Proxy(endpoint, plan) as proxy:
        done = world.run(job, **through(proxy), first_part_bytes=_PARTS)

    assert done.attempt == 1
    assert done.status is Status.COMPLETED
    assert world.output(done) == whole
    assert sum(each.operation == "CompleteMultipartUpload" for each in proxy.seen) == 2


@pytest.mark.parametrize("kind", [Kind.LOSE, Kind.CUT_ANSWER])
def test_a_finish_of_which_nothing_is_heard_is_recorded_once(
    world: World, sounds: Sounds, endpoint: str, through: Through, kind: Kind
) -> None:
    job = world.job(sounds.bytes("wav"), "flac")

    plan = Certain("UpdateItem jobs", 2, Fault(kind, 0.9, reset=True), _nothing_else)
    with Proxy(endpoint, plan) as proxy:
        done = world.run(job, **through(proxy), first_part_bytes=_PARTS)

    assert done.attempt == 1
    assert done.status is Status.COMPLETED
    assert world.keys() == [done.output.key if done.output else ""]


@pytest.mark.parametrize("is_over", [False, True], ids=["then works", "never works"])
def test_an_upload_whose_beginning_was_not_heard_of_is_not_left_open(
    world: World, sounds: Sounds, endpoint: str, through: Through, is_over: bool
) -> None:
    job = world.job(sounds.bytes("wav"), "flac")
    lost = Fault(Kind.LOSE)
    once = Certain("CreateMultipartUpload", 1, lost, _nothing_else)
    plan = Outage("CreateMultipartUpload", 1, lost) if is_over else once

    with Proxy(endpoint, plan) as proxy:
        try:
            world.run(job, **through(proxy), first_part_bytes=_PARTS)
        except StorageUnavailable:
            assert is_over

    assert world.open_uploads() == []
