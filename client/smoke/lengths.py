"""How long a file says it plays, read from its own bytes: the proof of an output on a machine
without ffmpeg.

Only what each format's header holds, or its frames counted, in files of a few seconds that our own
converter made. Whoever wants to know more of them has ffprobe.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

# MPEG audio layer III, bitrates in kbit/s by index (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3).
_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG_RATES = (44_100, 48_000, 32_000)
# ISO/IEC 14496-3 table 1.18.
_AAC_RATES = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000),
    *(22_050, 16_000, 12_000, 11_025, 8_000, 7_350),
)
_W64_CHUNK, _W64_ALIGNED = 24, 8
_OPUS_RATE = 48_000


class NotSuchFile(ValueError):
    """The bytes are of another format, or broken."""


def seconds_of(name: str, content: bytes) -> float | None:
    """Of a file of this output format; None for a format that is not known here. Raises
    NotSuchFile."""
    read = _READERS.get(name)
    if read is None:
        return None
    try:
        return read(content)
    except (struct.error, IndexError, ZeroDivisionError, StopIteration, KeyError) as error:
        raise NotSuchFile(f"what came is no {name}, or is cut off") from error


def flac_digest(content: bytes) -> bytes:
    """The MD5 of its samples, which its encoder wrote into it (RFC 9639 §8.2)."""
    _expect(content, b"fLaC")
    return content[26:42]


def _expect(content: bytes, *beginnings: bytes) -> None:
    if not content.startswith(beginnings):
        raise NotSuchFile(f"what came begins with {content[:12]!r}")


def _mp3(content: bytes) -> float:
    """Frames counted, but for the first where it holds the encoder's figures and no sound."""
    at = _after_id3(content)
    seconds, first = 0.0, content[at : at + 200]
    if b"Xing" in first or b"Info" in first:
        at += _mpeg_frame(content, at)[0]
    while at + 4 <= len(content) and content[at] == 0xFF:
        length, lasts = _mpeg_frame(content, at)
        at, seconds = at + length, seconds + lasts
    return seconds


