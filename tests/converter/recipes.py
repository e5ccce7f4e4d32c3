"""The inputs the tests convert: how each is made, by which demuxer it is read, and whether its
format writes down where it ends. docs/streaming.md has a table made from RECIPES.

Every demuxer of tasks/converter/command.py has a recipe here or stands in NOT_MADE.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from tests.converter import handmade

# Read, but nothing here could make one: ffmpeg has no encoder, and the smallest valid file is a
# bitstream with entropy coding.
NOT_MADE = {
    "mpc": "Musepack SV7: no encoder to make one",
    "mpc8": "Musepack SV8: no encoder to make one",
    "tak": "TAK: no encoder to make one",
}


@dataclass(frozen=True)
class Recipe:
    """`arguments` make it from music with ffmpeg, or `change` makes it from another recipe's bytes
    (`of`), or out of nothing. `tells_end`: a cut cannot go unnoticed. `bits`: what of its depth is
    compared. `is_usual`: in the default run; the others are in the long tail."""

    name: str
    demuxer: str
    arguments: tuple[str, ...] = ()
    change: Callable[[bytes], bytes] | None = None
    of: str = ""
    how: str = ""
    tells_end: bool = True
    cover: bool = False
    picture: bool = False
    bits: int = 16
    is_usual: bool = False

    @property
    def made(self) -> str:
        """For people."""
        return self.how or "ffmpeg " + " ".join(f"`{each}`" for each in [self.line])

    @property
    def line(self) -> str:
        return " ".join(self.arguments)

    @property
    def encoder(self) -> str | None:
        """What a build of ffmpeg may lack."""
        said = dict(zip(self.arguments, self.arguments[1:], strict=False))
        return said.get("-c:a")


def _made(name: str, demuxer: str, line: str, **facts: object) -> Recipe:
    return Recipe(name, demuxer, tuple(line.split()), **facts)  # type: ignore[arg-type]


def _wav_size(size: int) -> Callable[[bytes], bytes]:
    return lambda data: _patched(data, data.index(b"data") + 4, struct.pack("<I", size))


def _patched(data: bytes, at: int, patch: bytes) -> bytes:
    return data[:at] + patch + data[at + len(patch) :]


def _flac_without_length(data: bytes) -> bytes:
    """The 36 bits of "total samples" begin in the low half of STREAMINFO's byte 13 (RFC 9639)."""
    at = data.index(b"fLaC") + 8 + 13
    return _patched(data, at, bytes([data[at] & 0xF0, 0, 0, 0, 0]))


def _au_without_length(data: bytes) -> bytes:
    return _patched(data, 8, b"\xff" * 4)


def _without_last_page_flag(data: bytes) -> bytes:
    """An Ogg file as a recorder leaves it: the flag is in byte 5, the checksum is not asked for by
    what cuts, but by what reads, so it is made anew."""
    at = data.rindex(b"OggS")
    page = bytearray(data[at:])
    page[5] &= ~4
    page[22:26] = bytes(4)
    page[22:26] = struct.pack("<I", _ogg_checksum(bytes(page)))
    return data[:at] + bytes(page)


