"""What is in the input, as far as the conversion has to know it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conversion.errors import InputOutOfRange, InputTooLong, NoAudioStream, UnsupportedInput
from conversion.formats import LEAST_RATE, MOST_CHANNELS, MOST_RATE
from tasks.converter.reports import finite_number, seconds_of

# Pictures that the MP3, MP4 and FLAC containers all hold.
_COVER_CODECS = ("mjpeg", "png")
_DSD_BITS = 24


@dataclass(frozen=True)
class Cover:
    """`bytes` is None where the first packets did not show it."""

    stream: int
    bytes: int | None


@dataclass(frozen=True)
class Sound:
    """The audio stream that is converted. `duration_is_guess`: from size and bitrate, so that a
    truncated input looks complete. `start_seconds`: a film's sound may begin later than its
    picture."""

    demuxer: str
    codec: str
    stream: int
    channels: int
    sample_rate: int
    bits: int
    duration_seconds: float | None
    duration_is_guess: bool
    tag_bytes: int = 0
    tags_are_on_stream: bool = False
    chapters: int = 0
    cover: Cover | None = None
    start_seconds: float = 0.0
    layout: str = ""

    @classmethod
    def from_probe(cls, found: dict[str, Any], duration_is_guess: bool) -> Sound:
        """Read ffprobe's JSON. Raises NoAudioStream, UnsupportedInput."""
        streams: list[dict[str, Any]] = found.get("streams", [])
        audio = _chosen(streams)
        if "codec_name" not in audio or audio["codec_name"] == "unknown":
            raise UnsupportedInput("The audio is in a codec that ffmpeg does not know.")
        form = found["format"]
        tags: dict[str, str] = form.get("tags", {})
        on_stream: dict[str, str] = audio.get("tags", {})
        demuxer = form["format_name"].split(",")[0]
        return cls(
            demuxer=demuxer,
            codec=audio["codec_name"],
            stream=audio["index"],
            channels=int(audio.get("channels", 0)),
            sample_rate=int(audio.get("sample_rate", 0)),
            bits=_bits(audio),
            duration_seconds=_duration(audio, streams, form),
            duration_is_guess=duration_is_guess,
            tag_bytes=tag_bytes((*tags.items(), *on_stream.items())),
            tags_are_on_stream=demuxer == "ogg" and bool(on_stream),
            chapters=len(found.get("chapters", [])),
            cover=_cover(streams, found.get("packets", [])),
            start_seconds=_start(audio),
            layout=audio.get("channel_layout", ""),
        )

    @property
    def sure_seconds(self) -> float | None:
        """The declared duration; None for a guess too, which nothing may be judged by."""
        return None if self.duration_is_guess else self.duration_seconds

    def check(self, most_seconds: float) -> None:
        """Raises InputOutOfRange or InputTooLong for what we do not convert: a rate beyond the
        limits is a mistake or an attack (a WAV of 2 MB at 1 Hz lasts 23 days). A guessed duration
        refuses nothing: silence in front of an ADTS made it 20 times what it was."""
        if not LEAST_RATE <= self.sample_rate <= MOST_RATE:
            raise InputOutOfRange(
                f"The audio is declared at {self.sample_rate} Hz; {LEAST_RATE} to {MOST_RATE} Hz "
                "can be converted."
            )
        if not 1 <= self.channels <= MOST_CHANNELS:
            raise InputOutOfRange(
                f"The audio is declared with {self.channels} channels; 1 to {MOST_CHANNELS} can be "
                "converted."
            )
        if self.sure_seconds is not None:
            check_duration(self.sure_seconds, most_seconds)


def tag_bytes(tags: Iterable[tuple[str, str]]) -> int:
    """What tags may take in a container: up to four bytes a letter, and a frame or box around."""
    return sum(len(name) + 4 * len(text) + 64 for name, text in tags)


def check_duration(seconds: float, most_seconds: float) -> None:
    """Also asked while converting, for an input that declares no duration, or has it guessed."""
    if seconds > most_seconds:
        raise InputTooLong(
            f"The audio is longer than the limit of {most_seconds:.0f} s; split it, or raise the "
            "limit."
        )


def _chosen(streams: list[dict[str, Any]]) -> dict[str, Any]:
    """The default audio stream, else the first."""
    audio = [each for each in streams if each.get("codec_type") == "audio"]
    if not audio:
        raise NoAudioStream("There is no audio in this file; upload one that has a sound track.")
    return next((each for each in audio if _is(each, "default")), audio[0])


def _is(stream: dict[str, Any], disposition: str) -> bool:
    return bool(stream.get("disposition", {}).get(disposition))


def _bits(audio: dict[str, Any]) -> int:
    """0 for a lossy codec. One bit a sample at some megahertz (DSD) is decoded to floats, which
    hold more than 16."""
    if audio["codec_name"].startswith("dsd_"):
        return _DSD_BITS
    return int(audio.get("bits_per_raw_sample", 0)) or int(audio.get("bits_per_sample", 0))


def _duration(
    audio: dict[str, Any], streams: list[dict[str, Any]], form: dict[str, Any]
) -> float | None:
    """The stream's own, Matroska's tag, or the file's where nothing else plays in it (a film may
    be longer than its sound track). RealMedia's muxer of ffmpeg writes 0 for some codecs."""
    if "duration" in audio:
        return finite_number(audio["duration"]) or None
    tagged = seconds_of(audio.get("tags", {}).get("DURATION", ""))
    if tagged is not None:
        # Measured: the tag holds when the last packet ends, not how long they are together.
        return tagged - _start(audio)
    alone = all(each is audio or _is(each, "attached_pic") for each in streams)
    return (finite_number(form["duration"]) or None) if alone and "duration" in form else None


def _start(audio: dict[str, Any]) -> float:
    return max(0.0, finite_number(audio.get("start_time", "")) or 0.0)


def _cover(streams: list[dict[str, Any]], packets: list[dict[str, Any]]) -> Cover | None:
    for each in streams:
        if _is(each, "attached_pic") and each.get("codec_name") in _COVER_CODECS:
            sizes = [p["size"] for p in packets if p.get("stream_index") == each["index"]]
            return Cover(each["index"], int(sizes[0]) if sizes else None)
    return None
