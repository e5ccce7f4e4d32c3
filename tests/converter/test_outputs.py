"""Each output is what its format says: container, codec, rate, channels, depth, and all that
travels beside the sound. Asked of ffprobe, which is not told what to expect."""

from __future__ import annotations

import json
import logging
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conversion.conversion import Conversion, Loudness, Waveform
from conversion.formats import FORMATS, Format
from conversion.outcome import Mode
from conversion.progress import Stage
from local.ffmpeg import Ffmpeg
from tasks.converter.waveform import COARSER
from tests.converter.dressed import CHAPTERS, TAGS, bare, dressed, rate_of
from tests.converter.sounds import Sounds
from tests.converter.world import World

# ffprobe's names, where they are not the muxer's and the encoder's.
_CONTAINERS = {
    **{"adts": "aac", "opus": "ogg", "ipod": "mov,mp4,m4a,3gp,3g2,mj2"},
    **{"matroska": "matroska,webm", "webm": "matroska,webm"},
}
_CODECS = {"libmp3lame": "mp3", "libvorbis": "vorbis", "libopus": "opus"}

each_format = pytest.mark.parametrize("made", FORMATS.values(), ids=lambda each: each.name)
each_lossless = pytest.mark.parametrize(
    "made", [each for each in FORMATS.values() if each.lossless], ids=lambda each: each.name
)


def _probed(ffmpeg: Ffmpeg, path: Path) -> dict[str, Any]:
    see = ["-show_format", "-show_streams", "-show_chapters", "-of", "json"]
    command = [ffmpeg.ffprobe, "-v", "error", *see, path]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def _tags(found: dict[str, Any]) -> dict[str, str]:
    """Ogg has them on its stream."""
    everything = {**found["streams"][0].get("tags", {}), **found["format"].get("tags", {})}
    return {name.lower(): text for name, text in everything.items()}


@pytest.mark.parametrize(
    ("layout", "bits"),
    [("stereo", 16), pytest.param("5.1", 24, marks=pytest.mark.long)],
)
@each_format
def test_it_is_what_it_is_called_and_keeps_what_it_can(
    world: World,
    sounds: Sounds,
    ffmpeg: Ffmpeg,
    tmp_path: Path,
    made: Format,
    layout: str,
    bits: int,
) -> None:
    job = world.convert(dressed(sounds, layout, bits), made.name)

    path = tmp_path / "output"
    path.write_bytes(world.output(job))
    found = _probed(ffmpeg, path)
    sound = found["streams"][0]
    assert found["format"]["format_name"] == _CONTAINERS.get(made.muxer, made.muxer)
    encoder = made.depths[bits][0] if made.lossless else made.encoder
    assert sound["codec_name"] == _CODECS.get(encoder, encoder)
    assert int(sound["sample_rate"]) == made.rate_for(rate_of(layout))
    assert sound["channels"] == min(6 if layout == "5.1" else 2, max(made.channel_counts))
    if made.lossless:
        assert int(sound.get("bits_per_raw_sample") or sound["bits_per_sample"]) == bits

    assert {n: t for n, t in _tags(found).items() if n in TAGS} == (TAGS if made.tags else {})
    titles = [each["tags"]["title"] for each in found["chapters"]]
    assert titles == (CHAPTERS if made.chapters else [])
    pictures = [s["index"] for s in found["streams"] if s["disposition"]["attached_pic"]]
    assert len(pictures) == made.cover
    for index in pictures:
        assert _copied(ffmpeg, path, index) == sounds.cover_bytes()


def _copied(ffmpeg: Ffmpeg, path: Path, index: int) -> bytes:
    command = [ffmpeg.ffmpeg, "-v", "error", "-i", path, "-map", f"0:{index}", "-c", "copy"]
    done = subprocess.run([*command, "-f", "image2pipe", "-"], capture_output=True, check=True)
    return done.stdout


