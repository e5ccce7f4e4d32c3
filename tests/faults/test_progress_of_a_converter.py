"""The converter, while its Redis or its DynamoDB fails: the one it never hears of, and without the
other it neither begins nor ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from conversion.errors import RecordsUnavailable
from conversion.job import Status
from conversion.stores.redis_first import RedisFirst
from conversion.stores.redis_progress import RedisProgress
from local.redis import Redis
from tasks.converter import __main__ as command
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.faults.conftest import Through
from tests.faults.counts import Counts
from tests.faults.link import Link, Mode
from tests.faults.pair import redis_at
from tests.faults.plans import Fault, Kind, Outage
from tests.faults.proxy import Proxy


@pytest.fixture
def linked(redis_server: Redis) -> Iterator[Link]:
    with Link(redis_server.port) as link:
        yield link


def with_redis(through: Through, proxy: Proxy, link: Link) -> dict[str, Any]:
    around = through(proxy)
    around["progress"] = RedisFirst(RedisProgress(redis_at(link.port)), around["progress"])
    return around


@pytest.mark.parametrize(
    "mode",
    [
        Mode.BLACK_HOLE,
        *(pytest.param(m, marks=pytest.mark.long) for m in Mode if m is not Mode.BLACK_HOLE),
    ],
)
def test_a_conversion_does_not_fail_because_of_redis(
    world: World, through: Through, linked: Link, sounds: Sounds, mode: Mode, counts: Counts
) -> None:
    linked.mode = mode
    with Proxy(world_endpoint()) as proxy:
        done = world.run(
            world.job(sounds.bytes("wav"), "mp3"), **with_redis(through, proxy, linked)
        )
    assert done.status is Status.COMPLETED
    assert proxy.percents == sorted(proxy.percents)
    counts("progress_of_a_converter", conversions=1)


def world_endpoint() -> str:
    return os.environ["AWS_ENDPOINT_URL"]


CLAIM, FINISH = ("UpdateItem jobs", 1), ("UpdateItem jobs", 2)
BEGIN, REPORT = ("UpdateItem progress", 1), ("UpdateItem progress", 2)
FAULTS = {
    "throttled": Fault(Kind.REFUSE, reset=True),
    "unwell": Fault(Kind.REFUSE),
    "out of reach": Fault(Kind.CUT_REQUEST, at=0, reset=True),
}
USUAL = (CLAIM, "throttled"), (BEGIN, "unwell"), (FINISH, "out of reach")


@pytest.mark.parametrize(
    ("at", "fault"),
    [
        pytest.param(
            at,
            fault,
            id=f"{name}, {fault}",
            marks=[] if (at, fault) in USUAL else pytest.mark.long,
        )
        for name, at in {"claim": CLAIM, "begin": BEGIN, "finish": FINISH}.items()
        for fault in FAULTS
    ],
)
def test_what_dynamodb_refuses_to_record_is_tried_again(
    world: World,
    through: Through,
    linked: Link,
    sounds: Sounds,
    at: tuple[str, int],
    fault: str,
    counts: Counts,
) -> None:
    """By the next attempt, and a claim that was refused is none: the job is as it was."""
    job = world.job(sounds.bytes("wav"), "mp3")
    with (
        Proxy(world_endpoint(), Outage(*at, FAULTS[fault])) as proxy,
        pytest.raises(RecordsUnavailable),
    ):
        world.run(job, **with_redis(through, proxy, linked))
    left = world.around.jobs.get(job.job_id)
    claimed = 0 if at == CLAIM else 1
    assert (left.status, left.attempt) == ([Status.CREATED, Status.PROCESSING][claimed], claimed)
    with Proxy(world_endpoint()) as proxy:
        done = world.run(job, **with_redis(through, proxy, linked))
    assert (done.status, done.attempt) == (Status.COMPLETED, claimed + 1)
    assert proxy.percents == sorted(proxy.percents)
    counts("progress_of_a_converter", conversions=1)


@pytest.mark.parametrize(
    "fault",
    [pytest.param(each, marks=[] if each == "throttled" else pytest.mark.long) for each in FAULTS],
)
def test_a_report_that_dynamodb_refuses_stops_no_conversion(
    world: World, through: Through, linked: Link, sounds: Sounds, fault: str, counts: Counts
) -> None:
    job = world.job(sounds.bytes("wav"), "mp3")
    with Proxy(world_endpoint(), Outage(*REPORT, FAULTS[fault])) as proxy:
        done = world.run(job, **with_redis(through, proxy, linked))
    assert (done.status, done.attempt) == (Status.COMPLETED, 1)
    assert proxy.spoilt
    counts("progress_of_a_converter", conversions=1)


def test_a_converter_whose_claim_is_refused_says_try_again(
    world: World, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its command in this process, without its log and its signals: it tries for a minute before,
    which is pauses that this process has not."""
    job = world.job(sounds.bytes("wav"), "mp3")
    monkeypatch.setattr(command, "to_stdout", lambda _: None)
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    with Proxy(world_endpoint(), Outage(*CLAIM, FAULTS["throttled"])) as proxy:
        for name, value in (world.settings.to_env() | {"AWS_ENDPOINT_URL": proxy.url}).items():
            monkeypatch.setenv(name, value)
        assert command.main([job.job_id]) == command.TRY_AGAIN
    assert proxy.spoilt
    assert world.around.jobs.get(job.job_id).status is Status.CREATED
