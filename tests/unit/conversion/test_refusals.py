"""Everything that is refused, each with the words that say what to ask for instead."""

from __future__ import annotations

from typing import Any

import pytest

from conversion.conversion import Conversion
from conversion.declared import MOST_CONVERSIONS, MOST_NAME_CHARACTERS
from conversion.errors import InvalidRequest
from conversion.formats import FORMATS
from conversion.stores.attributes import to_attributes
from conversion.tags import MOST_TAG_BYTES
from conversion.uploads import Upload

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"bitrateKbps": 128, "quality": 2}, "exclude each other"),
    ({"bitrateKbps": 500}, "500 kbit/s is not among what mp3 takes: ask for 32, 40, 48, 56, 64"),
    ({"bitrateKbps": 0}, "ask for 32, 40, "),
    ({"bitrateKbps": 100}, "ask for 32, 40, "),
    ({"bitrateKbps": 192, "sampleRate": 44_101}, "mp3 has no sample rate of 44101 Hz"),
    ({"bitrateKbps": 192, "sampleRate": 22_050}, "takes at 22050 Hz: ask for 8, 16, "),
    ({"bitrateKbps": 96, "sampleRate": 8_000, "channels": 1}, "at 8000 Hz with 1 channel(s): ask"),
    ({"bitrateKbps": True}, '"bitrateKbps" is a whole number.'),
    ({"bitrateKbps": 192.5}, '"bitrateKbps" is a whole number.'),
    ({"bitrateKbps": "192"}, '"bitrateKbps" is a whole number.'),
    ({"quality": 10}, "The quality of mp3 goes from 0 (best) to 9; 10 is outside."),
    ({"quality": 1.5}, '"quality" is a whole number.'),
    ({"format": "opus", "quality": 5}, "opus has no quality scale; mp3, ogg do."),
    ({"format": "flac", "quality": 5}, "flac has no quality scale"),
    ({"format": "flac", "bitrateKbps": 128}, "flac is lossless and takes no bitrate"),
    ({"bitDepth": 16}, "mp3 is lossy and has no bit depth: leave bitDepth out."),
    ({"format": "flac", "bitDepth": 32}, "cannot have a bitDepth of 32; it takes 16, 24."),
    ({"format": "wav", "bitDepth": 8}, "it takes 16, 24, 32."),
    ({"channels": 0}, "mp3 cannot have 0 channels; it takes 1, 2."),
    ({"channels": 6}, "mp3 cannot have 6 channels; it takes 1, 2."),
    ({"format": "wav", "channels": 9}, "it takes 1, 2, 3, 4, 5, 6, 7, 8."),
    ({"format": "m4a", "channels": 7}, "m4a cannot have 7 channels; it takes 1, 2, 3, 4, 5, 6."),
    ({"sampleRate": 44_101}, "mp3 has no sample rate of 44101 Hz; it takes 8000, 11025"),
    ({"format": "opus", "sampleRate": 44_100}, "it takes 8000, 12000, 16000, 24000, 48000."),
    ({"format": "wav", "sampleRate": 3_999}, "it takes 4000 to 768000."),
    ({"format": "wav", "sampleRate": 768_001}, "it takes 4000 to 768000."),
    ({"format": "ogg", "sampleRate": 384_000}, "ogg has no sample rate of 384000 Hz; it takes 80"),
    ({"format": "mka", "sampleRate": 100_001}, "it takes 4000 to 65534, 88200, 96000, "),
    (
        {"format": "m4a", "bitrateKbps": 320, "sampleRate": 44_100, "channels": 1},
        "320 kbit/s is not among what m4a takes at 44100 Hz with 1 channel(s): ask for 16 to 264.",
    ),
    (
        {"format": "ogg", "bitrateKbps": 240, "sampleRate": 22_050, "channels": 2},
        "at 22050 Hz with 2 channel(s): ask for 32 to 180.",
    ),
    (
        {"format": "ogg", "bitrateKbps": 128, "sampleRate": 96_000, "channels": 2},
        "ogg takes no bitrate at 96000 Hz with 2 channel(s): leave bitrateKbps out.",
    ),
    ({"startSeconds": -1}, '"startSeconds" is a number of seconds from 0 to 86400.'),
    ({"endSeconds": 86_401}, '"endSeconds" is a number of seconds from 0 to 86400.'),
    ({"fadeInSeconds": "1"}, '"fadeInSeconds" is a number.'),
    ({"fadeOutSeconds": -0.5}, '"fadeOutSeconds" is a number of seconds'),
    ({"startSeconds": 5, "endSeconds": 5}, "endSeconds (5) is not after startSeconds (5)"),
    ({"endSeconds": 0}, "endSeconds (0) is not after startSeconds (0): nothing would be left."),
    ({"endSeconds": 0.000001}, "endSeconds is less than 0.001 s after startSeconds: next to"),
    (
        {"startSeconds": 1, "endSeconds": 3, "fadeInSeconds": 1.5, "fadeOutSeconds": 1},
        "The fades take 2.5 s and only 2 s are asked for; shorten them.",
    ),
    ({"loudness": {"integratedLufs": -4}}, '"integratedLufs" is a number from -70 to -5.'),
    ({"loudness": {"truePeakDbtp": 1}}, '"truePeakDbtp" is a number from -9 to 0.'),
    ({"loudness": {"lufs": -16}}, "\"loudness\" has no 'lufs'; its fields are integratedLufs"),
    ({"loudness": -16}, '"loudness" is an object with the fields'),
    ({"waveform": {"samplesPerPixel": 31}}, '"samplesPerPixel" is a whole number from 32'),
    ({"waveform": {"samplesPerPixel": 65_537}}, '"samplesPerPixel" is a whole number from 32'),
    ({"waveform": "yes"}, '"waveform" is an object with the fields samplesPerPixel.'),
    ({"metadata": "remove"}, '"metadata" is one of keep, drop.'),
    ({"cover": True}, '"cover" is one of keep, drop.'),
    ({"format": "opus", "cover": "keep"}, "opus holds no cover; mp3, m4a, flac, alac, aiff do."),
    ({"format": "w64", "metadata": "keep"}, "w64 holds no tags to keep; mp3, m4a, ogg"),
    ({"format": "aac", "tags": {"title": "x"}}, "aac holds no tags; leave them out"),
    ({"format": "m4a", "tags": {"isrc": "x"}}, 'm4a has no place for the tag "isrc"; it takes'),
    ({"format": "wav", "tags": {"lyrics": "x"}}, 'wav has no place for the tag "lyrics"'),
    ({"tags": []}, '"tags" is an object of texts'),
    ({"tags": {f"t{n}": "" for n in range(51)}}, '"tags" has 51 names; it may have 50.'),
    ({"tags": {"title=x": "y"}}, "'title=x' is no name of a tag"),
    ({"tags": {"": "y"}}, "'' is no name of a tag"),
    ({"tags": {"-y": "y"}}, "'-y' is no name of a tag"),
    ({"tags": {"title\n": "y"}}, "is no name of a tag"),
    ({"tags": {"a" * 65: "y"}}, "is no name of a tag"),
    ({"tags": {"title": 3}}, '"tags" is an object of texts'),
    ({"tags": {"title": None}}, '"tags" is an object of texts, by their names; "" removes a tag.'),
    ({"tags": {"title": "a\x00b"}}, 'The tag "title" has control characters'),
    ({"tags": {"title": "\x1b[2J"}}, 'The tag "title" has control characters'),
    ({"tags": {"title": "\ud800"}}, 'The tag "title" has control characters'),
    ({"tags": {"title": "a", "Title": "b"}}, "a name twice: upper and lower case are the same."),
    ({"tags": {"lyrics": "é" * 8_190}}, f"may have {MOST_TAG_BYTES} bytes of UTF-8 in all"),
    ({"gain": 3}, "A conversion has no 'gain'; its fields are format, preset"),
]