@pytest.mark.parametrize("bits", [16, pytest.param(24, marks=pytest.mark.long)])
@each_lossless
def test_lossless_is_lossless(world: World, sounds: Sounds, made: Format, bits: int) -> None:
    data = bare(sounds, "5.1", bits)

    job = world.convert(data, made.name)

    assert sounds.pcm(world.output(job), "s32le") == sounds.pcm(data, "s32le")


@each_format
@pytest.mark.long
def test_what_is_to_be_dropped_is_gone(
    world: World, sounds: Sounds, ffmpeg: Ffmpeg, tmp_path: Path, made: Format
) -> None:
    asked = Conversion(made.name, metadata="drop", cover="drop")

    job = world.convert(dressed(sounds, "stereo", 16), asked)

    path = tmp_path / "output"
    path.write_bytes(world.output(job))
    found = _probed(ffmpeg, path)
    assert not TAGS.keys() & _tags(found).keys()
    assert found["chapters"] == []
    assert len(found["streams"]) == 1


@pytest.mark.parametrize(
    "name", ["m4a", *(pytest.param(each, marks=pytest.mark.long) for each in ("mp3", "opus"))]
)
def test_a_part_has_no_chapter_behind_its_end(
    world: World, sounds: Sounds, ffmpeg: Ffmpeg, tmp_path: Path, name: str
) -> None:
    """ffmpeg would leave them at the times of the source."""
    job = world.convert(dressed(sounds, "stereo", 16), Conversion(name, end_seconds=0.5))

    path = tmp_path / "output"
    path.write_bytes(world.output(job))
    found = _probed(ffmpeg, path)
    assert found["chapters"] == []
    assert _tags(found)["title"] == TAGS["title"]


@pytest.mark.parametrize("name", ["m4a", "alac"])
def test_mp4_begins_with_its_index(world: World, sounds: Sounds, name: str) -> None:
    job = world.convert(dressed(sounds, "5.1", 24), name)

    data = world.output(job)
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("layout", ["5.1(side)", "2.1", "quad", "7.1"])
@pytest.mark.parametrize(
    "name", ["opus", *(pytest.param(each, marks=pytest.mark.long) for each in ("ogg", "m4a"))]
)
def test_no_channel_is_lost_or_called_another(
    world: World, sounds: Sounds, tmp_path: Path, name: str, layout: str
) -> None:
    """A sound on the last channel alone comes out on one channel alone, the one for its speaker."""
    channels = {"2.1": 3, "quad": 4, "5.1(side)": 6, "7.1": 8}[layout]
    tones = "|".join(["0"] * (channels - 1) + ["0.5*sin(2*PI*60*t)"])
    source = ["-f", "lavfi", "-i", f"aevalsrc=exprs={tones}:c={layout}:s=48000:d=2"]
    sounds.make(tmp_path / "source", [*source, "-c:a", "pcm_s16le", "-f", "wav"])

    job = world.convert((tmp_path / "source").read_bytes(), name)

    loud = _loud_channels(sounds, world.output(job), tmp_path)
    assert loud == {"2.1": ["LFE"], "quad": ["BR"], "5.1(side)": ["BR"]}.get(
        layout, ["SR"] if name != "m4a" else ["BR"]
    )


def _loud_channels(sounds: Sounds, data: bytes, folder: Path) -> list[str]:
    """ffmpeg's names of the speakers, of the layout that the output itself declares."""
    path = folder / "made"
    path.write_bytes(data)
    command = [sounds.ffmpeg.ffprobe, "-v", "error", "-show_entries", "stream=channel_layout"]
    done = subprocess.run([*command, "-of", "csv=p=0", path], capture_output=True, text=True)
    speakers = _SPEAKERS[done.stdout.strip()]
    pcm = memoryview(sounds.pcm(data)).cast("h")
    peaks = [max(map(abs, pcm[each :: len(speakers)])) for each in range(len(speakers))]
    return [name for name, peak in zip(speakers, peaks, strict=True) if peak > 1_000]


