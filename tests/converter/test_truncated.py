"""An input that was cut is never a short output that calls itself completed."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any

import pytest

from conversion.job import Status
from local.ffmpeg import Ffmpeg
from tests.converter.judge import judge
from tests.converter.recipes import RECIPES
from tests.converter.sounds import INPUTS, USUAL, Sounds
from tests.converter.world import World

# Half of a file is cut in the tests that go through S3; 99 % is the harder case.
_USUAL_PERCENT = 99
_PERCENTS = (1, 2, 5, 10, 25, 50, 75, 90, 95, 98, _USUAL_PERCENT)
_LAST_BYTES = (1, 100)
# So little may be left that nothing recognises it: of any file its first bytes, and more of what
# says nothing of its length.
_TOO_FEW_BYTES = 256
_TOO_LITTLE_PERCENT = 5
_THROUGH_S3: list[Any] = [
    *("wav", "flac", "mp3", "m4a-moov-last", "ogg"),
    *(pytest.param(each, marks=pytest.mark.long) for each in ("aiff", "mp3-vbr", "mka", "wma")),
]


def _is_default(source: str, percent: int) -> bool:
    return source in USUAL and percent == _USUAL_PERCENT


def _cuts(default: bool) -> list[tuple[str, int]]:
    """The default run's, or the others."""
    every = [(source, percent) for source in INPUTS for percent in _PERCENTS]
    return [each for each in every if _is_default(*each) is default]


def _assert_not_silent(ffmpeg: Ffmpeg, sounds: Sounds, source: str, length: int) -> None:
    """Refused as cut; or converted with a warning, where the format cannot tell; or not one sample
    was lost, because what is gone stood behind the audio."""
    whole = sounds.bytes(source)
    verdict = judge(ffmpeg, whole[:length])
    if verdict.code == "TRUNCATED_INPUT" or (verdict.code is None and verdict.is_unverified):
        return
    if verdict.code is None:
        assert verdict.samples == judge(ffmpeg, whole).samples
        return
    little = 0 if RECIPES[source].tells_end else len(whole) * _TOO_LITTLE_PERCENT // 100
    assert length <= max(_TOO_FEW_BYTES, little), verdict


