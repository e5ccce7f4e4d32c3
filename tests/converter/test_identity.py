"""What is streamed into S3 is, byte for byte, what ffmpeg writes to a file with the same arguments.

One exception, named here: Ogg pages carry a random serial number (RFC 3533 §4), and so another
checksum; both are taken out before the comparison.
"""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from conversion.formats import FORMATS
from conversion.job import Conversion, Mode
from tasks.converter.command import convert_command, moov_room, to_file
from tasks.converter.gate import SourceGate
from tasks.converter.probe import probe
from tests.converter.sounds import Sounds
from tests.converter.world import World

_PARTS = 64 * 1024  # small, so that a short sound is many parts; S3's 5 MiB is not moto's concern


def _by_file(world: World, data: bytes, conversion: Conversion, folder: Path) -> bytes:
    """The same command line, with the output replaced by a path."""
    job = world.job(data, str(conversion))
    source = job.source
    objects = world.around.objects(source.bucket)
    with SourceGate(objects, source.key, source.etag, source.bytes) as gate:
        sound = probe(world.settings.ffprobe, gate, threading.Event())
        room = moov_room(sound, conversion.target)
        room = 0 if room + 64 > world.around.first_part_bytes else room
        command = convert_command(world.settings.ffmpeg, sound, conversion, gate.url, room)
        path = folder / "by-file"
        subprocess.run([*command, *to_file(str(path))], check=True, capture_output=True)
    return path.read_bytes()


def _without_serials(data: bytes) -> bytes:
    """Ogg with every page's serial number and checksum (bytes 14–18 and 22–26) set to zero."""
    pages = bytearray(data)
    at = 0
    while at < len(pages):
        assert pages[at : at + 4] == b"OggS"
        pages[at + 14 : at + 18] = pages[at + 22 : at + 26] = bytes(4)
        count = pages[at + 26]
        at += 27 + count + sum(pages[at + 27 : at + 27 + count])
    return bytes(pages)


_SOURCES = ["wav", "mp3", "m4a-moov-last"]
_AT_BITRATES = ["mp3@128", "opus@48", "m4a@96", "ogg@96"]
_CASES = [(source, asked) for source in _SOURCES for asked in sorted(FORMATS)]
_MORE = [(source, asked) for source in ("flac", "opus", "wma") for asked in sorted(FORMATS)]


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        *_CASES,
        *(("wav", asked) for asked in _AT_BITRATES),
        *(pytest.param(*case, marks=pytest.mark.long) for case in _MORE),
    ],
)
def test_streamed_bytes_are_the_files(
    world: World, sounds: Sounds, tmp_path: Path, source: str, asked: str
) -> None:
    conversion = Conversion.parse(asked)
    data = sounds.bytes(source)
    world.around = world.surroundings(first_part_bytes=_PARTS)

    job = world.convert(data, asked)

    streamed, filed = world.output(job), _by_file(world, data, conversion, tmp_path)
    if conversion.target.muxer in ("ogg", "opus"):
        streamed, filed = _without_serials(streamed), _without_serials(filed)
    assert streamed == filed
    assert job.output is not None
    assert job.output.mode is Mode.STREAM
    assert job.output.bytes == len(streamed)
    assert world.open_uploads() == []