_SPEAKERS = {
    "quad": ["FL", "FR", "BL", "BR"],
    "5.0": ["FL", "FR", "FC", "BL", "BR"],
    "5.1": ["FL", "FR", "FC", "LFE", "BL", "BR"],
    "7.1": ["FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"],
}


def test_an_aiff_of_unknown_length_ends_where_its_header_can_count_no_further(
    world: World, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(FORMATS["aiff"], most_bytes=100_000)
    monkeypatch.setitem(FORMATS, "aiff", small)

    job = world.convert(sounds.bytes("webm-live"), "aiff")

    assert job.failure is not None
    assert job.failure.code == "OUTPUT_TOO_LARGE"
    assert world.keys() == []


def test_a_guessed_duration_neither_refuses_nor_coarsens(
    world: World, sounds: Sounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ffmpeg guesses an ADTS by the bitrate of its first frames: of silence, here, many times too
    long. The limit holds while it is converted."""
    monkeypatch.setattr("tasks.converter.waveform.MOST_PIXELS", 1_500)
    path = tmp_path / "silent.aac"
    loud = ["-f", "lavfi", "-i", "aevalsrc=exprs='gte(t,2)*random(0)*0.5':s=44100:d=10"]
    sounds.make(path, [*loud, "-c:a", "aac", "-b:a", "128k", "-f", "adts"])

    asked = Conversion("mp3", waveform=Waveform())
    done = world.convert(path.read_bytes(), asked, max_output_bytes=300_000)
    refused = world.convert(path.read_bytes(), "mp3", max_output_bytes=50_000)

    assert done.output is not None, done.failure
    assert COARSER not in [each.code for each in done.output.warnings]
    assert refused.failure is not None
    assert refused.failure.code == "OUTPUT_TOO_LARGE"


def test_an_aiff_beyond_4_gib_is_refused_before_it_is_measured(
    world: World,
    sounds: Sounds,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(FORMATS, "aiff", replace(FORMATS["aiff"], most_bytes=100_000))
    with caplog.at_level(logging.INFO):
        job = world.convert(sounds.bytes("wav"), Conversion("aiff", loudness=Loudness()))
    assert job.failure is not None
    assert job.failure.code == "OUTPUT_TOO_LARGE"
    assert "ffmpeg started" not in caplog.messages


@pytest.mark.parametrize(
    "name", ["mp3", *(pytest.param(each, marks=pytest.mark.long) for each in ("m4a", "aiff"))]
)
def test_a_cover_that_is_known_to_be_out_of_reach_takes_no_second_run(
    world: World, sounds: Sounds, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    data = sounds.with_cover("large-cover.mp3", sounds.noisy_cover()).read_bytes()

    with caplog.at_level(logging.INFO):
        job = world.convert(data, name, first_part_bytes=64 * 1024)

    assert job.output is not None, job.failure
    assert job.output.mode is Mode.FILE
    assert caplog.messages.count("ffmpeg started") == 1
    [said] = [each for each in caplog.records if each.message == "going by way of a file"]
    assert "larger than the first part" in vars(said)["reason"]


def test_a_cover_of_unknown_size_takes_a_second_run_that_shows_no_less_than_the_first(
    world: World,
    sounds: Sounds,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tasks.converter.transcode.goes_back_behind", lambda *_: False)
    monkeypatch.setattr("tasks.converter.reporter._SECONDS_BETWEEN_WRITES", 0.0)
    data = sounds.with_cover("large-cover.mp3", sounds.noisy_cover()).read_bytes()

    with caplog.at_level(logging.INFO):
        job = world.convert(data, "mp3", first_part_bytes=64 * 1024)

    assert job.output is not None, job.failure
    assert job.output.mode is Mode.FILE
    assert caplog.messages.count("ffmpeg started") == 2
    shown = [each for each in world.reports if each.stage is Stage.CONVERTING]
    assert [each.percent for each in shown] == sorted(each.percent for each in shown)
    seconds = [each.seconds_done or 0.0 for each in shown]
    assert seconds == sorted(seconds)