def _after_id3(content: bytes) -> int:
    _expect(content, b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2")
    if not content.startswith(b"ID3"):
        return 0
    size = 0
    for byte in content[6:10]:  # seven bits each (ID3v2.3 §3.1)
        size = size << 7 | byte
    return 10 + size


def _mpeg_frame(content: bytes, at: int) -> tuple[int, float]:
    """Its length in bytes, and its seconds."""
    version, third = content[at + 1] >> 3 & 3, content[at + 2]
    is_first = version == 3
    rate = _MPEG_RATES[third >> 2 & 3] // (1 if is_first else 2 if version == 2 else 4)
    kbps = (_MPEG1 if is_first else _MPEG2)[third >> 4]
    length = (144 if is_first else 72) * kbps * 1000 // rate + (third >> 1 & 1)
    if not kbps:
        raise NotSuchFile("a frame has no bitrate")
    return length, (1152 if is_first else 576) / rate


def _adts(content: bytes) -> float:
    _expect(content, b"\xff\xf1", b"\xff\xf9")
    at, seconds = 0, 0.0
    while at + 7 <= len(content):
        frame = int.from_bytes(content[at : at + 7], "big")
        if not (length := frame >> 13 & 0x1FFF):
            raise NotSuchFile("a frame has no length")
        at += length
        seconds += 1024 / _AAC_RATES[frame >> 34 & 0xF]
    return seconds


def _mp4(content: bytes) -> float:
    if content[4:8] != b"ftyp":
        raise NotSuchFile(f"what came begins with {content[:12]!r}")
    at = content.index(b"mvhd") + 4 if b"mvhd" in content else len(content)
    if content[at] == 0:
        scale, length = struct.unpack_from(">II", content, at + 12)
    else:
        scale, length = struct.unpack_from(">IQ", content, at + 20)
    return length / scale


def _ogg(content: bytes) -> float:
    """By the position on the last page (RFC 3533 §6), less what Opus plays before its beginning
    (RFC 7845 §5.1)."""
    _expect(content, b"OggS")
    (end,) = struct.unpack_from("<q", content, content.rindex(b"OggS") + 6)
    if (opus := content.find(b"OpusHead", 0, 100)) > 0:
        (before,) = struct.unpack_from("<H", content, opus + 10)
        return (end - before) / _OPUS_RATE
    (rate,) = struct.unpack_from("<I", content, content.find(b"\x01vorbis", 0, 100) + 12)
    return end / rate


def _matroska(content: bytes) -> float:
    """Its element Duration, a double, in milliseconds as our muxer counts (RFC 9559 §5.1.2)."""
    _expect(content, b"\x1a\x45\xdf\xa3")
    at = content.find(b"\x44\x89\x88", 0, 8192)
    if at < 0:
        raise NotSuchFile("its duration is not told")
    (milliseconds,) = struct.unpack_from(">d", content, at + 3)
    return milliseconds / 1000


def _flac(content: bytes) -> float:
    _expect(content, b"fLaC")
    facts = int.from_bytes(content[18:26], "big")
    return (facts & (1 << 36) - 1) / (facts >> 44)


def _wav(content: bytes) -> float:
    _expect(content, b"RIFF", b"RF64")
    chunks = dict(_chunks(content, 12, "<4sI"))
    (a_second,) = struct.unpack_from("<I", chunks[b"fmt "], 8)
    return len(chunks[b"data"]) / a_second


def _aiff(content: bytes) -> float:
    """COMM has channels, frames, bits, and the rate as an 80-bit float (AIFF 1.3)."""
    _expect(content, b"FORM")
    common = dict(_chunks(content, 12, ">4sI"))[b"COMM"]
    (frames,) = struct.unpack_from(">I", common, 2)
    exponent, fraction = struct.unpack_from(">HQ", common, 8)
    return frames / (fraction * 2.0 ** (exponent - 16383 - 63))


def _caf(content: bytes) -> float:
    """Of PCM, whose packet is a frame; the data begins with a count of edits (CAF 1.0)."""
    _expect(content, b"caff")
    chunks = dict(_chunks(content, 8, ">4sq", aligned=1))
    rate, _, _, packet = struct.unpack_from(">d4sII", chunks[b"desc"])
    return (len(chunks[b"data"]) - 4) / packet / rate


def _w64(content: bytes) -> float:
    """Chunks by GUID, of which the first four bytes read as in RIFF; a length counts its own
    header (Sony Wave64)."""
    _expect(content, b"riff")
    at, found = 40, dict[bytes, bytes]()
    while at + _W64_CHUNK <= len(content):
        (length,) = struct.unpack_from("<Q", content, at + 16)
        found[content[at : at + 4]] = content[at + _W64_CHUNK : at + length]
        at += max(_W64_CHUNK, length + -length % _W64_ALIGNED)
    (a_second,) = struct.unpack_from("<I", found[b"fmt "], 8)
    return len(found[b"data"]) / a_second


def _chunks(
    content: bytes, at: int, header: str, aligned: int = 2
) -> Iterator[tuple[bytes, bytes]]:
    """As far as they are there: a length beyond the end is cut to it, and seen by that."""
    size = struct.calcsize(header)
    while at + size <= len(content):
        name, length = struct.unpack_from(header, content, at)
        at += size
        end = len(content) if length < 0 else at + length
        yield name, content[at:end]
        at = end + -length % aligned


_READERS: dict[str, Callable[[bytes], float]] = {
    "mp3": _mp3,
    "m4a": _mp4,
    "alac": _mp4,
    "aac": _adts,
    "ogg": _ogg,
    "opus": _ogg,
    "webm": _matroska,
    "mka": _matroska,
    "flac": _flac,
    "wav": _wav,
    "w64": _w64,
    "aiff": _aiff,
    "caf": _caf,
}
