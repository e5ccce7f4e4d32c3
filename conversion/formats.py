"""The formats we make and the names we accept: the one table behind API, converter and docs.

An encoder or muxer name is ffmpeg's own (`ffmpeg -encoders`, `ffmpeg -muxers`). Bitrate ranges
are what the encoder takes at every usual sample rate and channel count, so that a request which
passes here does not fail an hour later in ffmpeg.
"""

from __future__ import annotations

from dataclasses import dataclass

from conversion.errors import UnsupportedOutputFormat


@dataclass(frozen=True)
class Bitrates:
    """Kilobits per second (1 kbit = 1000 bits, as ffmpeg's `-b:a 192k`)."""

    least: int
    most: int
    default: int | None  # None: the encoder's own variable quality, see Format.arguments


@dataclass(frozen=True)
class Format:
    """One output format: how it is called, stored, served and made.

    `arguments` are added to the encoder when no bitrate is asked for. `deep_encoder` is used when
    the source carries more than 16 bits a sample, `shallow_arguments` when it does not. `cover`
    says whether a picture can travel along, as an attached picture stream.
    """

    name: str
    title: str
    suffix: str
    media_type: str
    muxer: str
    encoder: str
    bitrates: Bitrates | None = None
    arguments: tuple[str, ...] = ()
    muxer_arguments: tuple[str, ...] = ()
    deep_encoder: str | None = None
    shallow_arguments: tuple[str, ...] = ()
    cover: bool = False
    most_channels: int = 8

    @property
    def lossless(self) -> bool:
        return self.bitrates is None


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(
            "mp3", "MP3", "mp3", "audio/mpeg", "mp3", "libmp3lame",
            bitrates=Bitrates(32, 320, 192), muxer_arguments=("-id3v2_version", "3"),
            cover=True, most_channels=2,
        ),
        Format(
            "m4a", "AAC in MP4", "m4a", "audio/mp4", "ipod", "aac",
            bitrates=Bitrates(24, 320, 160), cover=True,
        ),
        Format(
            "ogg", "Ogg Vorbis", "ogg", "audio/ogg", "ogg", "libvorbis",
            bitrates=Bitrates(48, 240, None), arguments=("-q:a", "5"),
        ),
        Format(
            "opus", "Ogg Opus", "opus", "audio/ogg; codecs=opus", "opus", "libopus",
            bitrates=Bitrates(6, 256, 128),
        ),
        Format(
            "flac", "FLAC", "flac", "audio/flac", "flac", "flac",
            shallow_arguments=("-sample_fmt", "s16"), cover=True,
        ),
        Format("wav", "WAV", "wav", "audio/wav", "wav", "pcm_s16le", deep_encoder="pcm_s24le"),
    )
}  # fmt: skip

# Names that can hold audio. A name is only a hint (the converter probes the bytes), but refusing
# .txt and .exe before a byte is sent saves a pointless upload.
_SUFFIXES = (
    "3g2 3gp aac ac3 aif aifc aiff alac amr ape asf au avi caf dff dsf dts eac3 f4a flac flv m2ts "
    "m4a m4b m4r m4v mka mkv mov mp1 mp2 mp3 mp4 mpc mpeg mpg mpga mxf oga ogg ogv ogx opus ra "
    "rf64 rm shn snd spx tak ts tta voc w64 wav wave webm weba wma wmv wv"
)
INPUT_SUFFIXES: frozenset[str] = frozenset(_SUFFIXES.split())


def format_named(name: str) -> Format:
    """The format called `name`; raises UnsupportedOutputFormat naming what there is."""
    try:
        return FORMATS[name]
    except KeyError:
        raise UnsupportedOutputFormat(
            f"There is no output format {name!r}. Choose one of: {', '.join(sorted(FORMATS))}."
        ) from None
