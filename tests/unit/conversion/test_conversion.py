"""Conversions survive their own writing wherever it is kept, and no two have one identity."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conversion.conversion import Conversion, Loudness, Waveform
from conversion.errors import InvalidRequest, RequestError, UnsupportedOutputFormat
from conversion.formats import FORMATS
from conversion.presets import PRESETS
from conversion.stores.attributes import from_attributes, to_attributes
from tests.unit.conversion.asked import conversions, requests

# One with every field, each of them other than its default: nothing can be forgotten in a test
# that changes one at a time.
FULL: dict[str, Any] = {
    "format": "mp3",
    "bitrateKbps": 128,
    "sampleRate": 44_100,
    "channels": 2,
    "startSeconds": 1.5,
    "endSeconds": 61.25,
    "fadeInSeconds": 0.5,
    "fadeOutSeconds": 2.0,
    "loudness": {"integratedLufs": -16.0, "truePeakDbtp": -1.5},
    "metadata": "drop",
    "tags": {"artist": "Ärzte", "lyrics": "la\nla", "title": ""},
    "cover": "drop",
    "waveform": {"samplesPerPixel": 256},
}


@given(conversions)
def test_it_survives_a_record_and_a_request(conversion: Conversion) -> None:
    item = conversion.to_item()
    assert Conversion.from_item(item) == Conversion.from_request(item) == conversion
    assert Conversion.from_item(json.loads(json.dumps(item))) == conversion
    stored = from_attributes(to_attributes({"conversion": item}))["conversion"]
    assert Conversion.from_item(stored) == conversion


@given(conversions, conversions)
def test_its_identity_is_the_same_exactly_when_it_is(one: Conversion, other: Conversion) -> None:
    assert (one.identity == other.identity) == (one == other)
    stored = from_attributes(to_attributes({"conversion": one.to_item()}))["conversion"]
    assert Conversion.from_item(stored).identity == one.identity


@given(requests)
def test_any_request_is_read_or_refused_with_a_sentence(request: dict[str, Any]) -> None:
    refusal = None
    try:
        Conversion.from_request(request)
    except RequestError as refused:
        refusal = refused.message
    assert refusal is None or refusal.endswith(".")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(FULL)), json_values)
def test_no_value_of_any_field_is_more_than_refused(name: str, value: Any) -> None:
    """And what is read can be kept: DynamoDB takes no NaN, no 1e-200 and no half surrogates."""
    try:
        read = Conversion.from_request(FULL | {name: value})
    except RequestError:
        return
    item = from_attributes(to_attributes({"conversion": read.to_item()}))["conversion"]
    assert Conversion.from_item(item) == read


@pytest.mark.parametrize("value", [10**400, -(10**400), float("nan"), float("inf"), 1e300, 1e-200])
@pytest.mark.parametrize("name", ["startSeconds", "endSeconds", "fadeInSeconds", "sampleRate"])
def test_numbers_off_any_scale(name: str, value: float) -> None:
    if value == 1e-200 and name in ("startSeconds", "fadeInSeconds"):
        assert Conversion.from_request({"format": "flac", name: value}) == Conversion("flac")
    else:
        with pytest.raises(InvalidRequest, match=name):
            Conversion.from_request({"format": "flac", name: value})


def test_the_example_has_every_field() -> None:
    unset = {"quality", "bit_depth"}  # the two that an MP3 with a bitrate cannot have
    full = Conversion.from_request(FULL)
    assert {each.name for each in fields(full) if not getattr(full, each.name)} == unset
    assert full.to_item() == FULL


@pytest.mark.parametrize("name", sorted(FULL.keys() - {"format"}))
def test_without_any_one_field_it_is_another(name: str) -> None:
    full = Conversion.from_request(FULL)
    other = Conversion.from_request({each: FULL[each] for each in FULL if each != name})
    assert (other == full, other.identity == full.identity) == (False, False)


@pytest.mark.parametrize(
    "change",
    [
        {"loudness": {"integratedLufs": -16.0, "truePeakDbtp": -1.0}},
        {"waveform": {"samplesPerPixel": 512}},
        {"tags": FULL["tags"] | {"artist": "Aerzte"}},
        {"tags": FULL["tags"] | {"album": ""}},
        {"startSeconds": 1.500001},
        {"cover": "keep"},
    ],
)
def test_the_smallest_change_makes_it_another(change: dict[str, Any]) -> None:
    assert Conversion.from_request(FULL | change).identity != Conversion.from_request(FULL).identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"startSeconds": 0}, {}),
        ({"startSeconds": -0.0, "fadeInSeconds": 0.0, "fadeOutSeconds": 1e-9}, {}),
        ({"loudness": {"truePeakDbtp": -0.0}}, {"loudness": {"truePeakDbtp": 0}}),
        ({"loudness": True}, {"loudness": {"integratedLufs": -23, "truePeakDbtp": -1}}),
        ({"loudness": False, "waveform": False, "tags": {}}, {}),
        ({"waveform": True}, {"waveform": {"samplesPerPixel": 512}}),
        ({"endSeconds": 2.0}, {"endSeconds": 2}),
        ({"bitrateKbps": None, "tags": None, "cover": None, "preset": None}, {}),
        ({"tags": {"a": "1", "b": "2"}}, {"tags": {"b": "2", "a": "1"}}),
    ],
)
def test_the_same_said_otherwise_is_the_same_job(one: dict[str, Any], other: Any) -> None:
    first, second = (Conversion.from_request({"format": "mp3"} | each) for each in (one, other))
    assert first == second
    assert first.identity == second.identity


def test_a_plain_one_is_written_as_settings_write_it() -> None:
    """Its identity is part of job ids that were made before there was anything else to ask for."""
    assert str(Conversion("mp3")) == Conversion("mp3").identity == "mp3"
    assert str(Conversion("mp3", 192)) == Conversion("mp3", 192).identity == "mp3@192"


@given(conversions)
def test_its_text_names_what_is_asked_for_but_holds_no_text_of_a_tag(made: Conversion) -> None:
    secret = "Geheim"
    assume(made.target.tags)
    told = str(Conversion.from_request(made.to_item() | {"tags": {"title": secret}}))
    assert secret not in told
    assert "tags" in told
    assert "\n" not in told


def test_its_text_is_short() -> None:
    assert str(Conversion.from_request(FULL)) == (
        "mp3@128+channels+cover+endSeconds+fadeInSeconds+fadeOutSeconds+loudness+metadata"
        "+sampleRate+startSeconds+tags+waveform"
    )


@pytest.mark.parametrize("made", FORMATS.values(), ids=lambda each: each.name)
def test_a_text_of_settings_is_read_back(made: Any) -> None:
    assert Conversion.parse(made.name) == Conversion(made.name)
    if made.bitrates:
        at_most = Conversion(made.name, max(made.bitrates.at(None, made.channel_counts)))
        assert Conversion.parse(str(at_most)) == at_most


@pytest.mark.parametrize("text", ["mp3@", "mp3@x", "mp3@-1", "mp3@1.5", "mp3@999", "flac@100"])
def test_a_text_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Conversion.parse(text)


@pytest.mark.parametrize("text", ["", "mp4", "MP3", "mp3 ", "@192", "archive-flac@96", "Archive"])
def test_an_unknown_format_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedOutputFormat):
        Conversion.parse(text)


@pytest.mark.parametrize("item", [None, "mp3", [], 3, {}, {"format": None}, {"format": ["mp3"]}])
def test_what_is_no_conversion_is_refused(item: object) -> None:
    with pytest.raises(InvalidRequest):
        Conversion.from_request(item)


def test_a_record_of_looser_days_is_read() -> None:
    """A release that takes less must still show, and finish, what the one before had taken."""
    item = {"format": "mp3", "bitrateKbps": 100, "quality": None, "sampleRate": 44_101}
    record = Conversion.from_item(item | {"tags": {"isrc\n": "x"}})
    assert (record.bitrate_kbps, record.sample_rate) == (100, 44_101)
    assert Conversion.from_item(record.to_item()) == record
    with pytest.raises(InvalidRequest):
        Conversion.from_request(item)


@pytest.mark.parametrize(
    "option",
    [{"loudness": {"integratedLufs": -4, "truePeakDbtp": 1}}, {"waveform": {"samplesPerPixel": 8}}],
)
def test_a_range_is_the_requests_and_not_the_records(option: dict[str, Any]) -> None:
    record = Conversion.from_item({"format": "mp3"} | option)
    assert record.to_item() == {"format": "mp3"} | option
    with pytest.raises(InvalidRequest):
        Conversion.from_request(record.to_item())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_possible_and_names_itself_truly(name: str) -> None:
    """What its name says is what it asks for; a number with k is its bitrate."""
    asked, words = PRESETS[name], name.split("-")
    made = Conversion.from_request({"preset": name})
    assert made == Conversion.from_request(asked) == Conversion.parse(name)
    assert name not in FORMATS
    assert {"mp3", "m4a", "opus", "flac", "wav"} & {*words} <= {made.format}
    said = {word: int(word[:-1]) for word in words if word[:-1].isdecimal() and word[-1] == "k"}
    if made.target.lossless:
        assert all(made.sample_rate == rate * 1000 for rate in said.values())
    else:
        assert all(made.bitrate_kbps == rate for rate in said.values())
    assert ("mono" in words) <= (made.channels == 1)
    assert ("stereo" in words) <= (made.channels == 2)
    assert ("v0" in words) <= (made.quality == 0)
    assert ("r128" in words) <= (made.loudness == Loudness(-23.0, -1.0))
    assert ("podcast" in words) <= (made.loudness == Loudness(-16.0, -1.0))
    assert ("cd" in words) <= ((made.sample_rate, made.channels, made.bit_depth) == (44_100, 2, 16))


def test_any_part_of_a_preset_can_be_asked_for_otherwise_or_taken_out() -> None:
    podcast = {"preset": "podcast-mono-64k"}
    assert Conversion.from_request(podcast | {"bitrateKbps": 96}).bitrate_kbps == 96
    assert Conversion.from_request(podcast | {"sampleRate": 22_050}).sample_rate == 22_050
    assert Conversion.from_request(podcast | {"tags": {"title": "Pilot"}}).tags
    assert Conversion.from_request(podcast | {"waveform": True}).waveform == Waveform()
    for nothing in (None, False):
        assert Conversion.from_request(podcast | {"loudness": nothing}).loudness is None
    by_quality = Conversion.from_request(podcast | {"quality": 6})
    assert (by_quality.quality, by_quality.bitrate_kbps) == (6, None)
    by_bitrate = Conversion.from_request({"preset": "music-mp3-v0", "bitrateKbps": 256})
    assert (by_bitrate.quality, by_bitrate.bitrate_kbps) == (None, 256)
    assert Conversion.from_request(podcast | {"format": "mp3"}) == Conversion.from_request(podcast)


@pytest.mark.parametrize("name", ["", "podcast", "mp3", 3, [], {}, True])
def test_an_unknown_preset_is_refused_with_those_there_are(name: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Conversion.from_request({"preset": name})
    assert all(each in refused.value.message for each in PRESETS)


def test_a_preset_is_not_bent_into_another_format() -> None:
    with pytest.raises(InvalidRequest, match="Preset archive-flac makes flac: leave"):
        Conversion.from_request({"preset": "archive-flac", "format": "mp3"})
    with pytest.raises(InvalidRequest, match="flac is lossless"):
        Conversion.from_request({"preset": "archive-flac", "bitrateKbps": 96})


def test_a_trim_is_known_as_one() -> None:
    assert not Conversion("mp3", fade_in_seconds=1.0).is_trimmed
    assert Conversion("mp3", start_seconds=1.0).is_trimmed
    assert Conversion("mp3", end_seconds=1.0).is_trimmed


def test_a_part_of_a_presets_loudness_leaves_the_rest_of_it() -> None:
    asked = {"preset": "podcast-mono-64k", "loudness": {"truePeakDbtp": -3}}
    loudness = Conversion.from_request(asked).loudness
    assert loudness is not None
    assert (loudness.integrated_lufs, loudness.true_peak_dbtp) == (-16, -3)
