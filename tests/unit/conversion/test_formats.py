"""The table of formats holds together."""

from __future__ import annotations

import re

import pytest

from conversion.errors import UnsupportedOutputFormat
from conversion.formats import FORMATS, INPUT_SUFFIXES, Format, format_named


@pytest.mark.parametrize("made", FORMATS.values(), ids=lambda each: each.name)
def test_a_format_is_whole(made: Format) -> None:
    assert FORMATS[made.name] is made
    assert re.fullmatch(r"[a-z0-9]+", made.suffix)
    assert re.fullmatch(r"audio/[a-z0-9]+(; codecs=[a-z]+)?", made.media_type)
    assert made.lossless == (made.bitrates is None)
    if made.bitrates:
        assert 0 < made.bitrates.least <= (made.bitrates.default or 128) <= made.bitrates.most


@pytest.mark.parametrize("made", FORMATS.values(), ids=lambda each: each.name)
def test_what_we_make_we_also_take(made: Format) -> None:
    assert made.suffix in INPUT_SUFFIXES


def test_a_lossy_format_without_a_default_bitrate_says_how_it_is_made() -> None:
    for made in FORMATS.values():
        if made.bitrates and made.bitrates.default is None:
            assert made.arguments


def test_input_suffixes_are_plain_and_no_text() -> None:
    assert all(re.fullmatch(r"[a-z0-9]+", each) for each in INPUT_SUFFIXES)
    assert not INPUT_SUFFIXES & {"txt", "exe", "zip", "html", "svg", "m3u8", "mpd", "pls"}


def test_an_unknown_format_names_the_known() -> None:
    with pytest.raises(UnsupportedOutputFormat) as refused:
        format_named("mp4")
    assert all(name in refused.value.message for name in FORMATS)
