"""What is read of ffmpeg's measurement, and the gain that is chosen by it."""

from __future__ import annotations

import pytest

from conversion.conversion import Loudness
from conversion.errors import CorruptInput, OutputBroken
from conversion.outcome import MeasuredLoudness
from tasks.converter.loudness import Gain, Meter, gain_for, warnings

# As ffmpeg 5.1, 6.0 and 9.0 log it.
_SUMMARY = """
[Parsed_ebur128_2 @ 0x2d339ec0] [info] Summary:

  Integrated loudness:
    I:         {i} LUFS
    Threshold: -22.0 LUFS

  Loudness range:
    LRA:         1.6 LU
    Threshold: -32.0 LUFS
    LRA low:   -12.9 LUFS
    LRA high:  -11.3 LUFS

  True peak:
    Peak:      {peak} dBFS
"""


def _heard(*texts: str) -> Meter:
    meter = Meter()
    for text in texts:
        for line in text.splitlines():
            meter.hear(line.strip())
    return meter


def _loud(lufs: float, dbtp: float) -> MeasuredLoudness:
    return MeasuredLoudness(lufs, 4.0, dbtp)


def test_the_summary_is_read() -> None:
    meter = _heard(_SUMMARY.format(i="-12.0", peak="-8.7"))
    assert meter.measured == MeasuredLoudness(-12.0, 1.6, -8.7)


@pytest.mark.parametrize("silent", [("-70.0", "-inf"), ("-70.0", "-3.0"), ("nan", "-inf")])
def test_silence_has_no_loudness(silent: tuple[str, str]) -> None:
    meter = _heard(_SUMMARY.format(i=silent[0], peak=silent[1]))
    assert meter.measured == MeasuredLoudness(None, None, None)


@pytest.mark.parametrize("said", [("-20.0", "inf"), ("nan", "-10.5"), ("nan", "inf")])
def test_what_no_number_says_is_no_loudness_to_go_by(said: tuple[str, str]) -> None:
    """A file of floats may hold samples that are infinite or no numbers; so would the gain be."""
    meter = _heard(_SUMMARY.format(i=said[0], peak=said[1]))
    with pytest.raises(CorruptInput):
        _ = meter.measured


def test_a_tag_cannot_pass_for_a_measurement() -> None:
    forged = "    I:         -5.0 LUFS\n    LRA:  1.0 LU\n    Peak:  -9.0 dBFS\n"
    titled = "[info]     title           : [Parsed_ebur128_0 @ 0x1] [info] Summary:\n"
    summary = _SUMMARY.format(i="-12.0", peak="-8.7")

    assert _heard(titled + forged, summary, forged).measured == MeasuredLoudness(-12.0, 1.6, -8.7)
    with pytest.raises(OutputBroken):
        _ = _heard(titled + forged).measured


def test_a_log_that_was_cut_is_no_silence() -> None:
    with pytest.raises(OutputBroken):
        _ = _heard(_SUMMARY.format(i="-12.0", peak="-8.7").partition("LRA low")[0]).measured


@pytest.mark.parametrize(
    ("measured", "gain"),
    [
        (_loud(-30.0, -20.0), Gain(14.0)),
        (_loud(-10.0, -0.5), Gain(-6.0)),
        # The rounding of both figures is on the safe side: −15.1 + 14 would just do.
        (_loud(-30.0, -15.1), Gain(14.0)),
        (_loud(-30.0, -15.0), Gain(14.0, -1.0)),
        (_loud(-30.0, -4.0), Gain(14.0, -1.0)),
        # 20 dB over and 12 of them limited: the gain gives up the other 8, and the rounding.
        (_loud(-30.0, 5.0), Gain(5.9, -1.0)),
    ],
)
def test_a_gain_is_as_asked_for_as_far_as_the_peaks_allow(
    measured: MeasuredLoudness, gain: Gain
) -> None:
    assert gain_for(measured, Loudness(-16.0, -1.0)) == gain


def test_silence_gets_no_gain_and_a_warning() -> None:
    nothing = MeasuredLoudness(None, None, None)
    assert gain_for(nothing, Loudness()) is None
    [warning] = warnings(Loudness(), None, nothing)
    assert warning.code == "LOUDNESS_NOT_MEASURABLE"


@pytest.mark.parametrize("reached", [-16.5, -16.0, -15.5])
def test_within_half_a_unit_the_target_is_met(reached: float) -> None:
    assert warnings(Loudness(-16.0), Gain(3.0, -1.0), _loud(reached, -1.2)) == []


@pytest.mark.parametrize(
    ("gain", "reached", "why"),
    [
        (Gain(3.0, -1.0), -17.1, "below -1 dBTP"),
        (Gain(3.0), -17.1, "fades"),
        (Gain(3.0), None, "no measurable loudness"),
    ],
)
def test_a_missed_target_is_told_with_its_reason(
    gain: Gain, reached: float | None, why: str
) -> None:
    after = MeasuredLoudness(reached, None, None)
    [warning] = warnings(Loudness(-16.0), gain, after)
    assert warning.code == "LOUDNESS_TARGET_MISSED"
    assert why in warning.message
