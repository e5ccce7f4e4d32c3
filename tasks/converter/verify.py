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

# What these declare is exact, but for a container's rounding; one FLAC frame is some 90 ms.
_LOSSLESS = ("pcm_", "flac", "alac", "wavpack", "tta", "ape")
_LOSSLESS_HOLE_SECONDS = 0.01
# Others may count the encoder's delay and padding. Their decoder has to complain as well; and a
# complaint alone may be of junk between frames, which costs no audio.
_LOSSY_HOLE_SECONDS = 0.1
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
    """Raises TruncatedInput when the input ends before its audio does, CorruptInput when there are
    holes in it."""
    lost = gone.bytes * decoded / size
    if (gone.for_certain and gone.bytes) or lost > tolerance(decoded + lost):
        raise TruncatedInput(f"The file ends {gone.bytes} or more bytes early: {_TRUNCATED}")
    declared = 0.0 if sound.duration_is_guess else sound.duration_seconds or 0.0
    if decoded < declared - tolerance(declared):
        raise TruncatedInput(
            f"The file declares {declared:.1f} s of audio and holds {decoded:.1f} s: {_TRUNCATED}"
        )
    if _has_hole(sound, heard, declared - decoded):
        raise CorruptInput(
            f"{declared - decoded:.2f} s of {declared:.1f} s of audio are damaged and cannot be "
            "decoded; upload the file again, or repair it first."
        )
    if sound.demuxer in FRAME_BY_FRAME and heard.packet_was_cut:
        raise TruncatedInput(f"The file ends in the middle of its last frame: {_TRUNCATED}")


def _has_hole(sound: Sound, heard: Log, lost: float) -> bool:
    if sound.codec.startswith(_LOSSLESS):
        return lost > _LOSSLESS_HOLE_SECONDS
    return heard.decode_errors > 0 and lost > _LOSSY_HOLE_SECONDS


def check_output(output: Sound, decoded: float) -> None:
    """Raises OutputBroken unless the output lasts as long as what went in; headers of MP3 and Opus
    count the encoder's padding too, so the length that is told to people is `decoded`."""
    lasts = output.duration_seconds
    if lasts is None or abs(lasts - decoded) > tolerance(decoded):
        raise OutputBroken(
            f"The output lasts {lasts} s where {decoded:.1f} s went in; it was thrown away."
        )
