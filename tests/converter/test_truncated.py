"""An input that was cut is never a short output that calls itself completed."""

from __future__ import annotations

import random

import pytest

from conversion.job import Status
from tests.converter.sounds import INPUTS, Sounds
from tests.converter.world import World

# Without a Xing header an MP3 is a row of frames: any number of them is a whole file.
CANNOT_TELL = {"mp3-no-xing"}


@pytest.mark.parametrize(
    "percent", [50, *(pytest.param(each, marks=pytest.mark.long) for each in (3, 10, 30, 70, 80))]
)
@pytest.mark.parametrize("source", sorted(set(INPUTS) - CANNOT_TELL))
def test_a_cut_file_is_refused(world: World, sounds: Sounds, source: str, percent: int) -> None:
    whole = sounds.bytes(source)

    job = world.convert(whole[: len(whole) * percent // 100], "mp3")

    assert job.status is Status.FAILED
    assert job.failure is not None
    assert job.failure.code == "TRUNCATED_INPUT", job.failure.message
    assert "again" in job.failure.message
    assert world.keys() == []
    assert world.open_uploads() == []


@pytest.mark.parametrize("source", sorted(CANNOT_TELL))
def test_what_cannot_tell_is_converted_as_far_as_it_goes(
    world: World, sounds: Sounds, source: str
) -> None:
    whole = sounds.bytes(source)

    job = world.convert(whole[: len(whole) // 2], "wav")

    assert job.output is not None
    assert job.output.duration_seconds == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_that_does_not_know_its_size_is_whole(
    world: World, sounds: Sounds, size: int
) -> None:
    data = bytearray(sounds.bytes("wav"))
    at = data.index(b"data") + 4
    data[at : at + 4] = size.to_bytes(4, "little")

    job = world.convert(bytes(data), "flac")

    assert job.status is Status.COMPLETED, job.failure


@pytest.mark.parametrize("source", ["flac", "mp3"])
def test_a_hole_in_the_middle_is_not_passed_over(world: World, sounds: Sounds, source: str) -> None:
    data = bytearray(sounds.bytes(source))
    middle = len(data) // 2
    data[middle : middle + 4000] = random.Random(1).randbytes(4000)

    job = world.convert(bytes(data), "wav")

    assert job.failure is not None
    assert job.failure.code == "CORRUPT_INPUT", job.failure.message
    assert world.keys() == []


def test_garbage_after_the_last_frame_is_no_truncation(world: World, sounds: Sounds) -> None:
    job = world.convert(sounds.bytes("mp3") + b"TAG" + bytes(125) + b"trailing words" * 50, "wav")

    assert job.status is Status.COMPLETED, job.failure
