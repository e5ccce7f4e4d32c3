"""ffprobe's answer, read for what the conversion has to know."""

from __future__ import annotations

from typing import Any

import pytest

from conversion.errors import InputOutOfRange, InputTooLong, NoAudioStream, UnsupportedInput
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


def test_what_starts_late_lasts_from_there_to_the_end() -> None:
    found = _found(tags={"DURATION": "00:00:05.000000000"}, start_time="2.000000")
    del found["streams"][0]["duration"]
    sound = Sound.from_probe(found, False)
    assert (sound.duration_seconds, sound.start_seconds) == (3, 2)


def test_a_duration_of_0_is_not_known() -> None:
    assert _sound(duration="0.000000").duration_seconds is None


@pytest.mark.parametrize(
    ("codec", "raw", "sample", "bits"),
    [
        ("pcm_f32le", None, 32, 32),
        ("pcm_f64le", None, 64, 64),
        ("pcm_u8", None, 8, 8),
        ("pcm_mulaw", None, 8, 8),
        ("adpcm_ms", None, 4, 4),
        ("pcm_s24le", "24", 24, 24),
        ("mp3", None, 0, 0),
        ("dsd_lsbf", None, 1, 24),
    ],
)
def test_bits(codec: str, raw: str | None, sample: int, bits: int) -> None:
    found = _found(codec_name=codec, bits_per_sample=sample)
    found["streams"][0]["bits_per_raw_sample"] = raw or "0"
    assert Sound.from_probe(found, False).bits == bits


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


def test_a_guessed_duration_refuses_nothing() -> None:
    Sound.from_probe(_found(), duration_is_guess=True).check(30)


@pytest.mark.parametrize("duration", ["nan", "inf", "N/A"])
def test_a_duration_that_is_no_number_is_not_known(duration: str) -> None:
    assert _sound(duration=duration).duration_seconds is None
