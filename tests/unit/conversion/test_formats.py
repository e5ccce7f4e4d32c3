"""The table of formats holds together."""

from __future__ import annotations

import re

import pytest

from conversion.bitrates import AAC, MP3, OPUS, VORBIS, Bitrates
from conversion.errors import UnsupportedOutputFormat
from conversion.formats import FORMATS, INPUT_SUFFIXES, LAYOUTS, Format, format_named
from tasks.converter.layouts import channels_of

each_format = pytest.mark.parametrize("made", FORMATS.values(), ids=lambda each: each.name)


@each_format
def test_a_format_is_whole(made: Format) -> None:
    assert FORMATS[made.name] is made
    assert re.fullmatch(r"[a-z0-9]+", made.suffix)
    assert re.fullmatch(r"audio/[a-z0-9-]+(; codecs=[a-z]+)?", made.media_type)
    assert made.lossless == (made.bitrates is None) == (not made.encoder)
    assert made.lossless or made.rates
    assert not made.cover or made.tags


@each_format
def test_what_we_make_we_also_take(made: Format) -> None:
    assert made.suffix in INPUT_SUFFIXES


@each_format
def test_layouts_and_numbers_of_channels_are_the_same(made: Format) -> None:
    layouts = made.layouts or LAYOUTS
    assert tuple(channels_of(each) for each in layouts) == made.channel_counts


@each_format
def test_each_lossy_format_has_a_default_and_bitrates_at_the_usual_rate(made: Format) -> None:
    if made.bitrates:
        assert made.bitrates.default or made.quality
        assert set(made.bitrates.choices) <= set(made.rates)
        assert made.bitrates.at(None, made.channel_counts)


@pytest.mark.parametrize(
    ("name", "source", "rate"),
    [
        ("opus", 32_000, 48_000),  # ffmpeg's own choice is the nearest, 24 kHz
        ("opus", 44_100, 48_000),
        ("opus", 192_000, 48_000),
        ("mp3", 4_000, 8_000),
        ("mp3", 96_000, 48_000),
        ("m4a", 96_000, 96_000),
        ("ogg", 96_000, 96_000),
        ("flac", 44_101, 44_101),
        ("flac", 65_536, 88_200),
        ("flac", 768_000, 384_000),
        ("wav", 768_000, 768_000),
        ("alac", 37_800, 37_800),
    ],
)
def test_a_rate_that_cannot_be_kept_becomes_the_next_higher(
    name: str, source: int, rate: int
) -> None:
    assert FORMATS[name].rate_for(source) == rate
    assert FORMATS[name].holds_rate(rate)


def test_vorbis_has_bitrates_up_to_48_khz_only() -> None:
    assert FORMATS["ogg"].rate_for(96_000, with_bitrate=True) == 48_000
    assert VORBIS.at(96_000, (2,)) == ()


@pytest.mark.parametrize(
    ("bitrates", "kbps", "rate", "channels", "nearest"),
    [
        (MP3, 192, 44_100, 2, 192),
        (MP3, 192, 22_050, 2, 160),
        (MP3, 192, 8_000, 1, 64),
        (MP3, 144, 44_100, 2, 128),
        (AAC, 160, 8_000, 1, 48),
        (AAC, 160, 48_000, 6, 160),
        (VORBIS, 240, 8_000, 1, 42),
        (VORBIS, 48, 44_100, 2, 64),
        (OPUS, 512, 48_000, 1, 256),
        (OPUS, 6, 48_000, 8, 48),
    ],
)
def test_a_bitrate_becomes_what_the_sound_can_carry(
    bitrates: Bitrates, kbps: int, rate: int, channels: int, nearest: int
) -> None:
    assert bitrates.nearest(kbps, rate, channels) == nearest


@pytest.mark.parametrize("bits", [0, 8, 16, 20, 24, 32, 64])
def test_a_depth_holds_what_there_is_and_no_more(bits: int) -> None:
    for made in FORMATS.values():
        if made.lossless:
            depth = made.depth_for(bits)
            assert depth >= bits or depth == max(made.depths)
            assert not any(bits <= each < depth for each in made.depths)


def test_input_suffixes_are_plain_and_no_text() -> None:
    assert all(re.fullmatch(r"[a-z0-9]+", each) for each in INPUT_SUFFIXES)
    assert not INPUT_SUFFIXES & {"txt", "exe", "zip", "html", "svg", "m3u8", "mpd", "pls"}


def test_an_unknown_format_names_the_known() -> None:
    with pytest.raises(UnsupportedOutputFormat) as refused:
        format_named("mp4")
    assert all(name in refused.value.message for name in FORMATS)
