"""Every kind of input becomes what it should, with its tags and its cover."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conversion.errors import Interrupted
from conversion.job import Status
from tasks.converter.command import DEMUXERS
from tests.converter.recipes import NOT_MADE, RECIPES
from tests.converter.sounds import INPUTS, SECONDS, USUAL, Sounds
from tests.converter.world import World


def _look(world: World, data: bytes, folder: Path) -> dict[str, Any]:
    path = folder / "output"
    path.write_bytes(data)
    wanted = ["-v", "error", "-show_format", "-show_streams", "-of", "json"]
    command = [world.settings.ffprobe, *wanted, str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def _runs() -> list[Any]:
    """One of a kind in every run, their siblings in the long tail."""
    tail = (pytest.param(name, marks=pytest.mark.long) for name in INPUTS if name not in USUAL)
    return [*USUAL, *tail]


@pytest.mark.parametrize("source", _runs())
def test_every_input_is_converted_whole(world: World, sounds: Sounds, source: str) -> None:
    data, recipe = sounds.bytes(source), RECIPES[source]

    job = world.convert(data, "flac")

    assert job.status is Status.COMPLETED, job.failure
    assert job.output is not None
    assert job.output.duration_seconds == pytest.approx(SECONDS, abs=0.2)
    assert job.output.file_name == "some song.flac"
    # A warning only where the format cannot tell whether it was whole.
    told = {each.code for each in job.output.warnings}
    assert told == (set() if recipe.tells_end else {"LENGTH_UNVERIFIED"})
    # The samples are those that ffmpeg decodes from the input by itself.
    depth = "s24le" if recipe.bits > 16 else "s16le"
    assert sounds.pcm(world.output(job), depth) == sounds.pcm(data, depth)


def test_every_demuxer_has_an_input() -> None:
    made = {each.demuxer for each in RECIPES.values()}
    assert made.isdisjoint(NOT_MADE)
    assert made | NOT_MADE.keys() == set(DEMUXERS.split(","))


def test_ffmpeg_knows_every_demuxer_by_its_name(world: World) -> None:
    command = [world.settings.ffmpeg, "-v", "error", "-demuxers"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = {name for line in listed.splitlines()[4:] for name in line.split()[1].split(",")}

    assert set(DEMUXERS.split(",")) - names == set()


def test_silence_in_front_does_not_mislead_what_is_made_or_read_as_adts(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    """ADTS has no duration: ffprobe takes the bitrate of the first seconds, which is next to none
    in silence, for that of the whole and finds hundreds of seconds."""
    path = tmp_path / "quiet.flac"
    quiet = "anullsrc=r=44100:cl=mono,atrim=duration=11"
    loud = "anoisesrc=d=20:r=44100:a=0.8"
    inputs = ["-f", "lavfi", "-i", quiet, "-f", "lavfi", "-i", loud]
    sounds.make(path, [*inputs, "-filter_complex", "[0][1]concat=v=0:a=1", "-c:a", "flac"])

    there = world.convert(path.read_bytes(), "aac")
    assert there.status is Status.COMPLETED, there.failure
    made = world.output(there)
    assert float(_look(world, made, tmp_path)["format"]["duration"]) > 100
    back = world.convert(made, "flac", max_duration_seconds=60)

    assert back.status is Status.COMPLETED, back.failure
    for job in (there, back):
        assert job.output is not None
        assert job.output.duration_seconds == pytest.approx(31, abs=0.2)


@pytest.mark.parametrize("signal", ["TERM", "INT"])  # HUP may be ignored from outside: nohup
def test_an_ffprobe_ended_by_a_machine_going_down_is_tried_again(
    world: World, sounds: Sounds, tmp_path: Path, signal: str
) -> None:
    script = tmp_path / "ffprobe"
    script.write_text(f"#!/bin/sh\nkill -{signal} $$\n")
    script.chmod(0o755)

    with pytest.raises(Interrupted):
        world.convert(sounds.bytes("wav"), "mp3", ffprobe=str(script))


@pytest.mark.parametrize("film", ["mp4-film", "flv-film"])
def test_of_a_film_only_the_sound_is_taken(
    world: World, sounds: Sounds, tmp_path: Path, film: str
) -> None:
    output = world.output(world.convert(sounds.bytes(film), "m4a"))

    assert [each["codec_type"] for each in _look(world, output, tmp_path)["streams"]] == ["audio"]


@pytest.mark.parametrize(
    "asked",
    [
        "m4a",
        "opus",
        *(pytest.param(each, marks=pytest.mark.long) for each in ("mp3", "flac", "ogg")),
    ],
)
def test_a_sound_that_starts_late_in_a_film_is_whole(
    world: World, sounds: Sounds, asked: str
) -> None:
    job = world.convert(sounds.late("-c:a libmp3lame -f matroska"), asked)

    assert job.status is Status.COMPLETED, job.failure
    assert job.output is not None
    assert job.output.duration_seconds == pytest.approx(3, abs=0.1)


def test_of_several_tracks_the_default_one_is_taken(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    data = sounds.two_tracks(default=1)

    job = world.convert(data, "wav")

    (stream,) = _look(world, world.output(job), tmp_path)["streams"]
    assert (stream["channels"], stream["sample_rate"]) == (1, "22050")


def test_unicode_and_broken_text_in_tags(world: World, sounds: Sounds, tmp_path: Path) -> None:
    words = "Ünïcode 日本 🎵 עברית"
    job = world.convert(sounds.with_tag("mp3", "title", words), "flac")

    assert words in _look(world, world.output(job), tmp_path)["format"]["tags"].values()
    latin = sounds.bytes("flac").replace("Tëst ✓".encode(), b"T\xebst \xff\xfe..")
    assert latin != sounds.bytes("flac")
    assert world.convert(latin, "mp3").status is Status.COMPLETED


def test_a_huge_tag_and_cover_in_front(world: World, sounds: Sounds) -> None:
    """10 MB of picture: behind it the first frame is found all the same."""
    picture = sounds.cover_bytes() + bytes(10_000_000)
    data = sounds.with_cover("huge.mp3", picture).read_bytes()
    assert len(data) > len(picture)

    job = world.convert(data, "flac")

    assert job.status is Status.COMPLETED, job.failure
    assert picture[:1_000_000] in world.output(job)


def test_wav_to_flac_to_wav_gives_the_same_samples(world: World, sounds: Sounds) -> None:
    there = world.output(world.convert(sounds.bytes("wav"), "flac"))
    back = world.output(world.convert(there, "wav"))

    assert sounds.pcm(back) == sounds.pcm(sounds.bytes("wav"))


def test_24_bit_stay_24_bit(world: World, sounds: Sounds) -> None:
    back = world.output(world.convert(sounds.bytes("wav24"), "wav"))

    assert sounds.pcm(back, "s24le") == sounds.pcm(sounds.bytes("wav24"), "s24le")


@pytest.mark.parametrize(
    ("source", "bits"), [("mp3", "16"), ("wav", "16"), ("wav24", "24"), ("wav-float", "24")]
)
def test_a_flac_is_as_deep_as_its_source(
    world: World, sounds: Sounds, tmp_path: Path, source: str, bits: str
) -> None:
    found = _look(world, world.output(world.convert(sounds.bytes(source), "flac")), tmp_path)

    assert found["streams"][0]["bits_per_raw_sample"] == bits


@pytest.mark.parametrize("tag", ["comment", pytest.param("lyrics", marks=pytest.mark.long)])
@pytest.mark.parametrize("source", ["mp3", "m4a-moov-last", "flac", "ogg"])
def test_a_tag_of_100_kb_survives(
    world: World, sounds: Sounds, tmp_path: Path, source: str, tag: str
) -> None:
    text = "sluice ✓ " * 10_000
    data = sounds.with_tag(source, tag, text)
    assert data.count("✓".encode()) > 9_900  # an Ogg page may cut one

    job = world.convert(data, "flac")

    assert job.status is Status.COMPLETED, job.failure
    tags = _look(world, world.output(job), tmp_path)["format"]["tags"]
    assert text.strip() in [each.strip() for each in tags.values()]


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        *[("m4a-moov-last", each) for each in ("mp3", "m4a", "flac", "ogg", "opus")],
        *[("ogg", each) for each in ("mp3", "ogg")],
    ],
)
def test_tags_survive(
    world: World, sounds: Sounds, tmp_path: Path, source: str, asked: str
) -> None:
    found = _look(world, world.output(world.convert(sounds.bytes(source), asked)), tmp_path)

    tags = found["format"].get("tags", {}) | found["streams"][0].get("tags", {})
    tags = {name.lower(): text for name, text in tags.items()}
    assert tags["title"] == "Tëst ✓"
    assert tags["artist"] == "Sluice"


@pytest.mark.parametrize(
    ("asked", "holds"),
    [("mp3", True), ("m4a", True), ("flac", True), ("wav", False), ("ogg", False), ("opus", False)],
)
def test_a_cover_is_kept_where_the_container_holds_one(
    world: World, sounds: Sounds, tmp_path: Path, asked: str, holds: bool
) -> None:
    output = world.output(world.convert(sounds.bytes("mp3"), asked))

    covers = [
        each
        for each in _look(world, output, tmp_path)["streams"]
        if each["disposition"]["attached_pic"]
    ]
    assert len(covers) == holds
    assert (sounds.cover_bytes() in output) == holds


def test_an_m4a_starts_with_its_index(world: World, sounds: Sounds) -> None:
    output = world.output(world.convert(sounds.bytes("flac"), "m4a"))

    assert 0 < output.find(b"moov") < output.find(b"mdat")


def test_progress_rises_to_99_and_no_further_before_the_end(
    world: World, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.converter.reporter._SECONDS_BETWEEN_WRITES", 0.05)
    job = world.convert(sounds.long_wav(90).read_bytes(), "mp3")

    percents = [each.percent for each in world.reports]
    assert job.status is Status.COMPLETED
    assert percents == sorted(percents)
    assert len(set(percents)) > 1
    assert percents[-1] <= 99
    stages = list(dict.fromkeys(each.stage.value for each in world.reports))
    assert stages == ["probing", "converting", "finalizing"]
    last = next(each for each in reversed(world.reports) if each.stage.value == "converting")
    assert last.duration_seconds == 90
    assert last.speed
    assert last.speed > 1
