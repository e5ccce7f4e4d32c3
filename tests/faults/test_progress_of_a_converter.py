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


@pytest.mark.parametrize(
    ("operation", "first"),
    [("UpdateItem progress", 1), ("UpdateItem progress", 2), ("UpdateItem jobs", 2)],
    ids=["at claim", "mid-run", "at finish"],
)
def test_dynamodb_down_at_a_time(
    world: World,
    through: Through,
    linked: Link,
    sounds: Sounds,
    operation: str,
    first: int,
    counts: Counts,
) -> None:
    """Before it begins and before it has finished it is tried again; in between it goes on."""
    job = world.job(sounds.bytes("wav"), "mp3")
    with Proxy(world_endpoint(), Outage(operation, first, Fault(Kind.REFUSE))) as proxy:
        around = with_redis(through, proxy, linked)
        if (operation, first) == ("UpdateItem progress", 2):
            assert world.run(job, **around).status is Status.COMPLETED
            counts("progress_of_a_converter", conversions=1)
            return
        with pytest.raises(RecordsUnavailable):
            world.run(job, **around)
    assert world.around.jobs.get(job.job_id).status is Status.PROCESSING
    with Proxy(world_endpoint()) as proxy:
        done = world.run(job, **with_redis(through, proxy, linked))
    assert (done.status, done.attempt) == (Status.COMPLETED, 2)
    assert proxy.percents == sorted(proxy.percents)
    counts("progress_of_a_converter", conversions=1)
