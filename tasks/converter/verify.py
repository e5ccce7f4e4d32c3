"""Whether a conversion really succeeded: ffmpeg's exit code 0 is only the first of the conditions.

Half an MP3 converts with exit code 0. So: the whole input was decoded, as far as its format can
tell; where it cannot tell, the job says so; something came out; and the output, read back from
where it was put, lasts as long as what was decoded.
"""

from __future__ import annotations

import math

from conversion.errors import CorruptInput, OutputBroken, TruncatedInput
from conversion.outcome import JobWarning
from tasks.converter.containers.claims import Missing
from tasks.converter.containers.endings import FRAME_BY_FRAME
from tasks.converter.reports import Log
from tasks.converter.sound import Sound

# What these declare is exact, but for a container's rounding; one FLAC frame is some 90 ms.
_LOSSLESS = ("pcm_", "flac", "alac", "wavpack", "tta", "ape")
_LOSSLESS_HOLE_SECONDS = 0.01
# CAF counts whole packets, the silence behind the last sample too (measured: 44 of 4,096 samples
# for 43.07). Its chunks say whether it was cut.
_COUNTS_PACKETS = ("caf",)
# Others may count the encoder's delay and padding. Their decoder has to complain as well; and a
# complaint alone may be of junk between frames, which costs no audio.
_LOSSY_HOLE_SECONDS = 0.1
# Headers that count themselves, or a tag that is gone: an ID3v1 tag has 128 bytes.
_SLACK_BYTES = 128
# Some encoders count the frame that holds the Xing header among the others.
_SLACK_FRAMES = 2
# The number of samples in their header is exact and does not come from how long the file is.
_COUNTS_SAMPLES = frozenset({"flac", "wv", "mpc", "mpc8", "tak", "ape"})
# What a demuxer says of a packet that should be where nothing is. (An error of our own gate ends
# the run before anyone comes here.)
_BEYOND_THE_END = ("Input/output error", "End of file")
_TRUNCATED = (
    "it is cut off; upload the whole file again (a program that shortened it on purpose left the "
    "old length in it: then save it once more)."
)
# Codes of warnings on a completed job (conversion/outcome.py); docs/architecture.md lists them.
LENGTH_UNVERIFIED = "LENGTH_UNVERIFIED"
PARAMETERS_CHANGE = "PARAMETERS_CHANGE"
DECODE_ERRORS = "DECODE_ERRORS"
_TOLD_KINDS = 3
# Where nothing declares a length, complaints are all there is. Measured on a minute of ADTS and of
# MP3: 9 to 55 % of complaints and frames are complaints where half of the frames are damaged, and
# 2.4 to 3.7 % where all are whole and 500 KB of junk follow. 50 KB of junk cost 8 to 10 complaints,
# however short the file is.
_MOST_COMPLAINTS_SHARE = 0.05
_MOST_COMPLAINTS = 10


def tolerance(seconds: float) -> float:
    """Encoders pad and trim by some thousand samples; containers round (docs/streaming.md)."""
    return max(0.5, 0.01 * seconds)


def decoded_seconds(sound: Sound, heard: Log, reported: float | None) -> float:
    """How much audio was decoded. Raises CorruptInput when there was none."""
    samples = heard.decoded_samples.get(sound.stream)
    if reported is None and heard.figures is not None:
        reported = heard.figures.seconds
    seconds = reported if samples is None else samples / sound.sample_rate
    if len({rate for rate, _ in heard.kinds}) > 1:
        # Decoded at one rate and another; the encoder got them all at its own.
        seconds = _encoded_seconds(heard) or seconds
    if not seconds:
        raise CorruptInput("No audio could be decoded from this file; check that it plays.")
    return seconds


def check_ending(gone: Missing, size: int) -> None:
    """Asked when nothing could be decoded at all: a file cut that short was cut first of all.
    Raises TruncatedInput."""
    if gone.bytes > (0 if gone.for_certain else min(_SLACK_BYTES, 0.01 * size)):
        raise TruncatedInput(f"The file ends {gone.bytes} or more bytes early: {_TRUNCATED}")


def check_whole(sound: Sound, heard: Log, decoded: float, gone: Missing, size: int) -> None:
    """Raises TruncatedInput when the input ends before its audio does, CorruptInput when there are
    holes in it or the rest could not be read."""
    if gone.samples is None:
        check_ending(gone, size)
    elif _lacks_frames(sound, heard, gone):
        raise TruncatedInput(f"The file's last frames are not there: {_TRUNCATED}")
    declared = _declared(sound)
    if not declared and gone.samples is None and _is_too_damaged(sound, heard):
        raise CorruptInput(
            f"{_complaints(sound, heard)}: too much of the file is damaged. Upload it again, or "
            "repair it first."
        )
    if declared - decoded > _allowance(sound, heard, declared):
        if gone.is_there:
            raise CorruptInput(
                f"{declared - decoded:.2f} s of {declared:.1f} s of audio are damaged and cannot "
                "be decoded; upload the file again, or repair it first."
            )
        raise TruncatedInput(
            f"The file declares {declared:.2f} s of audio and holds {decoded:.2f} s: {_TRUNCATED}"
        )
    if sound.demuxer in FRAME_BY_FRAME and heard.packet_was_cut:
        raise TruncatedInput(f"The file ends in the middle of its last frame: {_TRUNCATED}")
    if heard.unread is not None and not _is_complete(sound, heard, decoded, gone):
        if heard.unread.startswith(_BEYOND_THE_END):
            raise TruncatedInput(f"The file ends before its audio does: {_TRUNCATED}")
        raise CorruptInput(
            f"The file cannot be read beyond {decoded:.1f} s ({heard.unread}); check that it plays "
            "to its end, or convert it to another lossless format first."
        )