@pytest.mark.parametrize(("source", "percent"), _cuts(default=True))
def test_a_cut_is_never_silent(ffmpeg: Ffmpeg, sounds: Sounds, source: str, percent: int) -> None:
    _assert_not_silent(ffmpeg, sounds, source, len(sounds.bytes(source)) * percent // 100)


@pytest.mark.long
@pytest.mark.parametrize(("source", "percent"), _cuts(default=False))
def test_nor_is_one_anywhere_else(
    ffmpeg: Ffmpeg, sounds: Sounds, source: str, percent: int
) -> None:
    _assert_not_silent(ffmpeg, sounds, source, len(sounds.bytes(source)) * percent // 100)


@pytest.mark.long
@pytest.mark.parametrize("count", _LAST_BYTES)
@pytest.mark.parametrize("source", INPUTS)
def test_nor_are_a_few_bytes_that_are_gone(
    ffmpeg: Ffmpeg, sounds: Sounds, source: str, count: int
) -> None:
    _assert_not_silent(ffmpeg, sounds, source, len(sounds.bytes(source)) - count)


@pytest.mark.parametrize("source", _THROUGH_S3)
def test_a_cut_file_is_refused_and_leaves_nothing_behind(
    world: World, sounds: Sounds, source: str
) -> None:
    whole = sounds.bytes(source)

    job = world.convert(whole[: len(whole) // 2], "mp3")

    assert job.status is Status.FAILED
    assert job.failure is not None
    assert job.failure.code == "TRUNCATED_INPUT", job.failure.message
    assert "again" in job.failure.message
    assert world.keys() == []
    assert world.open_uploads() == []


@pytest.mark.parametrize("source", ["mp3-no-xing", "wav-size-0"])
def test_what_cannot_tell_is_converted_as_far_as_it_goes_and_says_so(
    world: World, sounds: Sounds, source: str
) -> None:
    whole = sounds.bytes(source)

    job = world.convert(whole[: len(whole) // 2], "wav")

    assert job.output is not None
    assert job.output.duration_seconds == pytest.approx(2, abs=0.1)
    assert [each.code for each in job.output.warnings] == ["LENGTH_UNVERIFIED"]
    assert "compare the length" in job.output.warnings[0].message


@pytest.mark.parametrize("size", [0x7FFFF000, 0x80000000, 0xFFFFFFDB])
def test_a_size_that_stands_for_none_is_no_truncation(
    ffmpeg: Ffmpeg, sounds: Sounds, size: int
) -> None:
    """As SoX, arecord and others leave it when they write to a pipe."""
    data = bytearray(sounds.bytes("wav"))
    at = data.index(b"data") + 4
    data[at : at + 4] = size.to_bytes(4, "little")

    verdict = judge(ffmpeg, bytes(data))

    assert verdict.code is None
    assert verdict.is_unverified


@pytest.mark.parametrize("count", [1, 44, 128])
def test_a_header_that_promises_a_few_bytes_too_many_is_told(
    ffmpeg: Ffmpeg, sounds: Sounds, count: int
) -> None:
    data = bytearray(sounds.bytes("wav"))
    at = data.index(b"data") + 4
    size = int.from_bytes(data[at : at + 4], "little") + count
    data[at : at + 4] = size.to_bytes(4, "little")

    verdict = judge(ffmpeg, bytes(data))

    assert verdict.code is None
    assert verdict.is_unverified


def test_a_xing_header_that_counts_what_a_tool_cut_off_is_a_truncation(
    ffmpeg: Ffmpeg, sounds: Sounds
) -> None:
    """Cut between two frames, so that nothing is torn: only the header can tell."""
    data = sounds.bytes("mp3-vbr")
    cut = data.rfind(b"\xff\xfb", 0, len(data) * 9 // 10)

    assert judge(ffmpeg, data[:cut]).code == "TRUNCATED_INPUT"


def test_a_xing_header_that_counts_only_the_first_of_two_files_is_told(
    ffmpeg: Ffmpeg, sounds: Sounds
) -> None:
    data = sounds.bytes("mp3-vbr")

    verdict = judge(ffmpeg, data + data)

    assert verdict.code is None
    assert verdict.is_unverified
    assert verdict.samples is not None
    assert verdict.samples > 1.9 * 4 * 44_100


@pytest.mark.parametrize("source", ["flac", "mp3", "wavpack"])
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


@pytest.mark.parametrize(("source", "header"), [("adts", 7), ("mp3-no-xing", 4)])
def test_a_file_with_half_of_its_frames_damaged_is_refused_where_nothing_declares_its_length(
    world: World, sounds: Sounds, source: str, header: int
) -> None:
    data, chance = bytearray(sounds.bytes(source)), random.Random(1)
    sync = data[(first := data.find(b"\xff")) : first + 2]
    starts = [each.start() for each in re.finditer(re.escape(sync), data)]
    for start, end in itertools.pairwise(starts):
        if chance.random() < 0.5:
            data[start + header : end] = chance.randbytes(max(0, end - start - header))

    job = world.convert(bytes(data), "flac")

    assert job.failure is not None
    assert job.failure.code == "CORRUPT_INPUT", job.failure.message
    assert world.keys() == []


def test_junk_behind_a_file_that_declares_no_length_is_no_damage(
    ffmpeg: Ffmpeg, sounds: Sounds
) -> None:
    whole = sounds.bytes("mp3-no-xing")

    verdict = judge(ffmpeg, whole + random.Random(1).randbytes(20_000))

    assert verdict.code is None
    assert verdict.samples == judge(ffmpeg, whole).samples


def test_a_hole_where_nothing_counts_the_frames_is_told(ffmpeg: Ffmpeg, sounds: Sounds) -> None:
    data = bytearray(sounds.bytes("mp3-no-xing"))
    data[30_000:34_000] = random.Random(1).randbytes(4000)

    verdict = judge(ffmpeg, bytes(data))

    assert verdict.code is None
    assert {each.code for each in verdict.warnings} == {"LENGTH_UNVERIFIED", "DECODE_ERRORS"}
