"""What has to be known before the conversion, and the measuring pass that finds it out.

That pass decodes the part once and writes nothing. It is made where loudness is to be normalised,
and where a fade-out needs an end that no header tells to the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from conversion.conversion import Conversion
from conversion.outcome import MeasuredLoudness
from conversion.progress import Stage
from tasks.converter.command import measure_command
from tasks.converter.filters import Shape, measuring_chain
from tasks.converter.loudness import Meter, gain_for
from tasks.converter.passes import Passes

# Its share of the work. CPU seconds for ten minutes of MP3, ffmpeg 6.0: decoding 0.7, with the
# meter 2.9, encoding MP3 7.0, encoding FLAC 3.
_METERED, _METERED_LOSSLESS, _COUNTED = 0.3, 0.45, 0.1


@dataclass(frozen=True)
class Plan:
    """`before`: how loud the part is as it stands; None where nobody asked."""

    shape: Shape
    before: MeasuredLoudness | None = None


def plan(passes: Passes, conversion: Conversion, ffmpeg: str) -> Plan:
    """Raises what a pass does."""
    ends_at = passes.span.exact_end(passes.sound) if conversion.fade_out_seconds else None
    if conversion.loudness is None and (ends_at is not None or not conversion.fade_out_seconds):
        return Plan(Shape(passes.span, ends_at))
    return _measured(passes, conversion, ffmpeg)


def _measured(passes: Passes, conversion: Conversion, ffmpeg: str) -> Plan:
    meter, pace = Meter(), passes.pace
    filters = measuring_chain(passes.sound, conversion, passes.span)
    command = measure_command(ffmpeg, passes.sound, passes.gate.url, filters)
    share = _share(conversion)
    pace.takes(0, share, pace.duration_seconds)
    part = passes.run(command, [], lambda: 0, meter.hear, stage=Stage.MEASURING)
    pace.takes(share, 1, part.seconds)
    if conversion.loudness is None:
        return Plan(Shape(passes.span, part.ended_at))
    before = meter.measured
    return Plan(Shape(passes.span, part.ended_at, gain_for(before, conversion.loudness)), before)


def _share(conversion: Conversion) -> float:
    if conversion.loudness is None:
        return _COUNTED
    return _METERED_LOSSLESS if conversion.target.lossless else _METERED