def warnings(sound: Sound, heard: Log, decoded: float, gone: Missing) -> tuple[JobWarning, ...]:
    """What is to be said of an input that `check_whole` let pass."""
    doubt = _doubt(sound, heard, decoded, gone)
    unverified = JobWarning(
        LENGTH_UNVERIFIED,
        f"Whether the file was whole could not be told: {doubt}. All that was there was converted; "
        "compare the length with the original's.",
    )
    kinds = ", then ".join(f"{rate} Hz {layout}" for rate, layout in heard.kinds[:_TOLD_KINDS])
    changes = JobWarning(
        PARAMETERS_CHANGE,
        f"The audio changes on its way ({kinds}); it was converted to one rate and one number of "
        "channels. A few hundredths of a second can be lost at each change.",
    )
    errors = JobWarning(
        DECODE_ERRORS,
        f"{_complaints(sound, heard)}: the file is damaged, and what could not be decoded was left "
        "out, or it holds other data between its frames or behind them. Listen to it.",
    )
    said = (unverified,) * bool(doubt) + (changes,) * (len(heard.kinds) > 1)
    return said + (errors,) * (heard.decode_errors > 0)


def check_output(output: Sound, decoded: float, heard: Log | None = None) -> None:
    """Raises OutputBroken unless the output lasts as long as what went in; headers of MP3 and Opus
    count the encoder's padding too, so the length that is told to people is `decoded`. Where its
    format declares none (ADTS), what the encoder was given counts. Raises CorruptInput where the
    input's own times are to blame."""
    lasts = _encoded_seconds(heard) if output.duration_is_guess else output.duration_seconds
    # ffprobe counts the silence before a late start in Opus, and leaves it out elsewhere.
    if lasts is not None and _is_near(decoded, lasts, lasts - output.start_seconds):
        return
    if heard is not None and (heard.times_run_back or len(heard.kinds) > 1):
        raise CorruptInput(
            "This file was joined from parts whose times do not follow each other, so that its "
            f"{decoded:.1f} s would play as {lasts} s in this format: ask for mp3, flac or wav, or "
            "join the parts anew."
        )
    if lasts is None:
        raise OutputBroken(
            f"{decoded:.5f} s of audio, less than a frame, are too short for this format: ask for "
            "wav, flac or mp3."
        )
    raise OutputBroken(
        f"The output lasts {lasts} s where {decoded:.1f} s went in; it was thrown away."
    )


def _encoded_seconds(heard: Log | None) -> float | None:
    if heard is None or not heard.encoded_samples or not heard.output_rate:
        return None
    return heard.encoded_samples / heard.output_rate


def _is_near(wanted: float, *lengths: float) -> bool:
    return any(abs(each - wanted) <= tolerance(wanted) for each in lengths)


def _declared(sound: Sound) -> float:
    return sound.sure_seconds or 0.0


def _samples(sound: Sound, heard: Log) -> int:
    return heard.decoded_samples.get(sound.stream, 0)


def _is_too_damaged(sound: Sound, heard: Log) -> bool:
    """A frame is complained of once or twice, a stretch whose headers are gone now and then."""
    frames = heard.decoded_frames.get(sound.stream, 0) + heard.decode_errors
    return heard.decode_errors > max(_MOST_COMPLAINTS, _MOST_COMPLAINTS_SHARE * frames)


def _complaints(sound: Sound, heard: Log) -> str:
    decoded = heard.decoded_frames.get(sound.stream, 0)
    return f"The decoder failed {heard.decode_errors} times, and {decoded} frames came out"


def _lacks_frames(sound: Sound, heard: Log, gone: Missing) -> bool:
    """By the frames that the header counts, and by its bytes too where it has them: either alone
    is counted in more than one way."""
    lacking = (gone.samples or 0) - _samples(sound, heard)
    if gone.knows_end:
        return lacking > 0 and gone.bytes > _SLACK_BYTES
    return lacking > _SLACK_FRAMES * gone.samples_of_a_frame


def _allowance(sound: Sound, heard: Log, declared: float) -> float:
    """By how much the declared duration may exceed the decoded one in a whole file."""
    if _is_exact(sound):
        return _LOSSLESS_HOLE_SECONDS
    return _LOSSY_HOLE_SECONDS if heard.decode_errors else tolerance(declared)


def _is_exact(sound: Sound) -> bool:
    """Whether the duration that ffprobe tells is exact."""
    return sound.codec.startswith(_LOSSLESS) and sound.demuxer not in _COUNTS_PACKETS


def _is_complete(sound: Sound, heard: Log, decoded: float, gone: Missing) -> bool:
    """Whether all that the header counts came out: what cannot be read behind it is no audio."""
    if gone.samples is not None:
        return _samples(sound, heard) >= gone.samples
    return _is_exact(sound) and 0 < _declared(sound) <= decoded + _LOSSLESS_HOLE_SECONDS


def _doubt(sound: Sound, heard: Log, decoded: float, gone: Missing) -> str:
    """Why nobody can tell whether there should be more; empty where the container tells."""
    declared, samples = _declared(sound), _samples(sound, heard)
    if gone.bytes and (gone.samples or math.inf) > samples:
        return f"its header promises {gone.bytes} bytes more than there are"
    if gone.samples and samples > gone.samples + _SLACK_FRAMES * gone.samples_of_a_frame:
        return "its header counts fewer frames than there are"
    if declared and decoded > declared + tolerance(declared):
        return f"its header says {declared:.1f} s and there are {decoded:.1f} s of audio in it"
    if gone.knows_end or gone.samples or (sound.demuxer in _COUNTS_SAMPLES and declared):
        return ""
    return (
        f"{sound.codec} in this container ({sound.demuxer}) does not write down where it ends, and "
        "a cut between two frames leaves no trace"
    )
