"""Whether a conversion really succeeded: ffmpeg's exit code 0 is only the first of the conditions.

Half an MP3 converts with exit code 0. So: the whole input was decoded, as far as its format can
tell; something came out; and the output, read back from where it was put, lasts as long as what
was decoded.
"""

from __future__ import annotations

import logging

from conversion.errors import CorruptInput, OutputBroken, TruncatedInput
from tasks.converter.endings import FRAME_BY_FRAME, Missing
from tasks.converter.reports import Log
from tasks.converter.sound import Sound

log = logging.getLogger(__name__)

_TRUNCATED = "it is cut off; upload the whole file again."


def tolerance(seconds: float) -> float:
    """Encoders pad and trim by some thousand samples; containers round (DESIGN §3)."""
    return max(0.5, 0.01 * seconds)


def decoded_seconds(sound: Sound, heard: Log, reported: float | None) -> float:
    """How much audio was decoded. Raises CorruptInput when there was none."""
    samples = heard.decoded_samples.get(sound.stream)
    seconds = reported if samples is None else samples / sound.sample_rate
    if not seconds:
        raise CorruptInput("No audio could be decoded from this file; check that it plays.")
    return seconds


def check_ending(gone: Missing, size: int) -> None:
    """Asked when nothing could be decoded at all: a file cut that short was cut first of all.
    Raises TruncatedInput."""
    if (gone.for_certain and gone.bytes) or gone.bytes > 0.01 * size:
        raise TruncatedInput(f"The file ends {gone.bytes} or more bytes early: {_TRUNCATED}")


def check_whole(sound: Sound, heard: Log, decoded: float, gone: Missing, size: int) -> None:
    """Raises TruncatedInput when the input ends before its audio does."""
    lost = gone.bytes * decoded / size
    if (gone.for_certain and gone.bytes) or lost > tolerance(decoded + lost):
        raise TruncatedInput(f"The file ends {gone.bytes} or more bytes early: {_TRUNCATED}")
    declared = 0.0 if sound.duration_is_guess else sound.duration_seconds or 0.0
    if decoded < declared - tolerance(declared):
        raise TruncatedInput(
            f"The file declares {declared:.1f} s of audio and holds {decoded:.1f} s: {_TRUNCATED}"
        )
    if sound.demuxer in FRAME_BY_FRAME and heard.packet_was_cut:
        raise TruncatedInput(f"The file ends in the middle of its last frame: {_TRUNCATED}")


def check_output(output: Sound, decoded: float) -> float:
    """The output's duration in seconds. Raises OutputBroken unless it is that of the input."""
    lasts = output.duration_seconds
    if lasts is None or abs(lasts - decoded) > tolerance(decoded):
        raise OutputBroken(
            f"The output lasts {lasts} s where {decoded:.1f} s went in; it was thrown away."
        )
    return lasts
