"""Every combination that is refused before anything is started, with what to ask for instead.

What passes here does not fail later for being impossible in itself; it can still turn out not to
fit the file (a trim behind its end), which only the converter can know.
"""

from __future__ import annotations

from collections.abc import Sequence

from conversion.errors import InvalidRequest
from conversion.formats import FORMATS, LEAST_RATE, Format
from conversion.options import Loudness, Options, Waveform
from conversion.tags import refuse_impossible_tags

# A trim or fade beyond a day is a mistake in the unit.
MOST_SECONDS = 24 * 3600
# A part with less in it may have no sample: at the lowest rate, 4 kHz, this is four of them.
LEAST_SECONDS = 0.001
# At -70 LUFS BS.1770's gate leaves nothing to measure, and 0 dBTP is full scale. The other two ends
# are ours: no programme is delivered louder than the one, nor held to peaks below the other.
LUFS, DBTP = (-70, -5), (-9, 0)
# From a pixel for every millisecond or so to one for a second.
SAMPLES_PER_PIXEL = (32, 65_536)


def refuse_impossible(asked: Options, made: Format) -> None:
    """Raises InvalidRequest."""
    _check_depth(asked.bit_depth, made)
    _check_channels(asked.channels, made)
    _check_sample_rate(asked.sample_rate, made)
    _check_rate_control(asked, made)
    _check_times(asked)
    _check_company(asked, made)
    _check_loudness(asked.loudness)
    _check_waveform(asked.waveform)


def _check_rate_control(asked: Options, made: Format) -> None:
    if asked.bitrate_kbps is not None and asked.quality is not None:
        raise InvalidRequest(
            "bitrateKbps and quality exclude each other: constant or variable, choose one."
        )
    if asked.bitrate_kbps is not None:
        _check_bitrate(asked.bitrate_kbps, asked, made)
    if asked.quality is not None:
        _check_quality(asked.quality, made)


def _check_bitrate(kbps: int, asked: Options, made: Format) -> None:
    if made.bitrates is None:
        raise InvalidRequest(
            f"{made.name} is lossless and takes no bitrate: leave bitrateKbps out."
        )
    channels = made.channel_counts if asked.channels is None else (asked.channels,)
    choices = made.bitrates.at(asked.sample_rate, channels)
    if kbps in choices:
        return
    at = "" if asked.sample_rate is None else f" at {asked.sample_rate} Hz"
    at += "" if asked.channels is None else f" with {asked.channels} channel(s)"
    if not choices:
        raise InvalidRequest(f"{made.name} takes no bitrate{at}: leave bitrateKbps out.")
    raise InvalidRequest(
        f"{kbps} kbit/s is not among what {made.name} takes{at}: ask for {_choices(choices)}."
    )


def _check_quality(quality: int, made: Format) -> None:
    scale = made.quality
    if scale is None:
        raise InvalidRequest(f"{made.name} has no quality scale; {_those('quality')} do.")
    if not scale.holds(quality):
        raise InvalidRequest(
            f"The quality of {made.name} goes from {scale.best} (best) to {scale.worst}; "
            f"{quality} is outside."
        )


def _check_depth(bits: int | None, made: Format) -> None:
    if bits is None or bits in made.depths:
        return
    if not made.depths:
        raise InvalidRequest(f"{made.name} is lossy and has no bit depth: leave bitDepth out.")
    depths = _choices(tuple(made.depths))
    raise InvalidRequest(f"{made.name} cannot have a bitDepth of {bits}; it takes {depths}.")


def _check_channels(channels: int | None, made: Format) -> None:
    if channels is not None and channels not in made.channel_counts:
        counts = _choices(made.channel_counts)
        raise InvalidRequest(f"{made.name} cannot have {channels} channels; it takes {counts}.")


def _check_sample_rate(rate: int | None, made: Format) -> None:
    if rate is None or made.holds_rate(rate):
        return
    rates = [f"{LEAST_RATE} to {made.any_rate_to}"] if made.any_rate_to else []
    rates += map(str, made.rates)
    raise InvalidRequest(
        f"{made.name} has no sample rate of {rate} Hz; it takes {', '.join(rates)}."
    )


def _check_times(asked: Options) -> None:
    times = {
        "startSeconds": asked.start_seconds,
        "endSeconds": asked.end_seconds,
        "fadeInSeconds": asked.fade_in_seconds,
        "fadeOutSeconds": asked.fade_out_seconds,
    }
    for name, seconds in times.items():
        if seconds is not None and not 0 <= seconds <= MOST_SECONDS:
            raise InvalidRequest(f'"{name}" is a number of seconds from 0 to {MOST_SECONDS}.')
    start, end = asked.start_seconds or 0.0, asked.end_seconds
    if end is None:
        return
    if end <= start:
        raise InvalidRequest(
            f"endSeconds ({end:g}) is not after startSeconds ({start:g}): nothing would be left."
        )
    if round(end - start, 6) < LEAST_SECONDS:
        raise InvalidRequest(
            f"endSeconds is less than {LEAST_SECONDS:g} s after startSeconds: next to nothing "
            "would be left."
        )
    fades = asked.fade_seconds
    if round(fades - (end - start), 6) > 0:  # floats: 0.1 + 0.2 is more than 0.3
        raise InvalidRequest(
            f"The fades take {fades:g} s and only {end - start:g} s are asked for; shorten them."
        )


def _check_company(asked: Options, made: Format) -> None:
    """What travels beside the sound: tags and a cover."""
    refuse_impossible_tags(asked.tags, made)
    if asked.metadata == "keep" and not made.tags:
        raise InvalidRequest(f"{made.name} holds no tags to keep; {_those('tags')} do.")
    if asked.cover == "keep" and not made.cover:
        raise InvalidRequest(f"{made.name} holds no cover; {_those('cover')} do.")


def _check_loudness(asked: Loudness | None) -> None:
    if asked is None:
        return
    least, most = LUFS
    if not least <= asked.integrated_lufs <= most:
        raise InvalidRequest(f'"integratedLufs" is a number from {least} to {most}.')
    least, most = DBTP
    if not least <= asked.true_peak_dbtp <= most:
        raise InvalidRequest(f'"truePeakDbtp" is a number from {least} to {most}.')


def _check_waveform(asked: Waveform | None) -> None:
    least, most = SAMPLES_PER_PIXEL
    if asked is not None and not least <= asked.samples_per_pixel <= most:
        raise InvalidRequest(f'"samplesPerPixel" is a whole number from {least} to {most}.')


def _choices(choices: Sequence[int]) -> str:
    """`8 to 42` for a range, each of them for a list."""
    if isinstance(choices, range):
        return f"{choices[0]} to {choices[-1]}"
    return ", ".join(map(str, choices))


def _those(attribute: str) -> str:
    """The formats that have it."""
    return ", ".join(each.name for each in FORMATS.values() if getattr(each, attribute))
