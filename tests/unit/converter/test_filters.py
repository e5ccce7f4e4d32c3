"""The chain of filters: none where nothing is asked for, else the order that filters.py argues."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conversion.conversion import Conversion, Loudness, Waveform
from conversion.errors import TrimOutOfRange
from tasks.converter.command import measure_command
from tasks.converter.filters import Shape, Tap, chain_rate, filter_options, measuring_chain
from tasks.converter.loudness import Gain
from tasks.converter.sound import Sound
from tasks.converter.trim import Span

_LOUD = Loudness(-16.0, -1.0)


def _sound(**changes: Any) -> Sound:
    facts: dict[str, Any] = {
        "demuxer": "wav",
        "codec": "pcm_s16le",
        "stream": 0,
        "channels": 2,
        "sample_rate": 44_100,
        "bits": 16,
        "duration_seconds": 10.0,
        "duration_is_guess": False,
    }
    return Sound(**(facts | changes))


def chain(sound: Sound, asked: Conversion, shape: Shape, tap: Tap | None = None) -> str:
    """What stands behind `-af`."""
    options = filter_options(sound, asked, shape, tap)
    return options[1] if options else ""


def _names(filters: str) -> list[str]:
    """Of the main branch."""
    return [each.partition("=")[0] for each in filters.partition("asplit")[0].split(",") if each]


def test_nothing_asked_for_is_no_chain() -> None:
    for asked in (Conversion("mp3"), Conversion("wav", sample_rate=8000, channels=1)):
        assert filter_options(_sound(), asked, Shape(Span())) == []


def test_the_order_is_trim_mix_gain_limiter_fades_meter_dither() -> None:
    asked = Conversion(
        "wav", channels=1, fade_in_seconds=1, fade_out_seconds=1, loudness=_LOUD, bit_depth=16
    )
    shape = Shape(Span(1.0, 9.0), 9.0, Gain(14.0, -1.0))

    filters = chain(_sound(), asked, shape)

    assert _names(filters) == [
        *("atrim", "asetpts", "aformat", "volume", "aformat", "alimiter", "aformat"),
        *("afade", "afade", "ebur128", "aformat"),
    ]


def test_both_passes_trim_and_mix_alike() -> None:
    asked = Conversion("mp3", channels=1, sample_rate=32_000, loudness=_LOUD, fade_in_seconds=1)
    span = Span(1.0, 9.0)

    first = measuring_chain(_sound(), asked, span)
    second = chain(_sound(), asked, Shape(span, 9.0, Gain(3.0)))

    assert second.startswith(first.removesuffix("ebur128=peak=true:framelog=-8"))
    assert "sample_rates=32000:channel_layouts=" in first


def test_the_measuring_pass_writes_nothing() -> None:
    command = measure_command("ffmpeg", _sound(), "http://g", "anull")
    assert command[-3:] == ["-f", "null", "-"]
    assert command[command.index("-protocol_whitelist") + 1] == "http,tcp"
    assert command[command.index("-i") + 1 :][:4] == ["http://g", "-map", "0:0", "-af"]
    assert "-af" not in measure_command("ffmpeg", _sound(), "http://g", "")


def test_a_trim_counts_samples() -> None:
    asked = Conversion("mp3", start_seconds=1.5, end_seconds=2.25)
    filters = chain(_sound(), asked, Shape(Span.of(_sound(), asked)))
    assert filters.startswith("atrim=start_sample=66150:end_sample=99225,")


def test_a_fade_out_ends_with_the_part() -> None:
    asked = Conversion("mp3", start_seconds=2, fade_out_seconds=1.5)
    filters = chain(_sound(), asked, Shape(Span.of(_sound(), asked), ends_at=9.9))
    assert "afade=t=out:st=6.400000:d=1.500000" in filters


def test_a_fade_longer_than_the_part_takes_all_of_it() -> None:
    asked = Conversion("mp3", fade_out_seconds=60)
    filters = chain(_sound(), asked, Shape(Span(), ends_at=10.0))
    assert "afade=t=out:st=0.000000:d=10.000000" in filters


@pytest.mark.parametrize(("depth", "dithers"), [(16, True), (24, False)])
def test_only_16_bits_are_dithered(depth: int, dithers: bool) -> None:
    asked = Conversion("flac", loudness=_LOUD, bit_depth=depth)
    options = filter_options(_sound(), asked, Shape(Span(), None, Gain(1.0)))
    assert ("-dither_method" in options) is dithers
    assert ("sample_fmts=s16" in options[1]) is dithers


def test_the_peaks_leave_the_main_branch_as_it_is() -> None:
    asked = Conversion("mp3", waveform=Waveform(256))
    filters = chain(_sound(channels=6), asked, Shape(Span()), Tap(7, 256))

    assert filters.startswith("asplit[sound][peaks];")
    assert filters.endswith(";[sound]anull")
    assert re.search(r"pan=mono\|c0=(0\.16\d+\*c\d\+){5}0\.16\d+\*c5,", filters)
    assert r"file=pipe\\:7," in filters
    assert chain_rate(_sound(), asked, Shape(Span())) == 44_100


def test_behind_a_gain_the_peaks_are_of_the_new_channels_and_rate() -> None:
    asked = Conversion("opus", channels=1, waveform=Waveform(), loudness=_LOUD)
    shape = Shape(Span(), None, Gain(1.0))
    assert "pan=mono|c0=1.000000000*c0," in chain(_sound(), asked, shape, Tap(7, 256))
    assert chain_rate(_sound(), asked, shape) == 48_000


@pytest.mark.parametrize(("start", "end"), [(10.0, None), (11.0, None), (None, 10.6), (9.0, 20.0)])
def test_a_trim_beyond_the_file_is_refused_before_anything_is_converted(
    start: float | None, end: float | None
) -> None:
    asked = Conversion("mp3", start_seconds=start, end_seconds=end)
    with pytest.raises(TrimOutOfRange, match=r"lasts 10\.000 s"):
        Span.of(_sound(), asked)
    assert Span.of(_sound(duration_is_guess=True), asked) == Span(start or 0.0, end)
    assert Span.of(_sound(duration_seconds=None), asked) == Span(start or 0.0, end)


@pytest.mark.parametrize("item", [{"endSeconds": 1e-6}, {"startSeconds": 1, "endSeconds": 1}])
@pytest.mark.parametrize("lasts", [10.0, None])
def test_a_trim_without_a_sample_is_the_trims_fault(
    item: dict[str, Any], lasts: float | None
) -> None:
    asked = Conversion.from_item({"format": "mp3"} | item)
    with pytest.raises(TrimOutOfRange, match="leaves nothing; choose a later end"):
        Span.of(_sound(duration_seconds=lasts), asked)


def test_a_start_within_the_last_sample_is_behind_the_file() -> None:
    with pytest.raises(TrimOutOfRange, match="choose an earlier start"):
        Span.of(_sound(), Conversion("mp3", start_seconds=9.999999))
    assert Span.of(_sound(), Conversion("mp3", start_seconds=9.99)).start == 9.99


def test_an_end_a_little_beyond_the_file_is_its_end() -> None:
    span = Span.of(_sound(), Conversion("mp3", end_seconds=10.3))
    assert span.end_in(10.0) == 10.0


@pytest.mark.parametrize(
    ("changes", "end", "exact"),
    [
        ({}, None, 10.0),
        ({}, 4.0, 4.0),
        ({}, 10.3, 10.0),
        ({"duration_is_guess": True}, 4.0, None),
        ({"duration_seconds": None}, None, None),
        ({"bits": 0, "codec": "mp3"}, None, None),
        ({"bits": 0, "codec": "mp3"}, 4.0, 4.0),
        # So near to the declared end that the true one may be before it.
        ({"bits": 0, "codec": "mp3"}, 9.8, None),
    ],
)
def test_where_a_part_ends_is_known_or_has_to_be_measured(
    changes: dict[str, Any], end: float | None, exact: float | None
) -> None:
    sound = _sound(**changes)
    assert Span.of(sound, Conversion("mp3", end_seconds=end)).exact_end(sound) == exact
