"""Loudness after EBU R 128: read what ffmpeg's `ebur128` measured, and choose the gain.

Measured with `ebur128` and set with a plain gain, in both passes, and not with `loudnorm`:

- A gain leaves the dynamics alone, whatever the loudness range. `loudnorm` does too while it is in
  its linear mode; where the peak or the range does not allow that it turns to a compressor of its
  own accord, and leaves its output at 192 kHz.
- It is seven times as dear: 16 s of CPU for ten minutes of MP3, where `ebur128` with true peak
  takes 2 to 2.5 s and the encoding 7 s.

Where the gain would carry a peak over the limit, a limiter holds it, at four times the rate, since
a true peak lies between samples. It takes 12 dB at most: what goes further is distortion, and the
gain is held back instead. The job then says that the target was missed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from conversion.conversion import Loudness
from conversion.errors import CorruptInput, OutputBroken
from conversion.outcome import JobWarning, MeasuredLoudness

# Codes of warnings on a completed job; docs/architecture.md lists them.
NOT_MEASURABLE = "LOUDNESS_NOT_MEASURABLE"
TARGET_MISSED = "LOUDNESS_TARGET_MISSED"

# BS.1770 leaves out blocks of 400 ms below this; `ebur128` tells it where there is no other.
_GATE_LUFS = -70.0
# R 128 §g: the programme loudness is at its target within ±0.5 LU.
_TOLERANCE_LU = 0.5
_MOST_LIMITED_DB = 12.0
# `ebur128` rounds both figures to a tenth.
_ROUNDING_DB = 0.1
_SILENT = (
    "The audio is silent, or shorter than the 0.4 s that a measurement takes: it was converted at "
    "the loudness it has."
)
_SUMMARY = re.compile(r"\[Parsed_ebur128_\d+ @ [^\]]*\] \[info\] Summary:$")
_FIGURE = re.compile(r"(I|LRA|Peak): +(\S+) (?:LUFS|LU|dBFS)$")


class Meter:
    """Lines of ffmpeg's log in, what its `ebur128` filter summed up out.

    The figures stand on lines of their own below the summary's first, like a tag's text might: only
    those behind such a line count, and of each the first.
    """

    def __init__(self) -> None:
        self._figures: dict[str, float] | None = None

    def hear(self, line: str) -> None:
        if _SUMMARY.match(line):
            self._figures = {}
        elif self._figures is not None and (figure := _FIGURE.match(line)):
            self._figures.setdefault(figure[1], float(figure[2]))

    @property
    def measured(self) -> MeasuredLoudness:
        """All None for silence, and for less than the 0.4 s that one measurement takes. Raises
        CorruptInput for infinite samples, which a file of floats can hold."""
        if self._figures is None or self._figures.keys() < {"I", "LRA", "Peak"}:
            raise OutputBroken("ffmpeg did not say how loud the audio is; convert it again.")
        loudness, peak = self._figures["I"], self._figures["Peak"]
        is_silent = peak == -math.inf or loudness <= _GATE_LUFS
        if not is_silent and not all(map(math.isfinite, self._figures.values())):
            raise CorruptInput(
                "The audio holds samples that are no numbers, so nobody can say how loud it is; "
                "repair it, or convert it without loudness."
            )
        if is_silent:
            return MeasuredLoudness(None, None, None)
        return MeasuredLoudness(loudness, self._figures["LRA"], peak)


@dataclass(frozen=True)
class Gain:
    """`ceiling_dbtp`: true peaks beyond it are held by the limiter; None where there are none."""

    db: float
    ceiling_dbtp: float | None = None


def gain_for(measured: MeasuredLoudness, target: Loudness) -> Gain | None:
    """None for what has no loudness."""
    if measured.integrated_lufs is None or measured.true_peak_dbtp is None:
        return None
    gain = target.integrated_lufs - measured.integrated_lufs
    over = round(measured.true_peak_dbtp + gain + _ROUNDING_DB - target.true_peak_dbtp, 2)
    if over <= 0:
        return Gain(round(gain, 2))
    return Gain(round(gain - max(0.0, over - _MOST_LIMITED_DB), 2), target.true_peak_dbtp)


def warnings(target: Loudness, gain: Gain | None, after: MeasuredLoudness) -> list[JobWarning]:
    """What is to be said of a normalisation that did not do what was asked for."""
    if gain is None:
        return [JobWarning(NOT_MEASURABLE, _SILENT)]
    reached = after.integrated_lufs
    if reached is not None and abs(reached - target.integrated_lufs) <= _TOLERANCE_LU:
        return []
    has = "no measurable loudness" if reached is None else f"{reached:g} LUFS"
    why = "its fades make it softer than the rest of it is"
    if gain.ceiling_dbtp is not None:
        why = f"its peaks have to stay below {gain.ceiling_dbtp:g} dBTP; ask for less loudness"
    said = f"The output has {has} where {target.integrated_lufs:g} LUFS were asked for: {why}."
    return [JobWarning(TARGET_MISSED, said)]