def _ogg_checksum(page: bytes) -> int:
    """CRC-32 without reflection, polynomial 04C11DB7, from 0 (RFC 3533 §6)."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


_MUSIC = (
    _made("wav", "wav", "-c:a pcm_s16le -f wav", is_usual=True),
    _made("wav24", "wav", "-c:a pcm_s24le -f wav", bits=24, is_usual=True),
    _made("wav-float", "wav", "-c:a pcm_f32le -f wav", bits=24),
    _made("wav-double", "wav", "-c:a pcm_f64le -f wav", bits=24),
    _made("wav32", "wav", "-c:a pcm_s32le -f wav", bits=24),
    _made("wav-u8", "wav", "-c:a pcm_u8 -f wav"),
    _made("wav-mulaw", "wav", "-c:a pcm_mulaw -f wav"),
    _made("wav-alaw", "wav", "-c:a pcm_alaw -f wav"),
    _made("wav-adpcm-ima", "wav", "-c:a adpcm_ima_wav -f wav"),
    _made("wav-adpcm-ms", "wav", "-c:a adpcm_ms -f wav"),
    _made("wav-mp3", "wav", "-c:a libmp3lame -f wav"),
    _made("rf64", "wav", "-c:a pcm_s16le -rf64 always -f wav", is_usual=True),
    _made("w64", "w64", "-c:a pcm_s16le -f w64", is_usual=True),
    _made("aiff", "aiff", "-f aiff", is_usual=True),
    _made("aifc", "aiff", "-c:a pcm_f32be -f aiff", bits=24),
    _made("caf", "caf", "-c:a pcm_s16be -f caf", is_usual=True),
    _made("caf-alac", "caf", "-c:a alac -sample_fmt s16p -f caf"),
    _made("au", "au", "-c:a pcm_s16be -f au", is_usual=True),
    _made("au-mulaw", "au", "-c:a pcm_mulaw -f au"),
    _made("voc", "voc", "-c:a pcm_s16le -f voc", is_usual=True),
    _made("flac", "flac", "-c:a flac -sample_fmt s16 -f flac", cover=True, is_usual=True),
    _made("wavpack", "wv", "-c:a wavpack -sample_fmt s16p -f wv", is_usual=True),
    _made("tta", "tta", "-c:a tta -sample_fmt s16 -f tta", is_usual=True),
    _made("mp3", "mp3", "-c:a libmp3lame -b:a 128k -f mp3", cover=True, is_usual=True),
    _made("mp3-vbr", "mp3", "-c:a libmp3lame -q:a 4 -f mp3", is_usual=True),
    _made("mp3-mono-22k", "mp3", "-c:a libmp3lame -ac 1 -ar 22050 -q:a 4 -f mp3"),
    _made("mp3-8k", "mp3", "-c:a libmp3lame -ac 1 -ar 8000 -f mp3"),
    _made("mp3-id3v1", "mp3", "-c:a libmp3lame -write_id3v1 1 -f mp3"),
    _made(
        "mp3-no-xing", "mp3", "-c:a libmp3lame -write_xing 0 -f mp3", tells_end=False, is_usual=True
    ),
    _made(
        "mp3-vbr-no-xing",
        "mp3",
        "-c:a libmp3lame -q:a 4 -write_xing 0 -f mp3",
        tells_end=False,
    ),
    _made("mp2", "mp3", "-c:a mp2 -b:a 192k -f mp2", tells_end=False, is_usual=True),
    _made("m4a-moov-last", "mov", "-c:a aac -f ipod", cover=True, is_usual=True),
    _made("m4a-moov-first", "mov", "-c:a aac -movflags +faststart -f ipod"),
    _made("alac", "mov", "-c:a alac -sample_fmt s16p -f ipod", is_usual=True),
    _made(
        "mp4-fragmented",
        "mov",
        "-c:a aac -movflags frag_keyframe+empty_moov -frag_duration 500000 -f mp4",
        is_usual=True,
    ),
    _made(
        "mp4-dash",
        "mov",
        "-c:a aac -movflags dash -frag_duration 500000 -f mp4",
    ),
    _made("3gp", "mov", "-c:a aac -f 3gp"),
    _made("mp4-film", "mov", "-c:v mpeg4 -c:a aac -f mp4", picture=True),
    _made("mov-film", "mov", "-c:v mpeg4 -c:a pcm_s16be -f mov", picture=True),
    _made("adts", "aac", "-c:a aac -f adts", tells_end=False, is_usual=True),
    _made("ogg", "ogg", "-c:a libvorbis -f ogg", is_usual=True),
    _made("opus", "ogg", "-c:a libopus -f opus", is_usual=True),
    _made("opus-5.1", "ogg", "-ac 6 -c:a libopus -f opus"),
    _made("ogg-flac", "ogg", "-c:a flac -sample_fmt s16 -f ogg"),
    _made("ogg-speex", "ogg", "-c:a libspeex -ar 16000 -ac 1 -f ogg"),
    _made("mka", "matroska", "-c:a libvorbis -f matroska", is_usual=True),
    _made("mka-flac", "matroska", "-c:a flac -sample_fmt s16 -f matroska"),
    _made("mka-pcm", "matroska", "-c:a pcm_s24le -f matroska", bits=24),
    _made("mkv-film", "matroska", "-c:v mpeg4 -c:a aac -f matroska", picture=True),
    _made("webm", "matroska", "-c:a libopus -f webm"),
    _made("webm-live", "matroska", "-c:a libopus -live 1 -f webm", tells_end=False, is_usual=True),
    _made("wma", "asf", "-c:a wmav2 -f asf", is_usual=True),
    _made("wma1", "asf", "-c:a wmav1 -f asf"),
    _made("ac3", "ac3", "-c:a ac3 -f ac3", tells_end=False, is_usual=True),
    _made("eac3", "eac3", "-c:a eac3 -f eac3", tells_end=False),
    _made("dts", "dts", "-c:a dca -strict -2 -f dts", tells_end=False, is_usual=True),
    _made("loas", "loas", "-c:a aac -f latm", tells_end=False),
    _made("adx", "adx", "-c:a adpcm_adx -f adx", tells_end=False),
    _made("sox", "sox", "-c:a pcm_s32le -f sox", bits=24, tells_end=False),
    _made("ircam", "ircam", "-c:a pcm_s16le -f ircam", tells_end=False),
    _made("flv-film", "flv", "-c:v flv -c:a libmp3lame -f flv", picture=True, is_usual=True),
    _made("flv-aac", "flv", "-c:a aac -f flv"),
    _made("avi-film", "avi", "-c:v mpeg4 -c:a libmp3lame -f avi", picture=True, is_usual=True),
    _made("avi-pcm", "avi", "-c:a pcm_s16le -f avi"),
    _made(
        "mpeg-film",
        "mpeg",
        "-c:v mpeg1video -c:a mp2 -f mpeg",
        picture=True,
        tells_end=False,
        is_usual=True,
    ),
    _made("vob", "mpeg", "-c:v mpeg2video -c:a ac3 -f vob", picture=True, tells_end=False),
    _made(
        "ts-film",
        "mpegts",
        "-c:v mpeg2video -c:a aac -f mpegts",
        picture=True,
        tells_end=False,
        is_usual=True,
    ),
    _made("ts-mp2", "mpegts", "-c:a mp2 -f mpegts", tells_end=False),
    _made(
        "mxf-film",
        "mxf",
        "-c:v mpeg2video -ar 48000 -c:a pcm_s16le -f mxf",
        picture=True,
        is_usual=True,
    ),
    _made("mxf-opatom", "mxf", "-ar 48000 -ac 1 -c:a pcm_s16le -f mxf_opatom"),
    _made("rm", "rm", "-c:a ac3 -f rm", is_usual=True),
    _made("rm-14.4", "rm", "-c:a real_144 -ar 8000 -ac 1 -f rm"),
    _made("amr-wb", "amr", "-c:a libvo_amrwbenc -ar 16000 -ac 1 -f amr", tells_end=False),
    _made("wav-wma", "wav", "-c:a wmav2 -b:a 128k -f wav"),
)

_CHANGED = (
    Recipe(
        "wav-size-0",
        "wav",
        change=_wav_size(0),
        of="wav",
        how="a WAV whose `data` has size 0",
        tells_end=False,
        is_usual=True,
    ),
    Recipe(
        "wav-size-ffffffff",
        "wav",
        change=_wav_size(0xFFFFFFFF),
        of="wav",
        how="a WAV whose `data` has size FFFFFFFF",
        tells_end=False,
    ),
    Recipe(
        "flac-no-length",
        "flac",
        change=_flac_without_length,
        of="flac",
        how="a FLAC without its number of samples",
        tells_end=False,
        is_usual=True,
    ),
    Recipe(
        "au-no-length",
        "au",
        change=_au_without_length,
        of="au",
        how="an AU whose size is FFFFFFFF",
        tells_end=False,
    ),
    Recipe(
        "ogg-recorded",
        "ogg",
        change=_without_last_page_flag,
        of="ogg",
        how="an Ogg whose last page does not say that it is the last",
        tells_end=False,
    ),
    Recipe(
        "xwma",
        "xwma",
        change=lambda wav: handmade.xwma(wav, 4),
        of="wav-wma",
        how="by hand, around WMA packets",
        is_usual=True,
    ),
    Recipe(
        "dts-hd",
        "dtshd",
        change=handmade.dtshd,
        of="dts",
        how="by hand, around DTS frames",
    ),
)

_BY_HAND = (
    Recipe("dsf", "dsf", change=lambda _: handmade.dsf(4), how="by hand", bits=24, is_usual=True),
    Recipe("dsdiff", "iff", change=lambda _: handmade.dsdiff(4), how="by hand", bits=24),
    Recipe("8svx", "iff", change=lambda _: handmade.eight_svx(4), how="by hand", is_usual=True),
    Recipe("ape", "ape", change=lambda _: handmade.ape(4), how="by hand, silence", is_usual=True),
    Recipe(
        "shorten",
        "shn",
        change=lambda _: handmade.shorten(4),
        how="by hand",
        tells_end=False,
        is_usual=True,
    ),
    Recipe(
        "amr",
        "amr",
        change=lambda _: handmade.amr(4),
        how="by hand, noise",
        tells_end=False,
        is_usual=True,
    ),
)

RECIPES = {each.name: each for each in (*_MUSIC, *_CHANGED, *_BY_HAND)}
