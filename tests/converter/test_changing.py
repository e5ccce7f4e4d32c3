"""Inputs whose sample rate or channels change on the way: joined streams, chained Ogg, a broadcast.

ffmpeg sets its filters up anew and goes on at the output's rate. So the samples it decoded are of
two rates, and what tells how much there was is what its encoder got.
"""

from __future__ import annotations

import struct

import pytest

from conversion.job import Job, Status
from tests.converter.sounds import Sounds
from tests.converter.world import World

# name: (the first part, the second); two seconds each.
_PARTS = {
    "adts": ("-ar 44100 -ac 2 -c:a aac -f adts", "-ar 22050 -ac 1 -c:a aac -f adts"),
    "ac3": ("-ar 44100 -ac 2 -c:a ac3 -f ac3", "-ar 48000 -ac 1 -c:a ac3 -f ac3"),
    "mp3": (
        "-ar 44100 -ac 2 -c:a libmp3lame -write_xing 0 -id3v2_version 0 -f mp3",
        "-ar 48000 -ac 1 -c:a libmp3lame -write_xing 0 -id3v2_version 0 -f mp3",
    ),
    "ts": (
        "-ar 44100 -ac 2 -c:a mp2 -f mpegts",
        "-ar 48000 -ac 1 -c:a mp2 -output_ts_offset 2 -f mpegts",
    ),
    "ogg": ("-ar 44100 -ac 2 -c:a libvorbis -f ogg", "-ar 48000 -ac 1 -c:a libvorbis -f ogg"),
    "ogg-alike": ("-ar 44100 -ac 2 -c:a libvorbis -f ogg", "-ar 44100 -ac 2 -c:a libvorbis -f ogg"),
    "ogg-opus": ("-ac 2 -c:a libopus -f ogg", "-ac 1 -c:a libopus -f ogg"),
    "ogg-flac": ("-ar 44100 -ac 2 -c:a flac -f ogg", "-ar 22050 -ac 1 -c:a flac -f ogg"),
    "flac": ("-ar 44100 -ac 2 -c:a flac -f flac", "-ar 44100 -ac 2 -c:a flac -f flac"),
}
_REFUSED_BY_SOME = {"ogg", "ogg-opus"}


def _convert(world: World, sounds: Sounds, name: str, asked: str) -> Job:
    first, second = _PARTS[name]
    return world.convert(sounds.tone(first) + sounds.tone(second), asked)


@pytest.mark.parametrize("name", _PARTS)
def test_both_parts_are_in_the_output_or_the_job_failed(
    world: World, sounds: Sounds, name: str
) -> None:
    job = _convert(world, sounds, name, "wav")

    if job.status is Status.FAILED:
        # ffmpeg 7 and newer give up at a link of another kind, with exit code 0.
        assert name in _REFUSED_BY_SOME
        assert job.failure is not None
        assert job.failure.code == "CORRUPT_INPUT"
        assert "beyond 2.0 s" in job.failure.message
        return
    assert job.output is not None
    # Joined FLAC files lose up to two frames of 93 ms at the joint, before ffmpeg 9.
    assert job.output.duration_seconds == pytest.approx(4, abs=0.25)
    assert job.output.duration_seconds == pytest.approx(_seconds(world.output(job)), abs=0.01)
    assert job.output.warnings


def _seconds(wav: bytes) -> float:
    rate, per_second = struct.unpack_from("<II", wav, wav.index(b"fmt ") + 12)
    assert rate
    return (len(wav) - wav.index(b"data") - 8) / per_second


def test_a_change_is_told(world: World, sounds: Sounds) -> None:
    job = _convert(world, sounds, "ac3", "mp3")

    assert job.output is not None
    said = {each.code: each.message for each in job.output.warnings}
    assert "44100 Hz stereo, then 48000 Hz mono" in said["PARAMETERS_CHANGE"]


@pytest.mark.parametrize("asked", ["m4a", "ogg", "opus"])
def test_times_that_do_not_follow_each_other_are_refused_where_they_would_be_kept(
    world: World, sounds: Sounds, asked: str
) -> None:
    """ADTS has no times, and ffmpeg counts them at the first part's rate."""
    job = _convert(world, sounds, "adts", asked)

    assert job.failure is not None
    assert job.failure.code == "CORRUPT_INPUT"
    assert "ask for mp3, flac or wav" in job.failure.message
    assert world.keys() == []
