"""The waveform of what was encoded: against peaks counted here, and beside an output that does not
change for it."""

from __future__ import annotations

import json
import logging
import struct
from pathlib import Path
from typing import Any

import pytest

from conversion.conversion import Conversion, Loudness, Waveform
from conversion.cost import Cost
from conversion.errors import JobOver
from conversion.formats import FORMATS
from conversion.job import Job, Status
from conversion.outcome import Failure, Mode, Output
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from tests.converter.sounds import Sounds
from tests.converter.world import World

_PARTS = 64 * 1024


def _document(world: World, job: Job) -> dict[str, Any]:
    assert job.output is not None, job.failure
    assert job.output.waveform is not None
    return json.loads(world.object(job.output.waveform.json))


def _counted(pcm: bytes, channels: int, samples_per_pixel: int) -> list[int]:
    """The least and greatest of each pixel, of the mean of the channels, in 8 bits."""
    samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)
    mono = [sum(samples[at : at + channels]) / channels for at in range(0, len(samples), channels)]
    pixels = [mono[at : at + samples_per_pixel] for at in range(0, len(mono), samples_per_pixel)]
    return [int(level / 256) for each in pixels for level in (min(each), max(each))]


@pytest.mark.parametrize("samples_per_pixel", [512, pytest.param(37, marks=pytest.mark.long)])
def test_the_peaks_are_those_of_the_output(
    world: World, sounds: Sounds, samples_per_pixel: int
) -> None:
    asked = Conversion(
        "wav", start_seconds=0.5, end_seconds=3.25, fade_in_seconds=1, fade_out_seconds=1,
        loudness=Loudness(-16.0, -1.0), waveform=Waveform(samples_per_pixel),
    )  # fmt: skip
    job = world.convert(sounds.bytes("wav"), asked)

    pcm = sounds.pcm(world.output(job))
    document = _document(world, job)
    data = document.pop("data")
    assert document == {
        "version": 2,
        "channels": 1,
        "sample_rate": 44_100,
        "samples_per_pixel": samples_per_pixel,
        "bits": 8,
        "length": -(-len(pcm) // 4 // samples_per_pixel),
    }
    counted = _counted(pcm, 2, samples_per_pixel)
    assert len(data) == 2 * document["length"] == len(counted)
    # One unit where the mean of two channels is rounded to 16 bits across a border of 8.
    assert all(abs(one - other) <= 1 for one, other in zip(data, counted, strict=True))
    assert sum(one != other for one, other in zip(data, counted, strict=True)) < len(data) / 50


@pytest.mark.parametrize(("source", "channels"), [("wav", 1), ("mp3", 2)])
def test_peaks_of_a_plain_conversion(
    world: World, sounds: Sounds, source: str, channels: int
) -> None:
    asked = Conversion("wav", waveform=Waveform(), channels=channels, bit_depth=16)
    job = world.convert(sounds.bytes(source), asked)
    data = _document(world, job)["data"]
    counted = _counted(sounds.pcm(world.output(job)), channels, 512)
    assert len(data) == len(counted)
    assert all(abs(one - other) <= 1 for one, other in zip(data, counted, strict=True))


_USUAL = ["mp3", "opus"]


@pytest.mark.parametrize(
    "asked",
    [
        *_USUAL,
        *(pytest.param(each, marks=pytest.mark.long) for each in FORMATS if each not in _USUAL),
    ],
)
@pytest.mark.parametrize("source", ["m4a-moov-last", pytest.param("wav", marks=pytest.mark.long)])
def test_the_output_is_the_same_with_and_without_a_waveform(
    world: World, sounds: Sounds, source: str, asked: str
) -> None:
    data = sounds.bytes(source)
    plain = world.convert(data, asked)
    drawn = world.convert(data, Conversion(asked, waveform=Waveform()))
    assert world.output(drawn) == world.output(plain)
    assert drawn.output is not None
    assert drawn.output.mode is Mode.STREAM


@pytest.mark.parametrize("rate", [48_000, pytest.param(8_000, marks=pytest.mark.long)])
def test_a_resampled_output_is_the_same_too_and_the_waveform_as_long(
    world: World, sounds: Sounds, rate: int
) -> None:
    plain = world.convert(sounds.bytes("wav"), Conversion("flac", sample_rate=rate))
    drawn = world.convert(
        sounds.bytes("wav"), Conversion("flac", sample_rate=rate, waveform=Waveform())
    )
    document = _document(world, drawn)
    assert world.output(drawn) == world.output(plain)
    lasts = document["length"] * document["samples_per_pixel"] / document["sample_rate"]
    assert lasts == pytest.approx(4.0, abs=0.02)


def test_both_objects_have_their_types_and_stand_beside_the_output(
    world: World, sounds: Sounds
) -> None:
    job = world.convert(sounds.bytes("mp3"), Conversion("mp3", waveform=Waveform()))

    assert job.output is not None
    assert job.output.waveform == job.waveform_keys(1)
    assert sorted(world.keys()) == sorted(
        [job.output.key, job.output.waveform.json, job.output.waveform.png]
    )
    types = {
        key: world.s3.head_object(Bucket=world.settings.bucket, Key=key)["ContentType"]
        for key in (job.output.waveform.json, job.output.waveform.png)
    }
    assert types[job.output.waveform.json] == "application/json"
    assert types[job.output.waveform.png] == "image/png"
    assert world.object(job.output.waveform.png).startswith(b"\x89PNG\r\n\x1a\n")


def test_a_file_with_surround_is_drawn_in_one_channel(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    tones = "|".join(f"0.1*{each}*sin(2*PI*{330 + 60 * each}*t)" for each in range(1, 7))
    path = tmp_path / "surround"
    source = ["-f", "lavfi", "-i", f"aevalsrc=exprs='{tones}':s=48000:d=2:c=5.1"]
    sounds.make(path, [*source, "-c:a", "pcm_s16le", "-f", "wav"])

    job = world.convert(path.read_bytes(), Conversion("wav", waveform=Waveform()))

    counted = _counted(sounds.pcm(path.read_bytes()), 6, 512)
    data = _document(world, job)["data"]
    assert all(abs(one - other) <= 1 for one, other in zip(data, counted, strict=True))


class _Refusing(Objects):
    """S3 takes no pictures."""

    def put(self, key: str, body: bytes, media_type: str) -> str:
        if key.endswith(".png"):
            raise ValueError("not today")
        return super().put(key, body, media_type)


def test_nothing_is_left_when_the_picture_cannot_be_stored(world: World, sounds: Sounds) -> None:
    job = world.job(sounds.bytes("wav"), Conversion("mp3", waveform=Waveform()))
    with pytest.raises(ValueError, match="not today"):
        world.run(job, objects=lambda bucket: _Refusing(world.s3, bucket))
    assert world.keys() == []
    assert world.open_uploads() == []


class _Over(Jobs):
    def complete(self, job_id: str, attempt: int, output: Output, cost: Cost | None = None) -> None:
        raise JobOver("It was cancelled.")


def test_a_fenced_attempt_takes_its_waveform_back(world: World, sounds: Sounds) -> None:
    job = world.job(sounds.bytes("wav"), Conversion("mp3", waveform=Waveform()))
    with pytest.raises(JobOver):
        world.run(job, jobs=_Over(world.dynamodb, world.settings.jobs_table))
    assert world.keys() == []


def test_a_file_on_the_way_changes_neither_loudness_nor_waveform(
    world: World, sounds: Sounds, caplog: pytest.LogCaptureFixture
) -> None:
    """A cover over one part would carry the Xing header away, which is known beforehand."""
    path = sounds.folder / "noise.jpg"
    noise = ["-f", "lavfi", "-i", "nullsrc=s=640x640,geq=lum='random(1)*255':cb=128:cr=128"]
    sounds.make(path, [*noise, "-frames:v", "1", "-q:v", "2", "-f", "mjpeg"])
    data = sounds.with_cover("covered-noise.mp3", path.read_bytes()).read_bytes()
    asked = Conversion("mp3", loudness=Loudness(-16.0), waveform=Waveform(), fade_out_seconds=1)

    with caplog.at_level(logging.INFO):
        filed = world.convert(data, asked, first_part_bytes=_PARTS)
    started = caplog.messages.count("ffmpeg started")
    streamed = world.convert(data, asked)

    assert filed.output is not None, filed.failure
    assert streamed.output is not None
    assert (filed.output.mode, streamed.output.mode) == (Mode.FILE, Mode.STREAM)
    assert started == 2  # measured once, written to a file
    assert world.output(filed) == world.output(streamed)
    assert filed.output.loudness == streamed.output.loudness
    assert _document(world, filed) == _document(world, streamed)


def test_a_hanging_ffmpeg_leaves_no_reader_behind(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    """It holds the pipe open, and so does what it started: both are ended before we wait for it."""
    hanging = tmp_path / "ffmpeg"
    hanging.write_text("#!/bin/sh\nsleep 1000\n")
    hanging.chmod(0o755)
    job = world.convert(
        sounds.bytes("wav"),
        Conversion("mp3", waveform=Waveform()),
        ffmpeg=str(hanging),
        stall_seconds=0.3,
    )
    assert job.failure is not None
    assert job.failure.code == "CONVERTER_STALLED"
    assert world.keys() == []


def test_a_failed_run_leaves_no_waveform(world: World, sounds: Sounds) -> None:
    data = sounds.bytes("mp3")
    job = world.convert(data[: len(data) // 2], Conversion("mp3", waveform=Waveform()))
    assert job.status is Status.FAILED
    assert isinstance(job.failure, Failure)
    assert world.keys() == []
