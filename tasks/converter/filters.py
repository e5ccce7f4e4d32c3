"""The filters between decoder and encoder: one chain, in an order that has reasons.

    trim → mix and rate → gain → limiter → fades → meter → 16 bits → encoder
                                                                └→ mono → peaks

- Trim first: what is cut off is not measured, and nothing else has to work on it.
- Mix and sample rate before the gain: the loudness of five channels is not that of the two they
  become, and resampling moves true peaks. The pass that measures does the same two steps.
- Fades behind the gain: the part keeps the loudness it would have without them; measured with
  them, a long fade would make all the rest louder. They only make it softer, so the limit holds.
- The meter sees what the encoder gets. The last step before it rounds to 16 bits, with dither: a
  gain gives every sample a fraction, and cutting those off is heard in what is quiet.
- Peaks come from a branch at the end: what the listener hears, and not a sample of the encoder's
  own branch is changed by them.

Where nothing is asked for there is no chain, and ffmpeg does what it does by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from conversion.conversion import Conversion
from tasks.converter.encode import depth, output_channels, output_layout, output_rate
from tasks.converter.loudness import Gain
from tasks.converter.sound import Sound
from tasks.converter.trim import Span

# BS.1770-4 annex 2 measures true peaks at four times 48 kHz.
_PEAK_RATE = 192_000
# What resampling back adds to a limited peak: up to 0.11 dB measured, on bursts at 44.1 kHz.
_OVERSHOOT_DB = 0.2
# Long enough to spare low tones, short enough to be over between syllables.
_ATTACK_MS, _RELEASE_MS = 5, 100
# Logs nothing a block (AV_LOG_QUIET); by number, for 5.1 does not know the name. It still logs ten
# lines a second of audio, which go by unheard.
_METER = "ebur128=peak=true:framelog=-8"
_ROUND = "aformat=sample_fmts=s16"


@dataclass(frozen=True)
class Tap:
    """Where the peaks are written, and of how many samples each is."""

    fd: int
    samples_per_pixel: int


@dataclass(frozen=True)
class Shape:
    """What was found out before the conversion: the part, where it ends to the sample, the gain."""

    span: Span
    ends_at: float | None = None
    gain: Gain | None = None


def measuring_chain(sound: Sound, conversion: Conversion, span: Span) -> str:
    """For the first pass. Without loudness it only counts what is decoded."""
    steps = _trimmed(sound, span)
    if conversion.loudness is not None:
        steps += [_mixed(sound, conversion), _METER]
    return ",".join(steps)


def filter_options(
    sound: Sound, conversion: Conversion, shape: Shape, tap: Tap | None = None
) -> list[str]:
    """ffmpeg's options for the output; none where nothing is asked for that needs a filter."""
    steps = _steps(sound, conversion, shape)
    if tap is not None:
        channels = sound.channels if shape.gain is None else output_channels(sound, conversion)
        steps.append(_tapped(channels, tap))
    options = ["-af", ",".join(steps)] if steps else []
    # It goes to the resamplers that ffmpeg puts in; they use it where floats become integers.
    return [*options, "-dither_method", "triangular"] if _ROUND in steps else options


def chain_rate(sound: Sound, conversion: Conversion, shape: Shape) -> int:
    """The sample rate at the chain's end."""
    return sound.sample_rate if shape.gain is None else output_rate(sound, conversion)


def _steps(sound: Sound, conversion: Conversion, shape: Shape) -> list[str]:
    fades = _fades(conversion, shape)
    trimmed = _trimmed(sound, shape.span)
    if fades and not trimmed:
        trimmed = ["asetpts=N/SR/TB"]
    if shape.gain is None:
        return [*trimmed, *fades]
    levelled = [_mixed(sound, conversion), *_levelled(sound, conversion, shape.gain)]
    in_16_bits = conversion.target.lossless and depth(sound, conversion) == 16
    return [*trimmed, *levelled, *fades, _METER, *([_ROUND] if in_16_bits else [])]


def _trimmed(sound: Sound, span: Span) -> list[str]:
    bounds: list[str] = []
    if span.start:
        bounds.append(f"start_sample={round(span.start * sound.sample_rate)}")
    if span.end is not None:
        bounds.append(f"end_sample={round(span.end * sound.sample_rate)}")
    return [f"atrim={':'.join(bounds)}", "asetpts=N/SR/TB"] if bounds else []


def _mixed(sound: Sound, conversion: Conversion) -> str:
    """In doubles: neither mixing nor the gain can clip them."""
    layout = output_layout(sound, conversion)
    mix = f":channel_layouts={layout}" if layout else ""
    return f"aformat=sample_fmts=dbl:sample_rates={output_rate(sound, conversion)}{mix}"


def _levelled(sound: Sound, conversion: Conversion, gain: Gain) -> list[str]:
    """`aformat` has ffmpeg resample and keeps the channels' layout; behind an `aresample` of our
    own 5.1 and 6.0 lose it."""
    steps = [f"volume={gain.db}dB:precision=double"]
    if gain.ceiling_dbtp is not None:
        limit = 10 ** ((gain.ceiling_dbtp - _OVERSHOOT_DB) / 20)
        steps += [
            f"aformat=sample_rates={_PEAK_RATE}",
            f"alimiter=limit={limit:.6f}:attack={_ATTACK_MS}:release={_RELEASE_MS}:level=0:latency=1",
            f"aformat=sample_rates={output_rate(sound, conversion)}",
        ]
    return steps


def _fades(conversion: Conversion, shape: Shape) -> list[str]:
    """On the part's own clock, which begins at 0."""
    fades: list[str] = []
    if conversion.fade_in_seconds:
        fades.append(f"afade=t=in:st=0:d={conversion.fade_in_seconds:.6f}")
    if conversion.fade_out_seconds and shape.ends_at is not None:
        lasts = shape.ends_at - shape.span.start
        fade = min(conversion.fade_out_seconds, lasts)
        fades.append(f"afade=t=out:st={lasts - fade:.6f}:d={fade:.6f}")
    return fades


def _tapped(channels: int, tap: Tap) -> str:
    """All channels with the same weight, as audiowaveform mixes them; 16 bits; the least and the
    greatest sample of each pixel, as text. The other branch goes by untouched."""
    mono = "+".join(f"{1 / channels:.9f}*c{each}" for each in range(channels))
    return (
        "asplit[sound][peaks];"
        f"[peaks]pan=mono|c0={mono},aformat=sample_fmts=s16,"
        f"asetnsamples=n={tap.samples_per_pixel}:p=0,"
        "astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=Min_level+Max_level,"
        rf"ametadata=mode=print:file=pipe\\:{tap.fd},anullsink;"
        "[sound]anull"
    )
