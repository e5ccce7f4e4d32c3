"""An ffmpeg that goes wrong in the middle of its work, when parts of the output are in S3 already.

That it goes wrong from the start is tests/converter/test_faults.py.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from conversion.errors import Interrupted, StorageUnavailable
from conversion.job import Job, Status
from conversion.stores.objects import Objects, Part
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.faults.conftest import Through
from tests.faults.plans import Fault, Kind, Outage
from tests.faults.proxy import Proxy

_PARTS = 64 * 1024


@pytest.fixture
def pids(caplog: pytest.LogCaptureFixture) -> Callable[[], list[int]]:
    """The process ids of every ffmpeg that was started."""
    caplog.set_level(logging.INFO, "tasks")
    return lambda: [record.__dict__["pid"] for record in caplog.records if hasattr(record, "pid")]


def _at_part(world: World, which: int, strike: Callable[[], None]) -> Callable[[str], Objects]:
    """The bucket, where `strike` is called when this part of the output arrives."""

    class Struck(Objects):
        def put_part(self, key: str, upload_id: str, number: int, body: bytes | bytearray) -> Part:
            if number == which:
                strike()
            return super().put_part(key, upload_id, number, body)

    return lambda bucket: Struck(world.s3, bucket)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _nothing_is_left(world: World, pids: list[int]) -> bool:
    no_child = len(pids) > 0 and all(_is_gone(pid) for pid in pids)
    return no_child and not world.open_uploads() and not world.keys()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGSTOP, "CONVERTER_STALLED"), (signal.SIGSEGV, "CORRUPT_INPUT")],
    ids=["hangs", "crashes"],
)
def test_an_ffmpeg_that_goes_wrong_in_mid_output(
    world: World,
    sounds: Sounds,
    pids: Callable[[], list[int]],
    number: signal.Signals,
    code: str,
) -> None:
    job = world.convert(
        sounds.long_wav(60).read_bytes(),
        "wav",
        objects=_at_part(world, 3, lambda: os.kill(pids()[-1], number)),
        first_part_bytes=_PARTS,
        stall_seconds=0.5,
    )

    assert job.failure is not None
    assert job.failure.code == code
    assert _nothing_is_left(world, pids())


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, marks=pytest.mark.long),
        signal.SIGTERM,
    ],
)
def test_an_ffmpeg_that_is_killed_from_outside_is_tried_again(
    world: World, sounds: Sounds, pids: Callable[[], list[int]], number: signal.Signals
) -> None:
    """SIGTERM makes ffmpeg end its file as if the input were over: short, and playable."""
    job: Job = world.job(sounds.long_wav(60).read_bytes(), "wav")

    with pytest.raises(Interrupted):
        world.run(
            job,
            objects=_at_part(world, 3, lambda: os.kill(pids()[-1], number)),
            first_part_bytes=_PARTS,
        )
    assert _nothing_is_left(world, pids())

    assert world.run(job).status is Status.COMPLETED


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param("yes '[warning] nothing to see' | head -c 5000000", marks=pytest.mark.long),
        "head -c 10000000 /dev/zero | tr '\\0' x",
        pytest.param("head -c 10000000 /dev/urandom", marks=pytest.mark.long),
    ],
    ids=["lines", "one endless line", "noise"],
)
def test_an_ffmpeg_that_floods_its_log_still_converts(
    world: World, sounds: Sounds, tmp_path: Path, flood: str
) -> None:
    data = sounds.bytes("wav")
    whole = world.output(world.convert(data, "flac"))
    chatty = tmp_path / "ffmpeg"
    chatty.write_text(f'#!/bin/sh\n({flood}) >&2 &\n{world.settings.ffmpeg} "$@"\n')
    chatty.chmod(0o755)

    assert world.output(world.convert(data, "flac", ffmpeg=str(chatty))) == whole


@pytest.mark.parametrize("fault", [Fault(Kind.REFUSE, reset=True), Fault(Kind.CUT_ANSWER, 0.0)])
def test_a_source_that_does_not_come_back_is_no_fault_of_the_input(
    world: World,
    sounds: Sounds,
    endpoint: str,
    through: Through,
    pids: Callable[[], list[int]],
    fault: Fault,
) -> None:
    """ffmpeg takes it for the end of the file, and would end well."""
    job = world.job(sounds.long_wav(60).read_bytes(), "wav")

    with (
        Proxy(endpoint, Outage("GetObject", 60, fault)) as proxy,
        pytest.raises(StorageUnavailable, match="bytes of the source"),
    ):
        world.run(job, **through(proxy), first_part_bytes=_PARTS)

    assert _nothing_is_left(world, pids())
    assert any(request.operation == "UploadPart" for request in proxy.seen)
