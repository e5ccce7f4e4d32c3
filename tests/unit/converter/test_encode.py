"""What ffmpeg is told to make: depth, rate, layout and bitrate that the format can hold, and room
for what the muxer writes at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conversion.conversion import Conversion
from conversion.errors import OutputTooLarge
from conversion.formats import FORMATS, LAYOUTS
from tasks.converter.encode import (
    bitrate,
    check_size,
    depth,
    goes_back_behind,
    moov_room,
    output_channels,
    output_layout,
    output_options,
    output_rate,
    projected_bytes,
)
from tasks.converter.layouts import channels_of, layout_for
from tasks.converter.sound import Cover, Sound

_SOUND = Sound("flac", "flac", 0, 2, 44_100, 16, 30.0, duration_is_guess=False, layout="stereo")
_DAY = 24 * 3600.0


def _sound(**changes: Any) -> Sound:
    return replace(_SOUND, **changes)


def _options(sound: Sound, conversion: Conversion, room: int = 0) -> dict[str, str]:
    """Option to value; each stands once, but for `-map` and `-metadata`."""
    options = output_options(sound, conversion, room)
    return dict(zip(options[::2], options[1::2], strict=True))


@pytest.mark.parametrize(("bits", "most"), [(0, 16), (8, 16), (16, 16), (20, 24), (24, 24)])
def test_a_lossless_output_gets_the_bits_of_its_source_and_no_more(bits: int, most: int) -> None:
    for made in FORMATS.values():
        if made.lossless:
            assert depth(_sound(bits=bits), Conversion(made.name)) == most


@pytest.mark.parametrize(("name", "most"), [("flac", 24), ("alac", 24), ("wav", 32), ("caf", 32)])
def test_32_bits_and_floats_become_the_most_there_is(name: str, most: int) -> None:
    assert depth(_sound(bits=32), Conversion(name)) == most
    assert depth(_sound(bits=64), Conversion(name)) == most
    assert depth(_sound(bits=32), Conversion(name, bit_depth=16)) == 16


@pytest.mark.parametrize(
    ("name", "layout", "made"),
    [
        ("opus", "5.1(side)", "5.1"),  # libopus fails on it
        ("opus", "2.1", "5.1"),  # and on this; libvorbis plays the subwoofer on the right
        ("ogg", "2.1", "5.1"),
        ("ogg", "4.0", "6.1"),  # the only one with a centre in front and one behind
        ("opus", "quad", ""),
        ("opus", "3.0", ""),
        ("m4a", "5.1(side)", "5.1"),
        ("m4a", "quad", "5.0"),
        ("m4a", "7.1", "5.1"),
        ("alac", "6.1", "6.1(back)"),
        ("alac", "7.1", "5.1"),
        ("mp3", "5.1", "stereo"),
        ("mp3", "mono", ""),
        ("webm", "downmix", "stereo"),
        ("flac", "7.1(wide)", ""),
        ("wav", "hexagonal", ""),
    ],
)
def test_a_layout_that_has_no_name_in_the_format_becomes_the_nearest(
    name: str, layout: str, made: str
) -> None:
    sound = _sound(channels=channels_of(layout), layout=layout)
    assert output_layout(sound, Conversion(name)) == made
    assert _options(sound, Conversion(name)).get("-ch_layout", "") == made


def test_a_number_of_channels_that_is_asked_for_is_made() -> None:
    for made in FORMATS.values():
        for channels in made.channel_counts:
            for layout in LAYOUTS:
                sound = _sound(channels=channels_of(layout), layout=layout)
                asked = Conversion(made.name, channels=channels)
                assert output_channels(sound, asked) == channels


@pytest.mark.parametrize("layout", ["", "unknown", "3 channels (FL+FR+TFC)", "cube"])
def test_an_unknown_layout_counts_as_ffmpeg_guesses(layout: str) -> None:
    assert layout_for(layout, 2, ("mono", "stereo", "5.1")) == "stereo"
    assert layout_for(layout, 8, ("mono", "stereo", "5.1")) == "5.1"
    assert layout_for(layout, 8, LAYOUTS) == "7.1"


def test_a_rate_and_bitrate_that_the_source_cannot_carry_become_the_nearest() -> None:
    phone = _sound(channels=1, layout="mono", sample_rate=8_000)
    assert bitrate(phone, Conversion("ogg", 240)) == 42
    assert bitrate(phone, Conversion("mp3", 320)) == 64
    assert _options(phone, Conversion("m4a", 160))["-b:a"] == "48k"

    studio = _sound(sample_rate=192_000)
    assert output_rate(studio, Conversion("ogg", 96)) == 48_000
    assert output_rate(studio, Conversion("ogg")) == 192_000
    assert _options(studio, Conversion("ogg"))["-q:a"] == "5"


@pytest.mark.parametrize(
    ("name", "channels", "kbps"),
    [("mp3", 1, 96), ("mp3", 2, 192), ("m4a", 6, 480), ("opus", 1, 64), ("opus", 8, 512)],
)
def test_the_default_bitrate_grows_with_the_channels(name: str, channels: int, kbps: int) -> None:
    sound = _sound(channels=channels, layout=LAYOUTS[channels - 1])
    assert bitrate(sound, Conversion(name)) == kbps


def test_a_quality_has_no_bitrate() -> None:
    assert bitrate(_SOUND, Conversion("mp3", quality=0)) is None
    assert _options(_SOUND, Conversion("mp3", quality=0))["-q:a"] == "0"


def test_a_cover_travels_where_it_is_held_and_wanted() -> None:
    sound = _sound(cover=Cover(1, 9_000))
    for made in FORMATS.values():
        assert ("0:1" in output_options(sound, Conversion(made.name), 0)) == made.cover
    assert "0:1" not in output_options(sound, Conversion("mp3", cover="drop"), 0)


def test_room_for_moov_grows_with_what_is_in_it() -> None:
    m4a, alac = Conversion("m4a"), Conversion("alac")
    plain = moov_room(_SOUND, m4a)
    assert 5_989 < plain < 64_000
    assert moov_room(_sound(cover=Cover(1, 9_000)), m4a) == plain + 9_000
    assert moov_room(_sound(chapters=3), m4a) > plain + 3 * 500
    assert moov_room(_sound(tag_bytes=5_000), m4a) == plain + 5_000
    assert moov_room(_sound(duration_seconds=3_600.0), m4a) > 4 * 3_600 * 44_100 // 1024
    assert moov_room(_sound(duration_seconds=3_600.0), alac) < 512 * 1024


@pytest.mark.parametrize(
    "changes", [{"duration_is_guess": True}, {"duration_seconds": None}, {"cover": Cover(1, None)}]
)
def test_moov_goes_last_where_its_size_is_unknown(changes: dict[str, Any]) -> None:
    assert moov_room(_sound(**changes), Conversion("m4a")) == 0
    assert moov_room(_SOUND, Conversion("mp3")) == 0


@pytest.mark.parametrize(
    "changes",
    [{"duration_seconds": _DAY}, {"duration_seconds": None}, {"duration_is_guess": True}],
)
def test_a_wav_that_may_pass_4_gib_can_count_further(changes: dict[str, Any]) -> None:
    assert _options(_sound(**changes), Conversion("wav"))["-rf64"] == "auto"
    assert "-rf64" not in _options(_SOUND, Conversion("wav"))
    assert "-rf64" not in _options(_sound(**changes), Conversion("w64"))


def test_an_aiff_beyond_4_gib_is_refused_at_once() -> None:
    long = _sound(duration_seconds=_DAY)
    assert projected_bytes(long, Conversion("aiff")) > 2**32
    with pytest.raises(OutputTooLarge, match=r"AIFF holds no more than .* ask for wav, caf or w64"):
        check_size(long, Conversion("aiff"), 2**40)
    check_size(long, Conversion("aiff", end_seconds=3_600.0), 2**40)
    check_size(long, Conversion("wav"), 2**40)
    with pytest.raises(OutputTooLarge, match="more than the limit of 1000; choose"):
        check_size(_SOUND, Conversion("mp3"), 1_000)


def test_nothing_is_refused_by_a_guessed_duration() -> None:
    guess = _sound(duration_seconds=_DAY, duration_is_guess=True)
    assert projected_bytes(guess, Conversion("mp3")) == 0
    for name in ("aiff", "mp3"):
        check_size(guess, Conversion(name), 1_000_000)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_large_cover_or_tag_is_out_of_reach_where_the_muxer_goes_back_behind_it(
    name: str,
) -> None:
    """As tried with parts of 64 KiB and a cover, or a comment, of 300 kB."""
    behind_cover = {"mp3", "m4a", "alac", "aiff"}
    behind_tags = behind_cover | {"wav", "caf", "mka", "webm"}
    covered, reach = _sound(cover=Cover(1, 300_000)), 64 * 1024
    assert goes_back_behind(covered, Conversion(name), reach) is (name in behind_cover)
    assert goes_back_behind(_sound(tag_bytes=300_000), Conversion(name), reach) is (
        name in behind_tags
    )
    assert not goes_back_behind(covered, Conversion(name, cover="drop"), reach)
    assert not goes_back_behind(covered, Conversion(name), 8 * 1024**2)
    assert not goes_back_behind(_sound(cover=Cover(1, None)), Conversion(name), reach)


def test_an_ogg_has_a_serial_number_of_its_own_and_the_same_one_again() -> None:
    serial = _options(_SOUND, Conversion("opus"))["-serial_offset"]
    assert 0 <= int(serial) < 2**31
    assert _options(_sound(), Conversion("opus"))["-serial_offset"] == serial
    assert _options(_sound(duration_seconds=31.0), Conversion("opus"))["-serial_offset"] != serial
    assert _options(_SOUND, Conversion("opus", 64))["-serial_offset"] != serial


def test_tags_are_kept_dropped_and_written_over() -> None:
    asked = Conversion("mp3", metadata="drop", tags=(("title", "a=b"), ("artist", "")))
    options = output_options(_SOUND, asked, 0)
    for dropped in ("-map_metadata", "-map_metadata:s:a", "-map_chapters"):
        assert options[options.index(dropped) + 1] == "-1"
    at = options.index("-metadata")
    assert options[at : at + 4] == ["-metadata", "title=a=b", "-metadata", "artist="]


def test_a_part_has_no_chapters() -> None:
    """Nor is room kept for them."""
    assert "-map_chapters" not in output_options(_SOUND, Conversion("m4a"), 0)
    for asked in (Conversion("m4a", start_seconds=1.0), Conversion("m4a", end_seconds=9.0)):
        assert _options(_SOUND, asked)["-map_chapters"] == "-1"
        assert moov_room(_sound(chapters=9), asked) == moov_room(_SOUND, asked)


def test_a_record_that_a_stricter_table_would_refuse_is_converted() -> None:
    record = Conversion.from_item({"format": "ogg", "bitrateKbps": 20, "waveform": {}})
    options = _options(_SOUND, record)
    assert options["-b:a"] == "64k"
    alone = Conversion.from_item({"format": "ogg", "bitrateKbps": 20})
    assert _options(_SOUND, alone) == options
