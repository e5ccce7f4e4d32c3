"""How much of a file is missing at its end, for containers where ffmpeg does not notice.

Measured with files cut in half: for FLAC, M4A, Matroska, AIFF and MP3 with a Xing header ffprobe
still tells the full duration, and the decoded one gives the cut away. For WAV it counts the bytes
there are; for Ogg it takes the last whole page for the end; for WMA it guesses from the bitrate;
and an M4A may be cut behind its audio, in the tags. These say in their own structure what should
be there. Raw AAC and AMR are read frame by
frame, and ffmpeg says that the last one was cut. MP3 without Xing cannot tell at all.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_MOST_CHUNKS = 200
# An Ogg page is at most 65,307 bytes (RFC 3533 §6).
_OGG_TAIL_BYTES = 2 * 65_536
_OGG_HEADER_BYTES = 27
# ASF's File Properties Object: its GUID, then object size, file id, file size … flags (ASF
# specification §3.2). Bit 0 of the flags marks a broadcast, whose sizes mean nothing.
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_HEAD_BYTES = 64 * 1024
_BOXES = frozenset(b"ftyp moov mdat moof free skip wide udta meta".split())
# Their demuxers ask for whole frames, so "Packet corrupt" can only be a cut.
FRAME_BY_FRAME = frozenset({"aac", "amr"})


class Bytes(Protocol):
    """The gate: ranged reads of the source."""

    size: int

    def read(self, start: int, end: int) -> bytes: ...


@dataclass(frozen=True)
class Missing:
    """Bytes the container says should follow. `for_certain`: even a few are a cut (a header's
    length is off by a few bytes in many a complete file, a torn page never is)."""

    bytes: int = 0
    for_certain: bool = False


def missing(demuxer: str, source: Bytes) -> Missing:
    look = _LOOKS.get(demuxer)
    return look(source) if look else Missing()


def ends_in_its_tag(source: Bytes) -> bool:
    """Whether an ID3v2 tag in front, with its cover, is longer than the file: nothing behind it
    can be recognised then (ID3v2.4 §3.1; sizes have 7 bits a byte)."""
    head = source.read(0, 10)
    if len(head) < 10 or not head.startswith(b"ID3"):
        return False
    size = 0
    for byte in head[6:]:
        size = size << 7 | byte & 0x7F
    return 10 + size >= source.size


def _wav(source: Bytes) -> Missing:
    """Walk the RIFF chunks to `data`. Sizes 0 and FFFFFFFF mean "not known" in streamed files;
    in RF64 the true size stands in `ds64` (EBU Tech 3306)."""
    at, long_size = 12, 0
    for _ in range(_MOST_CHUNKS):
        name, size = struct.unpack("<4sI", source.read(at, at + 8).ljust(8, b"\0"))
        if name == b"ds64":
            long_size = struct.unpack("<Q", source.read(at + 16, at + 24).ljust(8, b"\0"))[0]
        if name == b"data":
            size = long_size if size == 0xFFFFFFFF else size
            return Missing(max(0, at + 8 + size - source.size))
        at += 8 + size + size % 2
        if at >= source.size:
            break
    return Missing()


def _ogg(source: Bytes) -> Missing:
    """The last page must be there to its last byte."""
    tail = source.read(max(0, source.size - _OGG_TAIL_BYTES), source.size)
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < _OGG_HEADER_BYTES or len(page) < _OGG_HEADER_BYTES + page[26]:
        return Missing(1, for_certain=True)
    header = _OGG_HEADER_BYTES + page[26]
    body = sum(page[_OGG_HEADER_BYTES:header])
    return Missing(max(0, header + body - len(page)), for_certain=True)


def _mov(source: Bytes) -> Missing:
    """No box of the outermost row may reach beyond the end (ISO/IEC 14496-12 §4.2). Only known
    boxes count: some files carry other bytes behind the last one."""
    at = 0
    for _ in range(_MOST_CHUNKS):
        size, name = struct.unpack(">I4s", source.read(at, at + 8).ljust(8, b"\0"))
        if size == 1:
            (size,) = struct.unpack(">Q", source.read(at + 8, at + 16).ljust(8, b"\0"))
        if name in _BOXES and at + size > source.size:
            return Missing(at + size - source.size, for_certain=True)
        at += size
        if size < 8 or at >= source.size:
            break
    return Missing()


def _asf(source: Bytes) -> Missing:
    head = source.read(0, _ASF_HEAD_BYTES)
    at = head.find(_ASF_PROPERTIES)
    if at < 0 or len(head) < at + 92:
        return Missing()
    (size,) = struct.unpack_from("<Q", head, at + 40)
    (flags,) = struct.unpack_from("<I", head, at + 88)
    return Missing(0 if flags & 1 else max(0, size - source.size))


_LOOKS: dict[str, Callable[[Bytes], Missing]] = {
    "wav": _wav,
    "ogg": _ogg,
    "mov": _mov,
    "asf": _asf,
}
