"""What is streamed into S3 is, byte for byte, what ffmpeg writes to a file with the same arguments.

No field is left out of the comparison. Two runs of ffmpeg are compared, so it also shows that a job
that is tried again makes the same object: the Ogg serial numbers (RFC 3533 §4), and Matroska's
SegmentUUID and TrackUIDs (RFC 9559 §5.1), which are random elsewhere, are not here.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conversion.conversion import Conversion
from conversion.formats import FORMATS
from conversion.outcome import Mode
from tasks.converter.command import convert_command, to_file
from tasks.converter.encode import moov_room
from tasks.converter.gate import SourceGate
from tasks.converter.probe import probe
from tests.converter.dressed import bare, dressed
from tests.converter.sounds import Sounds
from tests.converter.world import World

_PARTS = 64 * 1024  # small, so that a short sound is many parts; S3's 5 MiB is not moto's concern

# Constant and variable bitrate, where a format has both.
_ASKED = [
    *(Conversion(name) for name in FORMATS),
    *(Conversion("mp3", quality=0), Conversion("mp3", quality=9), Conversion("ogg", 128)),
]
# Others that reach other code in a muxer.
_MORE_ASKED = [
    *(Conversion("m4a", 96), Conversion("opus", 48), Conversion("wav", bit_depth=32)),
    *(Conversion("mp3", metadata="drop", cover="drop"), Conversion("aiff", cover="drop")),
    Conversion("m4a", tags=(("lyrics", "one\ntwo " * 500), ("title", "Tëst = ✓"))),
]
_SHAPES = [(layout, bits) for layout in ("mono", "stereo", "5.1") for bits in (16, 24)]
# Those of every run: each request once, and six channels of 24 bits where they are kept.
_EACH, _LARGE = ("stereo", 16), ("5.1", 24)
_LARGE_ASKED = [Conversion(name) for name in ("wav", "flac", "m4a")]


def _dressed() -> Iterator[Any]:
    for shape in _SHAPES:
        for asked in _ASKED:
            usual = shape == _EACH or (shape == _LARGE and asked in _LARGE_ASKED)
            layout, bits = shape
            marks = [] if usual else [pytest.mark.long]
            yield pytest.param(*shape, asked, marks=marks, id=f"{layout}-{bits}-{asked}")


def _by_file(world: World, data: bytes, conversion: Conversion, folder: Path) -> bytes:
    """The same command line, with the output replaced by a path."""
    source = world.job(data, conversion).source
    objects = world.around.objects(source.bucket)
    with SourceGate(objects, source.key, source.etag, source.bytes) as gate:
        sound = probe(world.settings.ffprobe, gate, threading.Event())
        room = moov_room(sound, conversion)
        room = 0 if room + 64 > world.around.first_part_bytes else room
        command = convert_command(world.settings.ffmpeg, sound, conversion, gate.url, room)
        path = folder / "by-file"
        subprocess.run([*command, *to_file(str(path))], check=True, capture_output=True)
    return path.read_bytes()


def _compare(world: World, data: bytes, conversion: Conversion, folder: Path) -> None:
    world.around = world.surroundings(first_part_bytes=_PARTS)

    job = world.convert(data, conversion)

    streamed = world.output(job)
    assert streamed == _by_file(world, data, conversion, folder)
    assert job.output is not None
    assert job.output.mode is Mode.STREAM
    assert job.output.bytes == len(streamed)
    assert world.open_uploads() == []


@pytest.mark.parametrize(("layout", "bits", "asked"), list(_dressed()))
def test_streamed_bytes_are_the_files_with_tags_and_cover(
    world: World, sounds: Sounds, tmp_path: Path, layout: str, bits: int, asked: Conversion
) -> None:
    _compare(world, dressed(sounds, layout, bits), asked, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("asked", _ASKED, ids=str)
@pytest.mark.parametrize(("layout", "bits"), _SHAPES)
def test_streamed_bytes_are_the_files_without(
    world: World, sounds: Sounds, tmp_path: Path, layout: str, bits: int, asked: Conversion
) -> None:
    _compare(world, bare(sounds, layout, bits), asked, tmp_path)


@pytest.mark.parametrize("source", [pytest.param("mp3", marks=pytest.mark.long), "m4a-moov-last"])
@pytest.mark.parametrize("asked", _MORE_ASKED, ids=str)
def test_so_are_those_of_other_requests(
    world: World, sounds: Sounds, tmp_path: Path, source: str, asked: Conversion
) -> None:
    _compare(world, sounds.bytes(source), asked, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("source", ["mp3", "m4a-moov-last", "opus", "wma"])
@pytest.mark.parametrize("asked", _ASKED, ids=str)
def test_so_are_those_of_other_inputs(
    world: World, sounds: Sounds, tmp_path: Path, source: str, asked: Conversion
) -> None:
    _compare(world, sounds.bytes(source), asked, tmp_path)
