"""The converter on each generation of ffmpeg: Debian's package, and two wheels far apart.

The wording of ffmpeg's log, its progress and its exit codes differ between them, and all of it is
read. The wheel of ffmpeg 9 brings no ffprobe and borrows the other wheel's.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from conversion.formats import FORMATS
from conversion.job import Status
from conversion.outcome import Mode
from local.ffmpeg import Ffmpeg, find_ffmpeg, lacks
from tests.converter.sounds import SECONDS, Sounds
from tests.converter.world import World


def _package() -> Ffmpeg:
    found = shutil.which("ffmpeg"), shutil.which("ffprobe")
    if not found[0] or not found[1]:
        pytest.skip("no ffmpeg package on PATH; install Debian's `ffmpeg` to test with it")
    return Ffmpeg(Path(found[0]), Path(found[1]))


def _newest() -> Ffmpeg:
    return Ffmpeg(Path(imageio_ffmpeg.get_ffmpeg_exe()), find_ffmpeg().ffprobe)


PROGRAMS = {"package": _package, "newest wheel": _newest}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Ffmpeg:
    return PROGRAMS[request.param]()


@pytest.fixture
def programs(program: Ffmpeg) -> dict[str, str]:
    """As changes to the converter's settings."""
    return {"ffmpeg": str(program.ffmpeg), "ffprobe": str(program.ffprobe)}


def test_it_is_good_enough(program: Ffmpeg) -> None:
    assert lacks(program) == ""


def test_the_newest_wheel_is_as_new_as_we_claim() -> None:
    banner = subprocess.run([_newest().ffmpeg, "-version"], capture_output=True, text=True)
    version = re.match(r"ffmpeg version n?(\d+)", banner.stdout)
    assert version is not None
    assert int(version[1]) >= 9


@pytest.mark.parametrize(
    "asked",
    [
        each if each in ("mp3", "m4a", "flac") else pytest.param(each, marks=pytest.mark.long)
        for each in FORMATS
    ],
)
def test_every_format_is_streamed_whole(
    world: World, sounds: Sounds, programs: dict[str, str], asked: str
) -> None:
    job = world.convert(sounds.bytes("m4a-moov-last"), asked, **programs)

    assert job.status is Status.COMPLETED, job.failure
    assert job.output is not None
    assert job.output.mode is Mode.STREAM
    assert job.output.duration_seconds == pytest.approx(SECONDS, abs=0.2)


@pytest.mark.parametrize(
    "source", ["flac", *(pytest.param(each, marks=pytest.mark.long) for each in ("mp3", "adts"))]
)
def test_half_a_file_is_refused(
    world: World, sounds: Sounds, programs: dict[str, str], source: str
) -> None:
    whole = sounds.bytes(source)

    job = world.convert(whole[: len(whole) // 2], "mp3", **programs)

    assert job.failure is not None
    assert job.failure.code == "TRUNCATED_INPUT"


def test_a_playlist_is_refused(world: World, programs: dict[str, str]) -> None:
    job = world.convert(b"#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n", "mp3", **programs)

    assert job.failure is not None
    assert job.failure.code == "UNSUPPORTED_INPUT"
