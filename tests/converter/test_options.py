"""Trim, fades, tags and covers, as a listener finds them in the output."""

from __future__ import annotations

import json
import logging
import struct
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from conversion.conversion import Conversion, Loudness
from conversion.job import Job, Status
from conversion.outcome import Mode
from conversion.progress import Stage
from tests.converter.sounds import Sounds
from tests.converter.world import World

_FRAME = 4  # bytes of a sample of stereo in 16 bits
_PARTS = 64 * 1024
_SOURCES = ["wav", "mp3-vbr", "opus"]
_MORE = [
    *("flac", "mp3", "mp3-no-xing", "adts", "ogg", "wma", "mka", "aiff"),
    *("m4a-moov-first", "m4a-moov-last"),
]


def _rate(name: str) -> int:
    return 48_000 if name == "opus" else 44_100


def _cut(pcm: bytes, rate: int, start: float, end: float | None) -> bytes:
    stop = len(pcm) if end is None else round(end * rate) * _FRAME
    return pcm[round(start * rate) * _FRAME : stop]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (1.23456, 2.5),
        *(pytest.param(*each, marks=pytest.mark.long) for each in [(0.0, 0.3), (3, 3.9)]),
    ],
)
@pytest.mark.parametrize(
    "source", [*_SOURCES, *(pytest.param(each, marks=pytest.mark.long) for each in _MORE)]
)
def test_a_trim_is_exact_to_the_sample(
    world: World, sounds: Sounds, source: str, start: float, end: float
) -> None:
    whole = sounds.pcm(sounds.bytes(source))

    job = world.convert(
        sounds.bytes(source),
        Conversion("wav", start_seconds=start, end_seconds=end, bit_depth=16),
    )

    part = _cut(whole, _rate(source), start, end)
    assert job.output is not None, job.failure
    assert sounds.pcm(world.output(job)) == part
    assert job.output.duration_seconds == pytest.approx(end - start, abs=1e-3)


@pytest.mark.parametrize("source", ["mp3-no-xing", pytest.param("mp3-vbr", marks=pytest.mark.long)])
def test_without_an_end_all_the_rest_is_there(world: World, sounds: Sounds, source: str) -> None:
    data = sounds.bytes(source)
    job = world.convert(data, Conversion("wav", start_seconds=1.5, bit_depth=16))
    part = _cut(sounds.pcm(data), 44_100, 1.5, None)
    assert sounds.pcm(world.output(job)) == part
    assert job.output is not None
    assert job.output.duration_seconds == pytest.approx(len(part) / _FRAME / 44_100, abs=1e-3)


