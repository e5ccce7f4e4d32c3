"""How long an output says it plays: read without ffmpeg, and held against what ffmpeg made."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from client.errors import NotAsPromised
from client.smoke.lengths import NotSuchFile, seconds_of
from client.smoke.outputs import check
from client.smoke.sounds import Sound, noise, tone
from conversion.formats import FORMATS
from local.ffmpeg import Ffmpeg, find_ffmpeg
from tests.client.promising import made

SECONDS = 1.5


@pytest.fixture(scope="module")
def ffmpeg() -> Ffmpeg:
    return find_ffmpeg()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return tone(tmp_path_factory.mktemp("sound"), "tone", hertz=440, seconds=SECONDS)


@pytest.fixture(params=sorted(FORMATS), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def output(
    name: str, sound: Sound, ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """As the converter has ffmpeg make it."""
    form = FORMATS[name]
    file = tmp_path_factory.mktemp(name) / f"output.{form.suffix}"
    encoder = ("-c:a", *form.depths[16]) if form.lossless else ("-c:a", form.encoder)
    command = [ffmpeg.ffmpeg, "-v", "error", "-nostdin", "-i", sound.file, *encoder, "-ar", "48000"]
    if name != "opus" and name != "webm":
        command = command[:-2]
    subprocess.run([*command, *form.muxer_arguments, "-f", form.muxer, file], check=True)
    return file.read_bytes()


def test_every_format_tells_its_length(name: str, output: bytes) -> None:
    assert seconds_of(name, output) == pytest.approx(SECONDS, abs=0.08)


def test_what_is_another_format_is_told_apart(name: str) -> None:
    with pytest.raises(NotSuchFile):
        seconds_of(name, b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>" * 20)


def test_of_a_format_that_is_not_known_nothing_is_said() -> None:
    assert seconds_of("tomorrow", b"anything") is None


def test_an_output_that_is_as_it_was_sent_is_right(
    name: str, output: bytes, sound: Sound, ffmpeg: Ffmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played by the ffmpeg on PATH, too."""
    monkeypatch.setenv("PATH", str(Path(ffmpeg.ffmpeg).parent))
    told = asyncio.run(check(name, output, sound))
    assert told.startswith(f"{len(output)} bytes, 1.5")
    assert told.endswith("played by ffmpeg")
    assert ("sample for sample" in told) == (name == "flac")


def test_what_ffmpeg_does_not_play_is_found_out(
    sound: Sound, ffmpeg: Ffmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(ffmpeg.ffmpeg).parent))
    with pytest.raises(NotAsPromised, match="does not play"):
        asyncio.run(check("tomorrow", b"no sound at all", sound))


def test_a_flac_of_other_samples_is_found_out(
    tmp_path: Path, sound: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    output = made(sound.file.read_bytes(), "flac")
    assert "sample for sample" in asyncio.run(check("flac", output, sound))
    with pytest.raises(NotAsPromised, match="not those that were sent"):
        asyncio.run(check("flac", output, tone(tmp_path, "other", hertz=441, seconds=SECONDS)))


def test_the_noise_is_sent_in_parts_and_is_the_same_each_time(tmp_path: Path) -> None:
    first, again = noise(tmp_path, "noise"), noise(tmp_path, "noise")
    assert first.file.stat().st_size > 16 * 1024**2
    assert (first.digest, first.seconds) == (again.digest, 1100)
