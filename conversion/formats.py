"""The formats we make and the names we accept: the one table behind API, converter and docs.

An encoder or muxer name is ffmpeg's own (`ffmpeg -encoders`, `ffmpeg -muxers`). What each format
can hold was tried out on ffmpeg 5.1, 6.0 and 9.0, format by rate by channels by bitrate, so that a
request which passes here does not fail an hour later in ffmpeg, nor become something else in
silence. tests/converter/test_combinations.py tries it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conversion.bitrates import AAC, MP3, OPUS, VORBIS, Bitrates, Quality
from conversion.errors import UnsupportedOutputFormat

# What every PCM format here holds; the converter refuses inputs outside it too.
LEAST_RATE, MOST_RATE = 4_000, 768_000
MOST_CHANNELS = 8
# ffmpeg's names of the loudspeaker layouts, by their number of channels, as FLAC (RFC 9639
# §9.1.3), Vorbis (Vorbis I §4.3.9) and Opus (RFC 7845 §5.1.1.2) define them.
LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")


@dataclass(frozen=True)
class Format:
    """One output format: how it is called, stored, served and made.

    A lossless format has `depths`: bits a sample, and the encoder with its arguments for them. A
    lossy one has an `encoder` and `bitrates`. It holds every sample rate up to `any_rate_to` and
    those in `rates`. `layouts` are the loudspeaker layouts it can name, empty for any of up to
    MOST_CHANNELS. `cover`, `tags` and `chapters` say what can travel along. Beyond `most_bytes`
    its header cannot count, except with `larger_arguments`.
    """

    name: str
    title: str
    suffix: str
    media_type: str
    muxer: str
    encoder: str = ""
    bitrates: Bitrates | None = None
    quality: Quality | None = None
    depths: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    rates: tuple[int, ...] = ()
    any_rate_to: int = 0
    layouts: tuple[str, ...] = ()
    channel_counts: tuple[int, ...] = tuple(range(1, MOST_CHANNELS + 1))
    muxer_arguments: tuple[str, ...] = ()
    tags: bool = True
    cover: bool = False
    chapters: bool = False
    most_bytes: int | None = None
    larger_arguments: tuple[str, ...] = ()

    @property
    def lossless(self) -> bool:
        return bool(self.depths)

    @property
    def encoders(self) -> tuple[str, ...]:
        """Those that some request can lead to."""
        return tuple(each[0] for each in self.depths.values()) or (self.encoder,)

    @property
    def holds_bytes(self) -> int | None:
        """What a file of this format can count at most, whatever its header is given."""
        return None if self.larger_arguments else self.most_bytes

    def depth_for(self, bits: int) -> int:
        """The least depth that holds samples of so many bits, or the greatest there is."""
        return min((each for each in self.depths if each >= bits), default=max(self.depths))

    def holds_rate(self, rate: int) -> bool:
        return LEAST_RATE <= rate <= self.any_rate_to or rate in self.rates

    def rate_for(self, rate: int, with_bitrate: bool = False) -> int:
        """The least that loses nothing of a sound at `rate`, or the greatest there is. ffmpeg
        would take the nearest: 24 kHz for a 32 kHz sound in Opus, a third of its treble lost."""
        if rate <= self.any_rate_to:
            return rate
        has_bitrate = self.bitrates.choices if with_bitrate and self.bitrates else self.rates
        rates = [each for each in self.rates if each in has_bitrate]
        return min((each for each in rates if each >= rate), default=max(rates))


# AAC's channel configurations 1 to 6 (ISO/IEC 14496-3 table 1.19). 7.1 is written as another
# layout, 7.1(wide), by ffmpeg before 7, and as none that ADTS knows by later ones.
_AAC_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1")
_HIGH_RATES = (64_000, 88_200, 96_000, 176_400, 192_000)
# Above, ffmpeg 5.1 writes only tens of hertz, and none beyond 655,340.
_FLAC_ANY_TO, _FLAC_RATES = 65_534, (*_HIGH_RATES[1:], 352_800, 384_000)
# ffmpeg 9 takes what its filters hand on for a block: 1,024 samples make files a tenth larger, and
# 96,768, out of a resampler, are refused. 4,096 fits the streamable subset (RFC 9639 §7).
_FLAC_BLOCK = ("-frame_size", "4096")
_FLAC = {
    16: ("flac", "-sample_fmt", "s16", *_FLAC_BLOCK),
    24: ("flac", "-sample_fmt", "s32", "-bits_per_raw_sample", "24", *_FLAC_BLOCK),
}
_ALAC = {
    16: ("alac", "-sample_fmt", "s16p"),
    24: ("alac", "-sample_fmt", "s32p", "-bits_per_raw_sample", "24"),
}
# Apple's own list, but for 7.1(wide): no other 7.1 fits into that.
_ALAC_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1(back)")
_PCM_LE = {16: ("pcm_s16le",), 24: ("pcm_s24le",), 32: ("pcm_s32le",)}
_PCM_BE = {16: ("pcm_s16be",), 24: ("pcm_s24be",), 32: ("pcm_s32be",)}
# No random numbers in the file, so that a job that is tried again makes the same bytes.
_REPEATABLE = ("-fflags", "+bitexact")
# Version 3, because some players cannot read version 4.
_ID3 = ("-id3v2_version", "3")
# What 32 bits count, less the header and a little.
_4_GIB = 2**32 - 64 * 1024

FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(
            "mp3", "MP3", "mp3", "audio/mpeg", "mp3", "libmp3lame",
            bitrates=MP3, quality=Quality(0, 9, 4),
            rates=tuple(MP3.choices), layouts=LAYOUTS[:2], channel_counts=(1, 2),
            muxer_arguments=_ID3, cover=True, chapters=True,
        ),
        Format(
            "m4a", "AAC in MP4", "m4a", "audio/mp4", "ipod", "aac", bitrates=AAC,
            rates=tuple(AAC.choices), layouts=_AAC_LAYOUTS, channel_counts=(1, 2, 3, 4, 5, 6),
            cover=True, chapters=True,
        ),
        Format(
            "aac", "AAC in ADTS", "aac", "audio/aac", "adts", "aac", bitrates=AAC,
            rates=tuple(AAC.choices), layouts=_AAC_LAYOUTS, channel_counts=(1, 2, 3, 4, 5, 6),
            tags=False,
        ),
        Format(
            "ogg", "Ogg Vorbis", "ogg", "audio/ogg; codecs=vorbis", "ogg", "libvorbis",
            bitrates=VORBIS, quality=Quality(10, -1, 5),
            rates=(*VORBIS.choices, *_HIGH_RATES), layouts=LAYOUTS, muxer_arguments=_REPEATABLE,
        ),
        Format(
            "opus", "Ogg Opus", "opus", "audio/ogg; codecs=opus", "opus", "libopus",
            bitrates=OPUS, rates=tuple(OPUS.choices), layouts=LAYOUTS, muxer_arguments=_REPEATABLE,
            chapters=True,
        ),
        Format(
            "webm", "Opus in WebM", "webm", "audio/webm", "webm", "libopus",
            bitrates=OPUS, rates=tuple(OPUS.choices), layouts=LAYOUTS, muxer_arguments=_REPEATABLE,
            chapters=True,
        ),
        Format(
            "flac", "FLAC", "flac", "audio/flac", "flac", depths=_FLAC, rates=_FLAC_RATES,
            any_rate_to=_FLAC_ANY_TO, cover=True,
        ),
        Format(
            "alac", "Apple Lossless", "m4a", "audio/mp4", "ipod", depths=_ALAC,
            any_rate_to=MOST_RATE, layouts=_ALAC_LAYOUTS, channel_counts=(1, 2, 3, 4, 5, 6, 7),
            cover=True, chapters=True,
        ),
        Format(
            "mka", "FLAC in Matroska", "mka", "audio/matroska", "matroska", depths=_FLAC,
            rates=_FLAC_RATES, any_rate_to=_FLAC_ANY_TO, muxer_arguments=_REPEATABLE,
            chapters=True,
        ),
        Format(
            "wav", "WAV", "wav", "audio/wav", "wav", depths=_PCM_LE, any_rate_to=MOST_RATE,
            most_bytes=_4_GIB, larger_arguments=("-rf64", "auto"),  # EBU Tech 3306
        ),
        Format(
            "w64", "Wave64", "w64", "audio/x-w64", "w64", depths=_PCM_LE, any_rate_to=MOST_RATE,
            tags=False,
        ),
        Format(
            "aiff", "AIFF", "aiff", "audio/aiff", "aiff", depths=_PCM_BE, any_rate_to=MOST_RATE,
            muxer_arguments=("-write_id3v2", "1", *_ID3), cover=True, chapters=True,
            most_bytes=_4_GIB,
        ),
        Format(
            "caf", "Core Audio Format", "caf", "audio/x-caf", "caf", depths=_PCM_LE,
            any_rate_to=MOST_RATE,
        ),
    )
}  # fmt: skip

# Names that can hold audio. A name is only a hint (the converter probes the bytes), but refusing
# .txt and .exe before a byte is sent saves a pointless upload.
_SUFFIXES = (
    "3g2 3gp aac ac3 adx aif aifc aiff alac amr ape asf au avi caf dff dsf dts eac3 f4a flac "
    "flv loas m2ts m4a m4b m4r m4v mka mkv mov mp1 mp2 mp3 mp4 mpc mpeg mpg mpga mxf oga ogg "
    "ogv ogx opus ra rf64 rm shn snd sox spx tak ts tta voc w64 wav wave weba webm wma wmv wv"
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
