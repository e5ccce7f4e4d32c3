"""Which part of the source is converted, and whether all of that part was decoded.

The part is cut by a filter that counts samples, and not by seeking (`-ss`): a seek in a VBR MP3, an
ADTS or an Ogg lands on a frame near the time asked for, and decoders need frames before it to be
right. The price is that everything before the start is decoded and thrown away: 0.6 s of CPU for
ten minutes of MP3. Samples are counted, and not timestamps, since those may begin anywhere (a film
whose sound starts late) and jump; a second is a second of the audio that a full conversion has.

With an end, ffmpeg stops reading behind it. Then the rest of the source is not vouched for, except
where the part may have a hole, which only the whole would show.
"""

from __future__ import annotations

from dataclasses import dataclass

from conversion.conversion import Conversion
from conversion.errors import TrimOutOfRange, UnsupportedInput
from conversion.outcome import JobWarning
from conversion.refusals import LEAST_SECONDS
from tasks.converter import verify
from tasks.converter.containers.claims import Missing
from tasks.converter.reports import Log
from tasks.converter.sound import Sound


@dataclass(frozen=True)
class Span:
    """From `start` to `end`, in seconds of the source's audio; `end` None is the file's own."""

    start: float = 0.0
    end: float | None = None

    @classmethod
    def of(cls, sound: Sound, conversion: Conversion) -> Span:
        """Raises TrimOutOfRange where the file is known to be too short, and for a part without a
        sample in it, which an old record may ask for."""
        span = cls(conversion.start_seconds or 0.0, conversion.end_seconds)
        if span.end is not None and round(span.end - span.start, 6) < LEAST_SECONDS:
            raise TrimOutOfRange(
                f"The trim from {span.start:g} s to {span.end:g} s leaves nothing; choose a later "
                "end."
            )
        if sound.sure_seconds is not None:
            span.check(sound.sure_seconds)
        return span

    def check(self, lasts: float) -> None:
        """Raises TrimOutOfRange in a file that lasts so many seconds."""
        if self.starts_behind(lasts):
            raise TrimOutOfRange(
                f"The trim starts at {self.start:g} s and the file lasts {lasts:.3f} s; choose an "
                "earlier start."
            )
        if self.end is not None and self.end > lasts + verify.tolerance(lasts):
            raise TrimOutOfRange(
                f"The trim ends at {self.end:g} s and the file lasts {lasts:.3f} s; choose an "
                "earlier end, or leave it out."
            )

    def starts_behind(self, lasts: float) -> bool:
        """Or so near to the end that there may be no sample between."""
        return self.start > 0 and self.start + LEAST_SECONDS > lasts

    def stops_within(self, decoded: float) -> bool:
        return self.end is not None and self.end <= decoded

    def end_in(self, lasts: float) -> float:
        return lasts if self.end is None else min(self.end, lasts)

    def exact_end(self, sound: Sound) -> float | None:
        """Where the part ends, to the sample; None where only decoding tells. Lossy formats count
        their encoder's delay and padding in what they declare."""
        lasts = sound.sure_seconds
        if lasts is None:
            return None
        if sound.bits:
            return self.end_in(lasts)
        inside = lasts - verify.tolerance(lasts)
        return self.end if self.end is not None and self.end <= inside else None


def check_fades(conversion: Conversion, seconds: float) -> None:
    """In a part of so many seconds; only a request with an end can be refused for it earlier.
    Raises TrimOutOfRange."""
    fades = conversion.fade_seconds
    if round(fades - seconds, 3) > 0:
        raise TrimOutOfRange(
            f"The fades take {fades:g} s and the audio lasts {seconds:.3f} s; shorten them."
        )


@dataclass(frozen=True)
class Part:
    """What was decoded and kept: its length in seconds, where it ended in the source, what ffmpeg
    said, and what is to be said of it."""

    seconds: float
    ended_at: float
    heard: Log
    warnings: tuple[JobWarning, ...] = ()


def part_of(span: Span, sound: Sound, heard: Log, decoded: float, gone: Missing, size: int) -> Part:
    """Raises TrimOutOfRange, and what `verify.check_whole` does for a source read to its end."""
    if span.end is not None and span.stops_within(decoded):
        return Part(span.end - span.start, span.end, heard)
    verify.check_whole(sound, heard, decoded, gone, size)
    span.check(decoded)
    end = span.end_in(decoded)
    return Part(end - span.start, end, heard, verify.warnings(sound, heard, decoded, gone))


def is_doubtful(span: Span, sound: Sound, heard: Log, decoded: float) -> bool:
    """Whether a part may have a hole: only the whole, whose length is declared, would show it.

    Lossy decoders complain of a frame that is damaged, and may be wrong (junk between two frames
    costs nothing). FLAC's in ffmpeg 5.1 and 6.0 says nothing, and leaves it out.
    """
    is_silent = sound.bits > 0 and not sound.codec.startswith("pcm_")
    return span.stops_within(decoded) and (is_silent or heard.decode_errors > 0)


def check_start(span: Span, sound: Sound, heard: Log) -> None:
    """Asked when ffmpeg failed: with nothing left to encode it does. Raises TrimOutOfRange."""
    samples = heard.decoded_samples.get(sound.stream, 0)
    if samples and span.starts_behind(samples / sound.sample_rate):
        span.check(samples / sound.sample_rate)


def check_steady(heard: Log) -> None:
    """ffmpeg builds its filters anew when the audio changes on its way, and they begin to count
    again. Raises UnsupportedInput."""
    if len(heard.kinds) > 1:
        raise UnsupportedInput(
            "The audio changes its sample rate or channels on its way, so it can be neither "
            "trimmed, faded, normalised nor drawn as it is. Convert it alone first, and its output "
            "then."
        )