@pytest.mark.parametrize(("asked", "words"), REFUSED, ids=range(len(REFUSED)))
def test_it_is_refused_with_its_reason(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Conversion.from_request({"format": "mp3", **asked})
    assert words in refused.value.message
    assert refused.value.message.endswith(".")


ALLOWED: list[dict[str, Any]] = [
    {"bitrateKbps": 64, "sampleRate": 8_000},
    {"bitrateKbps": 160, "sampleRate": 24_000},
    {"quality": 0},
    {"quality": 9},
    {"format": "ogg", "quality": -1},
    {"format": "ogg", "quality": 10, "sampleRate": 192_000},
    {"format": "ogg", "bitrateKbps": 180, "sampleRate": 22_050, "channels": 2},
    {"format": "m4a", "bitrateKbps": 264, "sampleRate": 44_100, "channels": 1},
    {"format": "wav", "channels": 4, "sampleRate": 768_000, "bitDepth": 32},
    {"format": "flac", "sampleRate": 384_000, "bitDepth": 24},
    {"startSeconds": 0.2, "endSeconds": 0.5, "fadeInSeconds": 0.1, "fadeOutSeconds": 0.2},
    {"startSeconds": 1, "endSeconds": 1.001},
    {"startSeconds": 86_400, "fadeOutSeconds": 86_400},
    {"loudness": {"integratedLufs": -70, "truePeakDbtp": -9}},
    {"loudness": {"integratedLufs": -5, "truePeakDbtp": 0}},
    {"format": "aac", "tags": {"title": ""}, "metadata": "drop", "cover": "drop"},
    {"format": "m4a", "tags": {"TITLE": "x", "isrc": ""}},
    {"tags": {"lyrics": "é" * 8_189}},
    {"tags": {"lyrics": "one\r\ntwo\tthree"}},
]


@pytest.mark.parametrize("asked", ALLOWED, ids=range(len(ALLOWED)))
def test_the_limit_itself_is_allowed(asked: dict[str, Any]) -> None:
    assert Conversion.from_request({"format": "mp3", **asked}).to_item()


def test_no_refusal_repeats_the_text_of_a_tag() -> None:
    """Details are answered to whoever asked, but logged by others' tools on the way."""
    for tags in ({"title": "Geheim\x00"}, {"title": "Geheim" * 4_000}, {"=": "Geheim"}):
        with pytest.raises(InvalidRequest) as refused:
            Conversion.from_request({"format": "mp3", "tags": tags})
        assert "Geheim" not in refused.value.message


def test_the_largest_upload_fits_into_an_item() -> None:
    """DynamoDB takes 400 KB, names and values in UTF-8; the JSON of its wire form is larger."""
    text = "é" * ((MOST_TAG_BYTES - 50 * 64) // 100)
    tags = {f"{number:064}": text for number in range(50)}
    largest = {
        **{"format": "mp3", "quality": 9, "sampleRate": 44_100, "channels": 2},
        **{"endSeconds": 86_399.123456, "fadeInSeconds": 1.123456, "fadeOutSeconds": 1.123456},
        **{"loudness": True, "waveform": True, "metadata": "drop", "cover": "drop", "tags": tags},
    }
    wanted = [{**largest, "startSeconds": 1.0 + number} for number in range(MOST_CONVERSIONS)]
    name = "🎧" * (MOST_NAME_CHARACTERS - 4) + ".wav"
    body = {"fileName": name, "bytes": 1, "conversions": wanted}
    upload = Upload.from_request(body, max_bytes=10, retention_days=7)
    assert len(upload.conversions) == MOST_CONVERSIONS
    item = upload.to_item()
    assert size_of(item) < 400_000
    assert to_attributes(item)
    assert size_of(item["conversions"][0]) < 256 * 1024 - 64 * 1024  # a job's, in Step Functions


def size_of(value: Any) -> int:
    """As DynamoDB counts ("Item sizes and formats"): at most 21 bytes a number, 3 more for a map or
    list and 1 for each of its entries."""
    if isinstance(value, dict):
        return 3 + sum(len(name.encode()) + 1 + size_of(each) for name, each in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + size_of(each) for each in value)
    return len(value.encode()) if isinstance(value, str) else 21


@pytest.mark.parametrize("made", FORMATS.values(), ids=lambda each: each.name)
def test_a_format_takes_its_own_defaults(made: Any) -> None:
    if made.quality:
        assert Conversion(made.name, quality=made.quality.default)
    for depth in made.depths:
        assert Conversion(made.name, bit_depth=depth)
