"""200 conversions over a network that breaks: the same object, or "try again" and then the same.

A fault that passes must never become a failure that stays: of all codes only those of
TransientError are taken here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conversion.errors import JobOver, TransientError
from conversion.job import Job, Status
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.faults.conftest import Through
from tests.faults.plans import Certain, Dice, Fault, Kind, Outage, Request, kinds
from tests.faults.proxy import Proxy

# Source, target, and parts small enough for a few of them.
_PAIRS = [
    ("wav", "flac", 64 * 1024),
    ("flac", "wav", 64 * 1024),
    ("m4a-moov-last", "mp3", 16 * 1024),
    ("wav", "m4a", 16 * 1024),
    ("mp3", "wav", 64 * 1024),
    ("ogg", "flac", 64 * 1024),
]
_ONE_PART = 8 * 1024**2
# One that cannot be aborted or taken back stays: that is S3's fault, and the lifecycle rule's work.
_SPARED = ("AbortMultipartUpload", "DeleteObject")
# With how many of them every run makes at least.
_OPERATIONS = {
    "GetObject": 3,
    "CreateMultipartUpload": 1,
    "UploadPart": 3,
    "CompleteMultipartUpload": 1,
    "HeadObject": 1,
    "PutObject": 1,
    "UpdateItem jobs": 2,
    "UpdateItem progress": 3,
}
_RATES = [0.05, 0.15, 0.35]
# An operation that meets these every time still works.
_HARMLESS = (Kind.DELAY, Kind.SHORTEN)


@dataclass(frozen=True)
class Draw:
    """What one seed stands for. Each operation meets each kind of fault at least once for certain;
    every ninth seed is an outage of one operation that does not end; the rest is luck."""

    seed: int

    @property
    def operation(self) -> str:
        return list(_OPERATIONS)[self.seed % len(_OPERATIONS)]

    @property
    def conversion(self) -> tuple[str, str, int]:
        """Source, target, bytes of a part."""
        source, target, parts = _PAIRS[self.seed % len(_PAIRS)]
        return source, target, _ONE_PART if self.operation == "PutObject" else parts

    def plan(self) -> Callable[[Request], Fault | None]:
        luck = random.Random(self.seed)
        is_outage = self.seed % 9 == 8
        able = [each for each in kinds(self.operation) if each not in _HARMLESS or not is_outage]
        kind = able[self.seed // len(_OPERATIONS) % len(able)]
        fault = Fault(kind, luck.random(), luck.random() < 0.5)
        if is_outage:
            return Outage(self.operation, luck.randint(1, _OPERATIONS[self.operation]), fault)
        return Certain(self.operation, 1, fault, Dice(self.seed, luck.choice(_RATES), _SPARED))


@pytest.fixture(scope="module")
def whole() -> dict[tuple[str, str, int], bytes]:
    """What each pair becomes when nothing goes wrong: filled as the seeds come by."""
    return {}


@pytest.mark.parametrize(
    "seed", [*range(5), *(pytest.param(each, marks=pytest.mark.long) for each in range(5, 200))]
)
def test_a_network_that_breaks_ends_in_the_same_object_or_in_try_again(
    world: World,
    sounds: Sounds,
    endpoint: str,
    through: Through,
    whole: dict[tuple[str, str, int], bytes],
    seed: int,
) -> None:
    draw = Draw(seed)
    source, target, parts = draw.conversion
    data = sounds.bytes(source)
    if draw.conversion not in whole:
        whole[draw.conversion] = world.output(world.convert(data, target, first_part_bytes=parts))
    job = world.job(data, target)

    with Proxy(endpoint, draw.plan()) as proxy:
        try:
            done = world.run(job, **through(proxy), first_part_bytes=parts)
        except TransientError:
            _nothing_half_done(world, job, proxy)
            done = _again(world, job, parts)

    assert done.status is Status.COMPLETED, (done.failure, proxy.spoilt)
    assert world.output(done) == whole[draw.conversion]
    assert proxy.spoilt
    assert proxy.percents == sorted(proxy.percents)
    assert world.open_uploads() == []


def _nothing_half_done(world: World, job: Job, proxy: Proxy) -> None:
    """After "try again": no object but one whose record may have been written."""
    assert world.open_uploads() == []
    finishes = [each for each in proxy.seen if each.operation == "UpdateItem jobs"]
    objects = world.keys()
    assert sum(job.job_id in key for key in objects) <= (1 if len(finishes) > 1 else 0)


def _again(world: World, job: Job, parts: int) -> Job:
    """The next attempt, unless the outcome was recorded and only its answer lost."""
    try:
        return world.run(job, first_part_bytes=parts)
    except JobOver:
        return world.around.jobs.get(job.job_id)
