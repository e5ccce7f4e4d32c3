"""ffprobe's answer, read for what the conversion has to know."""

from __future__ import annotations

from typing import Any

import pytest

from conversion.errors import InputOutOfRange, InputTooLong, NoAudioStream, UnsupportedInput
from conversion.formats import FORMATS
from conversion.job import Conversion
from tasks.converter.command import (
    DEMUXERS,
    convert_command,
    moov_room,
    probe_command,
    projected_bytes,
    to_sink,
)
from tasks.converter.sound import Cover, Sound


def _found(**changes: Any) -> dict[str, Any]:
    audio = {
        "index": 0,
        "codec_type": "audio",
        "codec_name": "flac",
        "channels": 2,
        "sample_rate": "44100",
        "bits_per_raw_sample": "24",
        "duration": "30.5",
    }
    form = {"format_name": "flac", "duration": "31.0", "tags": {"title": "A"}}
    return {"streams": [audio | changes], "format": form}


def _sound(**changes: Any) -> Sound:
    return Sound.from_probe(_found(**changes), duration_is_guess=False)


def test_the_plain_case() -> None:
    sound = _sound()
    assert (sound.demuxer, sound.stream, sound.channels) == ("flac", 0, 2)
    assert (sound.sample_rate, sound.bits, sound.duration_seconds) == (44100, 24, 30.5)
    assert sound.cover is None
    sound.check(60)


def test_the_default_audio_stream_is_chosen_and_the_films_length_is_not_the_sounds() -> None:
    found = _found(index=1, duration="10")
    del found["streams"][0]["duration"]
    other = dict(found["streams"][0], index=2, disposition={"default": 1})
    found["streams"] = [{"index": 0, "codec_type": "video"}, found["streams"][0], other]

    sound = Sound.from_probe(found, duration_is_guess=False)

    assert sound.stream == 2
    assert sound.duration_seconds is None


def test_matroska_keeps_a_streams_duration_in_a_tag() -> None:
    found = _found(tags={"DURATION": "00:01:00.250000000"})
    del found["streams"][0]["duration"]
    assert Sound.from_probe(found, False).duration_seconds == 60.25


def test_a_cover_and_its_size() -> None:
    found = _found()
    picture = {"index": 1, "codec_type": "video", "codec_name": "png"}
    found["streams"].append(picture | {"disposition": {"attached_pic": 1}})
    found["packets"] = [{"stream_index": 0, "size": "9"}, {"stream_index": 1, "size": "12345"}]
    assert Sound.from_probe(found, False).cover == Cover(1, 12345)
    found["packets"] = []
    assert Sound.from_probe(found, False).cover == Cover(1, None)
    found["streams"][1]["codec_name"] = "webp"
    assert Sound.from_probe(found, False).cover is None


def test_no_audio_and_no_codec() -> None:
    with pytest.raises(NoAudioStream):
        Sound.from_probe({"streams": [], "format": {"format_name": "mov"}}, False)
    with pytest.raises(UnsupportedInput):
        _sound(codec_name="unknown")


@pytest.mark.parametrize(
    "changes", [{"sample_rate": "1"}, {"sample_rate": "800000"}, {"channels": 0}, {"channels": 9}]
)
def test_out_of_range(changes: dict[str, Any]) -> None:
    with pytest.raises(InputOutOfRange):
        _sound(**changes).check(60)


def test_too_long() -> None:
    with pytest.raises(InputTooLong):
        _sound().check(30)


@pytest.mark.parametrize("name", FORMATS)
def test_a_command_holds_no_secret_and_forces_the_demuxer(name: str) -> None:
    sound = _sound()
    command = [*convert_command("ffmpeg", sound, Conversion(name), "http://g"), *to_sink("ftp://s")]

    before = command[: command.index("-i")]
    assert before[before.index("-f") + 1] == "flac"
    assert before[before.index("-protocol_whitelist") + 1] == "http,tcp"
    assert command[-1] == "ftp://s"
    assert command[command.index("-c:a") + 1] in (
        FORMATS[name].encoder,
        FORMATS[name].deep_encoder,
    )


def test_playlists_are_not_among_the_demuxers() -> None:
    allowed = set(DEMUXERS.split(","))
    assert not allowed & {"hls", "concat", "dash", "sdp", "rtsp", "image2", "lavfi", "data"}
    assert DEMUXERS in probe_command("ffprobe", "http://g")


@pytest.mark.parametrize(
    ("changes", "is_shallow"),
    [
        ({"bits_per_raw_sample": "16"}, True),
        ({"bits_per_raw_sample": "0"}, True),
        ({"bits_per_raw_sample": "24"}, False),
        ({"bits_per_raw_sample": "0", "bits_per_sample": 32}, False),
        (
            {"codec_name": "dsd_lsbf", "bits_per_raw_sample": "0", "bits_per_sample": 1},
            False,
        ),
    ],
)
def test_a_flac_gets_no_bits_that_its_source_has_not(
    changes: dict[str, Any], is_shallow: bool
) -> None:
    command = convert_command("f", _sound(**changes), Conversion("flac"), "http://g")
    assert ("-sample_fmt" in command) is is_shallow
    assert "-sample_fmt" not in convert_command("f", _sound(**changes), Conversion("mp3"), "x")


@pytest.mark.parametrize("duration", ["nan", "inf", "N/A"])
def test_a_duration_that_is_no_number_is_not_known(duration: str) -> None:
    assert _sound(duration=duration).duration_seconds is None


def test_more_channels_than_the_format_holds_are_mixed_down() -> None:
    command = convert_command("ffmpeg", _sound(channels=6), Conversion("mp3"), "http://g")
    assert command[command.index("-ac") + 1] == "2"
    assert "-ac" not in convert_command("f", _sound(channels=6), Conversion("flac"), "http://g")


def test_tags_on_the_stream_are_lifted() -> None:
    found = _found(tags={"TITLE": "A"})
    found["format"]["format_name"] = "ogg"
    command = convert_command("f", Sound.from_probe(found, False), Conversion("mp3"), "http://g")
    assert command[command.index("-map_metadata") + 1] == "0:s:0"


def test_room_for_moov() -> None:
    m4a = FORMATS["m4a"]
    assert 16_000 < moov_room(_sound(), m4a) < 64_000
    assert moov_room(_sound(), FORMATS["mp3"]) == 0
    assert moov_room(Sound.from_probe(_found(), duration_is_guess=True), m4a) == 0


def test_a_wav_beyond_4_gib_is_rf64() -> None:
    long = _sound(duration=str(24 * 3600), bits_per_raw_sample="16")
    assert projected_bytes(long, Conversion("wav")) > 2**32
    assert "-rf64" in convert_command("f", long, Conversion("wav"), "http://g")
    assert "-rf64" not in convert_command("f", _sound(), Conversion("wav"), "http://g")
