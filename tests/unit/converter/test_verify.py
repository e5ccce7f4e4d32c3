"""When a conversion counts, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conversion.errors import CorruptInput, OutputBroken, TruncatedInput
from tasks.converter import verify
from tasks.converter.containers.claims import Missing
from tasks.converter.reports import Log, Report
from tasks.converter.sound import Sound

_RATE = 44_100
_SOUND = Sound(
    demuxer="mp3",
    codec="mp3",
    stream=0,
    channels=2,
    sample_rate=_RATE,
    bits=0,
    duration_seconds=10.0,
    duration_is_guess=False,
)
_FLAC = replace(_SOUND, demuxer="flac", codec="flac", bits=16)
_ENDS = Missing(knows_end=True)


def _log(seconds: float, **facts: Any) -> Log:
    return Log(decoded_samples={0: round(seconds * _RATE)}, **facts)


def _check(sound: Sound, heard: Log, gone: Missing) -> None:
    decoded = verify.decoded_seconds(sound, heard, None)
    verify.check_whole(sound, heard, decoded, gone, 1_000_000)


def _codes(sound: Sound, heard: Log, gone: Missing) -> list[str]:
    decoded = verify.decoded_seconds(sound, heard, None)
    return [each.code for each in verify.warnings(sound, heard, decoded, gone)]


def test_what_was_decoded_is_counted_in_samples() -> None:
    assert verify.decoded_seconds(_SOUND, _log(3), 17.0) == 3
    assert verify.decoded_seconds(_SOUND, Log(), 17.0) == 17
    assert verify.decoded_seconds(_SOUND, Log(figures=Report(seconds=2.5)), None) == 2.5


def test_at_two_rates_it_is_what_the_encoder_got() -> None:
    heard = _log(3, kinds=[(44_100, "stereo"), (22_050, "mono")])
    heard.encoded_samples, heard.output_rate = 48_000 * 4, 48_000
    assert verify.decoded_seconds(_SOUND, heard, None) == 4


def test_nothing_decoded_is_no_success() -> None:
    with pytest.raises(CorruptInput):
        verify.decoded_seconds(_SOUND, _log(0), None)


@pytest.mark.parametrize(
    "gone",
    [
        Missing(1, for_certain=True),
        Missing(129, knows_end=True),
        Missing(200_000, knows_end=True, samples=12 * _RATE, samples_of_a_frame=1152),
        Missing(samples=12 * _RATE, samples_of_a_frame=1152),
    ],
)
def test_what_the_container_misses_is_a_truncation(gone: Missing) -> None:
    with pytest.raises(TruncatedInput):
        _check(_SOUND, _log(10), gone)


@pytest.mark.parametrize(
    "gone",
    [
        Missing(128, knows_end=True),
        Missing(100, knows_end=True, samples=10 * _RATE + 400, samples_of_a_frame=1152),
        # All frames are there, so the header counts something else among its bytes.
        Missing(200_000, knows_end=True, samples=10 * _RATE, samples_of_a_frame=1152),
        Missing(samples=10 * _RATE + 2 * 1152, samples_of_a_frame=1152),
    ],
)
def test_what_can_be_a_sloppy_header_is_none(gone: Missing) -> None:
    _check(_SOUND, _log(10), gone)


@pytest.mark.parametrize(
    ("sound", "decoded", "errors", "gone", "error"),
    [
        (_SOUND, 9.6, 0, _ENDS, None),
        (_SOUND, 9.4, 0, Missing(), TruncatedInput),
        (_SOUND, 9.8, 1, Missing(), TruncatedInput),
        (_SOUND, 9.8, 1, _ENDS, CorruptInput),
        (_SOUND, 9.95, 1, _ENDS, None),
        (_FLAC, 9.995, 0, Missing(), None),
        (_FLAC, 9.98, 0, Missing(has_last=lambda: False), TruncatedInput),
        (_FLAC, 9.98, 0, Missing(has_last=lambda: True), CorruptInput),
    ],
)
def test_less_than_declared_is_a_cut_or_a_hole(
    sound: Sound, decoded: float, errors: int, gone: Missing, error: type[Exception] | None
) -> None:
    heard = _log(decoded, decode_errors=errors)
    if error is None:
        _check(sound, heard, gone)
    else:
        with pytest.raises(error):
            _check(sound, heard, gone)


def test_a_guess_declares_nothing() -> None:
    _check(replace(_SOUND, duration_is_guess=True), _log(2), Missing())


@pytest.mark.parametrize(
    ("errors", "frames", "gone", "fails"),
    [
        (10, 0, Missing(), False),
        (11, 100, Missing(), True),
        (11, 209, Missing(), False),
        (100, 1900, Missing(), False),
        (101, 1900, Missing(), True),
        (101, 1900, Missing(samples=10 * _RATE, samples_of_a_frame=1152), False),
    ],
)
def test_complaints_count_where_nothing_declares_the_length(
    errors: int, frames: int, gone: Missing, fails: bool
) -> None:
    guessed = replace(_SOUND, duration_is_guess=True)
    heard = _log(10, decode_errors=errors, decoded_frames={0: frames})
    _check(_SOUND, heard, gone)
    if fails:
        with pytest.raises(CorruptInput, match=f"failed {errors} times"):
            _check(guessed, heard, gone)
    else:
        _check(guessed, heard, gone)


def test_a_caf_counts_the_packets_padding_too() -> None:
    _check(replace(_SOUND, demuxer="caf", codec="alac"), _log(9.92), _ENDS)


def test_a_torn_frame_of_adts() -> None:
    adts = replace(_SOUND, demuxer="aac", codec="aac", duration_is_guess=True)
    with pytest.raises(TruncatedInput):
        _check(adts, _log(5, packet_was_cut=True), Missing())


def test_a_file_that_cannot_be_read_to_its_end_is_refused_unless_all_came_out() -> None:
    """ffmpeg 9 ends so at a link of a chained Ogg that is of another kind, with exit code 0."""
    heard = _log(10, unread="Not yet implemented")
    with pytest.raises(CorruptInput):
        _check(replace(_SOUND, demuxer="ogg", codec="vorbis"), heard, _ENDS)
    with pytest.raises(TruncatedInput):
        _check(_SOUND, _log(10, unread="Input/output error"), _ENDS)
    _check(_FLAC, heard, Missing())
    _check(_SOUND, heard, Missing(knows_end=True, samples=10 * _RATE, samples_of_a_frame=1152))


@pytest.mark.parametrize(
    ("sound", "decoded", "gone", "codes"),
    [
        (_SOUND, 10, _ENDS, []),
        (_SOUND, 10, Missing(), ["LENGTH_UNVERIFIED"]),
        (_SOUND, 10, Missing(44, knows_end=True), ["LENGTH_UNVERIFIED"]),
        (_SOUND, 20, _ENDS, ["LENGTH_UNVERIFIED"]),
        (_SOUND, 10, Missing(samples=10 * _RATE, samples_of_a_frame=1152), []),
        (_SOUND, 10, Missing(samples=5 * _RATE, samples_of_a_frame=1152), ["LENGTH_UNVERIFIED"]),
        (_FLAC, 10, Missing(), []),
        (replace(_FLAC, duration_seconds=None), 10, Missing(), ["LENGTH_UNVERIFIED"]),
    ],
)
def test_a_warning_where_the_end_is_not_known(
    sound: Sound, decoded: float, gone: Missing, codes: list[str]
) -> None:
    assert _codes(sound, _log(decoded), gone) == codes


def test_warnings_of_changes_and_of_what_could_not_be_decoded() -> None:
    heard = _log(10, kinds=[(44_100, "stereo"), (44_100, "mono")], decode_errors=2)
    assert _codes(_SOUND, heard, _ENDS) == ["PARAMETERS_CHANGE", "DECODE_ERRORS"]


def test_an_output_lasts_as_long_as_what_went_in() -> None:
    verify.check_output(replace(_SOUND, duration_seconds=10.4), 10)
    for lasts in (9.4, 10.6, None):
        with pytest.raises(OutputBroken):
            verify.check_output(replace(_SOUND, duration_seconds=lasts), 10)


def test_an_output_whose_length_is_a_guess_lasts_as_long_as_what_the_encoder_was_given() -> None:
    adts = replace(_SOUND, demuxer="aac", duration_seconds=700.0, duration_is_guess=True)
    verify.check_output(adts, 10, Log(encoded_samples=10 * _RATE, output_rate=_RATE))
    for heard in (None, Log(), Log(encoded_samples=9 * _RATE, output_rate=_RATE)):
        with pytest.raises(OutputBroken):
            verify.check_output(replace(adts, duration_seconds=10.0), 10, heard)


def test_an_output_that_starts_late_counts_from_its_start() -> None:
    verify.check_output(replace(_SOUND, duration_seconds=12, start_seconds=2.0), 10)


def test_times_that_run_back_are_the_inputs_fault() -> None:
    with pytest.raises(CorruptInput):
        verify.check_output(_SOUND, 20, Log(times_run_back=True))