@pytest.mark.parametrize(
    ("source", "times"),
    [
        ("wav", {"start_seconds": 4.0}),
        ("wav", {"end_seconds": 5.0}),
        ("mp3-no-xing", {"start_seconds": 60.0}),
        ("mp3-no-xing", {"start_seconds": 1.0, "end_seconds": 60.0}),
        # Behind the last sample, and before the end that the header declares.
        ("mp3", {"start_seconds": 4.02}),
        pytest.param("adts", {"start_seconds": 60.0}, marks=pytest.mark.long),
        pytest.param("opus", {"end_seconds": 60.0}, marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("asked", ["mp3", pytest.param("flac", marks=pytest.mark.long)])
def test_a_trim_outside_the_file_is_refused_and_tells_its_length(
    world: World, sounds: Sounds, source: str, times: dict[str, Any], asked: str
) -> None:
    job = world.convert(sounds.bytes(source), Conversion(asked, **times))

    assert job.failure is not None
    assert job.failure.code == "TRIM_OUT_OF_RANGE", job.failure.message
    assert "the file lasts 4.0" in job.failure.message
    assert world.keys() == []
    assert world.open_uploads() == []


def test_a_trim_to_less_than_a_sample_does_not_blame_the_file(world: World, sounds: Sounds) -> None:
    for item in ({"endSeconds": 0.000001}, {"startSeconds": 3.999999}):
        job = world.convert(sounds.bytes("wav"), Conversion.from_item({"format": "mp3"} | item))
        assert job.failure is not None
        assert job.failure.code == "TRIM_OUT_OF_RANGE", job.failure.message


def test_what_is_cut_off_behind_the_part_does_not_matter(world: World, sounds: Sounds) -> None:
    whole = sounds.bytes("mp3-no-xing")
    asked = Conversion("wav", end_seconds=1.0, bit_depth=16)

    job = world.convert(whole[: len(whole) // 2], asked)

    assert job.status is Status.COMPLETED, job.failure
    assert sounds.pcm(world.output(job)) == _cut(sounds.pcm(whole), 44_100, 0, 1.0)
    assert job.output is not None
    assert job.output.warnings == ()


@pytest.mark.parametrize("source", ["wav", "mp3"])
def test_a_file_that_is_cut_within_the_part_is_truncated(
    world: World, sounds: Sounds, source: str
) -> None:
    whole = sounds.bytes(source)
    asked = Conversion("mp3", start_seconds=1.0, end_seconds=3.0)
    job = world.convert(whole[: len(whole) // 2], asked)
    assert job.failure is not None
    assert job.failure.code in ("TRUNCATED_INPUT", "TRIM_OUT_OF_RANGE"), job.failure.message
    assert world.keys() == []


@pytest.mark.parametrize("source", ["flac", "mp3"])
def test_damage_within_the_part_is_not_passed_over(
    world: World, sounds: Sounds, source: str
) -> None:
    """Also where the decoder leaves it out without a word, as FLAC's does in ffmpeg 5.1 and 6.0."""
    job = world.convert(_damaged(sounds, source), Conversion("wav", end_seconds=3.5))
    assert job.failure is not None
    assert job.failure.code == "CORRUPT_INPUT", job.failure.message
    assert world.keys() == []


def test_damage_behind_the_part_does_not_matter(world: World, sounds: Sounds) -> None:
    """As far as the format lets that be told."""
    job = world.convert(_damaged(sounds, "mp3"), Conversion("wav", end_seconds=1.0))
    assert job.status is Status.COMPLETED, job.failure


@pytest.mark.long
def test_junk_between_frames_is_no_damage(world: World, sounds: Sounds) -> None:
    """The decoder complains; the whole, decoded once more, shows that nothing is missing."""
    data = sounds.bytes("mp3")
    at = data.index(b"\xff\xfb", len(data) // 2)
    job = world.convert(data[:at] + b"junk" * 100 + data[at:], Conversion("wav", end_seconds=3.5))
    assert job.status is Status.COMPLETED, job.failure


def _damaged(sounds: Sounds, source: str) -> bytes:
    data = bytearray(sounds.bytes(source))
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    return bytes(data)


def test_audio_that_changes_on_its_way_is_not_trimmed(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    other = tmp_path / "other.mp3"
    slow = ["-i", str(sounds.path("wav")), "-ar", "22050", "-ac", "1", "-write_xing", "0"]
    sounds.make(other, [*slow, "-f", "mp3"])
    data = sounds.bytes("mp3-no-xing") + other.read_bytes()

    job = world.convert(data, Conversion("mp3", start_seconds=1.0))

    assert job.failure is not None
    assert job.failure.code == "UNSUPPORTED_INPUT", job.failure.message
    assert "changes" in job.failure.message


def _level(sounds: Sounds, tmp_path: Path, *options: str) -> bytes:
    """Four seconds of one constant sample in both channels: what a filter does to it is seen."""
    path = tmp_path / "level"
    level = ["-f", "lavfi", "-i", "aevalsrc=exprs='0.5|0.5':s=44100:d=4"]
    sounds.make(path, [*level, *(options or ("-c:a", "pcm_s16le", "-f", "wav"))])
    return path.read_bytes()


def _left(pcm: bytes) -> list[int]:
    samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)
    return list(samples[::2])


def test_fades_begin_and_end_with_the_part(world: World, sounds: Sounds, tmp_path: Path) -> None:
    asked = Conversion(
        "wav", start_seconds=1, end_seconds=3, fade_in_seconds=0.5, fade_out_seconds=1.0
    )
    out = _left(sounds.pcm(world.output(world.convert(_level(sounds, tmp_path), asked))))

    assert len(out) == 2 * 44_100
    assert out[0] == 0
    assert out[11_025] == pytest.approx(16384 / 2, abs=2)
    assert set(out[22_050:44_100]) == {16384}
    assert out[66_150] == pytest.approx(16384 / 2, abs=2)
    assert 0 <= out[-1] <= 1


@pytest.mark.parametrize(
    "options",
    [
        "-c:a libmp3lame -q:a 4 -write_xing 0 -f mp3",
        pytest.param("-c:a pcm_s16le -f wav", marks=pytest.mark.long),
        pytest.param("-c:a libmp3lame -b:a 192k -f mp3", marks=pytest.mark.long),
        pytest.param("-c:a aac -b:a 192k -f adts", marks=pytest.mark.long),
        pytest.param("-c:a libvorbis -f ogg", marks=pytest.mark.long),
    ],
)
def test_a_fade_out_without_an_end_ends_with_the_audio(
    world: World, sounds: Sounds, tmp_path: Path, options: str
) -> None:
    """Also where no header tells where that is: the last samples are silent, and half a second
    before them the fade is half done."""
    path = tmp_path / "tone"
    tone = ["-f", "lavfi", "-i", "aevalsrc=exprs='0.5*sin(2*PI*441*t)':s=44100:d=4:c=stereo"]
    sounds.make(path, [*tone, *options.split()])
    data = path.read_bytes()
    whole = _left(sounds.pcm(data))

    job = world.convert(data, Conversion("wav", fade_out_seconds=1.0, bit_depth=16))

    out = _left(sounds.pcm(world.output(job)))
    assert len(out) == len(whole)
    assert max(map(abs, out[-441:])) < 0.015 * 16384
    for at in range(-44_100, 0, 441):
        before = max(map(abs, whole[at : at + 441 or None]))
        now = max(map(abs, out[at : at + 441 or None]))
        assert now <= before * -at / 44_100 + 2
        assert now >= before * (-at - 441) / 44_100 * 0.95 - 2


def test_the_percent_of_two_passes_rises_once(
    world: World, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.converter.reporter._SECONDS_BETWEEN_WRITES", 0.0)
    asked = Conversion("mp3", loudness=Loudness(-16.0))

    job = world.convert(sounds.bytes("wav"), asked)

    assert job.status is Status.COMPLETED, job.failure
    # Only the newest report is written: a quick pass's last may be that of the next stage.
    told = (Stage.CONVERTING, Stage.FINALIZING)
    converting = [each for each in world.reports if each.stage in told]
    percents = [each.percent for each in converting]
    assert percents == sorted(percents)
    assert any(0 < each <= 30 for each in percents)
    assert any(each > 30 for each in percents)
    seconds = [each.seconds_done for each in converting if each.seconds_done is not None]
    assert seconds == sorted(seconds)
    assert max(seconds) <= 4
    assert {each.bytes_in for each in converting} != {0}
    assert all(first.bytes_in <= then.bytes_in for first, then in pairwise(converting))


@pytest.mark.parametrize("source", ["mp3", pytest.param("flac", marks=pytest.mark.long)])
def test_a_cut_file_is_refused_by_the_pass_that_measures(
    world: World, sounds: Sounds, caplog: pytest.LogCaptureFixture, source: str
) -> None:
    whole = sounds.bytes(source)
    with caplog.at_level(logging.INFO):
        job = world.convert(whole[: len(whole) // 2], Conversion("mp3", loudness=Loudness()))
    assert job.failure is not None
    assert job.failure.code == "TRUNCATED_INPUT", job.failure.message
    assert caplog.messages.count("ffmpeg started") == 1
    assert world.keys() == []


def test_no_source_byte_is_fetched_twice_for_a_small_file(
    world: World, sounds: Sounds, caplog: pytest.LogCaptureFixture
) -> None:
    data = sounds.bytes("mp3")
    with caplog.at_level(logging.INFO):
        world.convert(data, Conversion("mp3", loudness=Loudness()))
    [verified] = [each for each in caplog.records if each.message == "verified"]
    assert vars(verified)["bytesFetched"] == len(data)


# -- tags and covers -----------------------------------------------------------------------------


def _probed(world: World, data: bytes, folder: Path) -> dict[str, Any]:
    path = folder / "probed"
    path.write_bytes(data)
    show = ["-show_entries", "format_tags:stream_tags:stream=codec_type", "-of", "json"]
    command = [world.settings.ffprobe, "-v", "error", *show, str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def _tags(world: World, job: Job, folder: Path) -> dict[str, str]:
    """Of the file or of its sound, wherever the format keeps them; names in lower case."""
    found = _probed(world, world.output(job), folder)
    of_sound = [each for each in found["streams"] if each["codec_type"] == "audio"]
    tags = found["format"].get("tags", {}) | of_sound[0].get("tags", {})
    return {name.lower(): text for name, text in tags.items()}


_TAGGED = ["mp3", "m4a", "opus"]
_ALSO_TAGGED = ["flac", "wav", "ogg", "webm", "alac", "mka", "aiff", "caf"]
_ALL_TAGGED = [*_TAGGED, *(pytest.param(each, marks=pytest.mark.long) for each in _ALSO_TAGGED)]


@pytest.mark.parametrize("asked", _ALL_TAGGED)
@pytest.mark.parametrize("source", ["mp3", pytest.param("ogg", marks=pytest.mark.long)])
def test_a_tag_is_overridden_removed_or_kept(
    world: World, sounds: Sounds, tmp_path: Path, source: str, asked: str
) -> None:
    tags = (("artist", ""), ("title", "Überschrift = ✓ 音"))
    job = world.convert(sounds.bytes(source), Conversion(asked, tags=tags))

    found = _tags(world, job, tmp_path)
    assert found["title"] == "Überschrift = ✓ 音"
    assert "artist" not in found


@pytest.mark.parametrize("asked", _ALL_TAGGED)
@pytest.mark.parametrize("source", ["mp3", pytest.param("ogg", marks=pytest.mark.long)])
def test_dropped_metadata_leaves_only_what_is_asked_for(
    world: World, sounds: Sounds, tmp_path: Path, source: str, asked: str
) -> None:
    job = world.convert(
        sounds.bytes(source), Conversion(asked, metadata="drop", tags=(("title", "New"),))
    )
    found = _tags(world, job, tmp_path)
    assert found["title"] == "New"
    assert "artist" not in found
    assert "Tëst" not in str(found)


def _film(sounds: Sounds, folder: Path) -> bytes:
    """A film's title, and a track that has one of its own."""
    path = folder / "film.mkv"
    titled = [
        "-metadata",
        "title=Film",
        "-metadata",
        "artist=Who",
        "-metadata:s:a",
        "title=English",
    ]
    sounds.make(path, ["-i", str(sounds.path("wav")), *titled, "-c:a", "flac", "-f", "matroska"])
    return path.read_bytes()


@pytest.mark.parametrize("asked", _ALL_TAGGED)
def test_the_title_of_a_track_is_not_that_of_the_file(
    world: World, sounds: Sounds, tmp_path: Path, asked: str
) -> None:
    data = _film(sounds, tmp_path)
    named = world.convert(data, Conversion(asked, tags=(("title", "Pilot"),)))
    found = _tags(world, named, tmp_path)
    assert (found["title"], found["artist"]) == ("Pilot", "Who")

    bare = world.convert(data, Conversion(asked, tags=(("title", ""),)))
    found = _tags(world, bare, tmp_path)
    assert "title" not in found
    assert found["artist"] == "Who"


@pytest.mark.parametrize("asked", ["opus", pytest.param("ogg", marks=pytest.mark.long)])
def test_an_ogg_has_the_tags_of_the_file_and_none_of_the_track(
    world: World, sounds: Sounds, tmp_path: Path, asked: str
) -> None:
    found = _tags(world, world.convert(_film(sounds, tmp_path), asked), tmp_path)
    assert (found["title"], found["artist"]) == ("Film", "Who")
    assert "duration" not in found


@pytest.mark.parametrize(
    "text",
    [
        "-i file:/etc/passwd",
        "a=b=c; [x] 'q' \"d\" \\ %s | :",
        "first line\nsecond line",
        "long " * 999 + "text",
        "日本語 🎵 ñ",
    ],
    ids=["option", "signs", "lines", "long", "unicode"],
)
@pytest.mark.parametrize(
    "asked", ["opus", *(pytest.param(each, marks=pytest.mark.long) for each in ("mp3", "m4a"))]
)
def test_a_tag_may_hold_any_text(
    world: World, sounds: Sounds, tmp_path: Path, asked: str, text: str
) -> None:
    job = world.convert(sounds.bytes("wav"), Conversion(asked, tags=(("comment", text),)))
    assert _tags(world, job, tmp_path)["comment"] == text


@pytest.mark.parametrize(
    "asked", ["mp3", *(pytest.param(each, marks=pytest.mark.long) for each in ("m4a", "flac"))]
)
def test_a_cover_is_kept_unless_it_is_dropped(
    world: World, sounds: Sounds, tmp_path: Path, asked: str
) -> None:
    kept = world.convert(sounds.bytes("mp3"), asked)
    dropped = world.convert(sounds.bytes("mp3"), Conversion(asked, cover="drop"))

    assert sounds.cover_bytes() in world.output(kept)
    assert sounds.cover_bytes()[:1000] not in world.output(dropped)
    streams = _probed(world, world.output(dropped), tmp_path)["streams"]
    assert [each["codec_type"] for each in streams] == ["audio"]
    assert _tags(world, dropped, tmp_path)["title"] == "Tëst ✓"


def test_a_trimmed_and_faded_output_keeps_its_cover_and_tags(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    asked = Conversion("m4a", start_seconds=1, end_seconds=3, fade_out_seconds=1)
    job = world.convert(sounds.bytes("mp3"), asked)
    assert job.output is not None
    assert job.output.mode is Mode.STREAM
    assert sounds.cover_bytes() in world.output(job)
    assert _tags(world, job, tmp_path)["title"] == "Tëst ✓"


def test_what_players_turn_the_volume_by_goes_when_the_loudness_changes(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    data = sounds.with_tag("flac", "REPLAYGAIN_TRACK_GAIN", "-7.5 dB")

    kept = _tags(world, world.convert(data, "flac"), tmp_path)
    gone = _tags(world, world.convert(data, Conversion("flac", loudness=Loudness())), tmp_path)

    assert kept["replaygain_track_gain"] == "-7.5 dB"
    assert "replaygain_track_gain" not in gone


@pytest.mark.parametrize(("fade_in", "fade_out"), [(80.0, None), (None, 5.0), (3.0, 3.0)])
def test_fades_longer_than_the_audio_are_refused(
    world: World, sounds: Sounds, fade_in: float | None, fade_out: float | None
) -> None:
    asked = Conversion("wav", fade_in_seconds=fade_in, fade_out_seconds=fade_out)

    for source in ("wav", "mp3-no-xing"):
        job = world.convert(sounds.bytes(source), asked)
        assert job.failure is not None
        assert job.failure.code == "TRIM_OUT_OF_RANGE"
        assert "shorten them" in job.failure.message
    assert world.keys() == []
