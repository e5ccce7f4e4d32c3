"""Containers that are a row of frames or pages: what of their number or sizes is written down."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tasks.converter.containers.claims import UNKNOWN, Bytes, Missing, ends_at, unpack
from tasks.converter.containers.tails import flac_has_last, wavpack_has_last

# An Ogg page is at most 65,307 bytes (RFC 3533 §6).
_OGG_TAIL_BYTES = 2 * 65_536
_OGG_HEADER_BYTES = 27
_OGG_IS_LAST = 4
# WavPack's header: its name, size of the rest, version, two bytes, total samples, and so on
# (WavPack 4 & 5 Binary File Format). All ones: not known.
_WAVPACK_HEADER_BYTES = 8
_MOST_TAGS = 8
_MOST_BLOCKS = 128
# The Xing header stands behind the side information of an empty first frame; VBRI always 32 bytes
# behind the frame's own header.
_XING_AT = {(True, True): 21, (True, False): 36, (False, True): 13, (False, False): 21}
_VBRI_AT = 36
_XING_HAS_FRAMES, _XING_HAS_BYTES = 1, 2
# From the Xing name to the 24 bits of delay and padding that LAME and ffmpeg write, when the table
# of contents and the quality are there; and the two names.
_LAME_AT, _DELAYS_AT = 120, 141
_WITH_DELAYS = (b"LAME", b"Lavf", b"Lavc")
# What every decoder of MP3 adds in front: 528 samples and one; players skip it with the delay.
_DECODER_DELAY = 529


def ogg(source: Bytes) -> Missing:
    """The last page must be there to its last byte, and should say that it is the last: a file
    written down from a running stream does not."""
    tail = bytes(source.read(max(0, source.size - _OGG_TAIL_BYTES), source.size))
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < _OGG_HEADER_BYTES or len(page) < _OGG_HEADER_BYTES + page[26]:
        return Missing(1, for_certain=True)
    header = _OGG_HEADER_BYTES + page[26]
    body = sum(page[_OGG_HEADER_BYTES:header])
    is_last = bool(page[5] & _OGG_IS_LAST)
    return Missing(max(0, header + body - len(page)), for_certain=True, knows_end=is_last)


def flac(source: Bytes) -> Missing:
    """STREAMINFO names the smallest and the largest frame (RFC 9639 §8.2), so that many bytes have
    to be there. How many samples there are, ffprobe tells: `knows_end` is left to that."""
    at = _behind_id3(source, 0)
    name, block, smallest, largest, rest = unpack(source, at, ">4s6xH3s3sQ")
    total = rest & (1 << 36) - 1
    frames = -(-total // max(1, block))
    if name != b"fLaC" or not frames:
        return UNKNOWN
    at += 4
    for _ in range(_MOST_BLOCKS):
        (header,) = unpack(source, at, ">I")
        at += 4 + (header & 0xFFFFFF)
        if header >> 31 or at >= source.size:
            break
    others = (frames - 1) * int.from_bytes(smallest, "big")
    least = at + max(1, int.from_bytes(largest, "big")) + others
    return Missing(
        max(0, least - source.size),
        for_certain=True,
        has_last=lambda: flac_has_last(source, block, total),
    )


def wavpack(source: Bytes) -> Missing:
    """Of its blocks the first: a file that ends in it holds nothing that can be decoded."""
    name, size = unpack(source, 0, "<4sI")
    if name != b"wvpk":
        return UNKNOWN
    gone = max(0, _WAVPACK_HEADER_BYTES + size - source.size)
    return Missing(gone, for_certain=True, has_last=lambda: wavpack_has_last(source))


def tta(source: Bytes) -> Missing:
    """A table of every frame's size stands in front (TTA1 format description): 256/245 seconds a
    frame, so an hour's table is 14 kB."""
    at = _behind_id3(source, 0)
    name, rate, samples = unpack(source, at, "<4s6xII")
    if not name.startswith(b"TTA1") or not rate or not samples:
        return UNKNOWN
    length = 256 * rate // 245
    table = 22 + 4 * -(-samples // max(1, length))
    if at + table + 4 > source.size:
        return Missing(at + table + 4 - source.size, for_certain=True, knows_end=True)
    sizes = struct.unpack(f"<{(table - 22) // 4}I", source.read(at + 22, at + table))
    return ends_at(source, at + table + 4 + sum(sizes), for_certain=True)


def ape(source: Bytes) -> Missing:
    """Since Monkey's Audio 3.98 a descriptor holds the size of each part."""
    name, version, descriptor, *sizes = unpack(source, 0, "<4sHxxIIIIIII")
    if name != b"MAC " or version < 3980:
        return UNKNOWN
    header, table, wave, low, high, tail = sizes
    return ends_at(source, descriptor + header + table + wave + low + (high << 32) + tail)


def mp3(source: Bytes) -> Missing:
    """A Xing, Info or VBRI header says how many frames follow and, mostly, how many bytes. Some
    programs count their tags among the bytes, so the frames are the measure."""
    at = _behind_id3(source, 0)
    head = bytes(source.read(at, min(at + 512, source.size)))
    frame = _Frame.of(head)
    if frame is None:
        return UNKNOWN
    held = frame.xing(head) or frame.vbri(head)
    if held is None:
        return UNKNOWN
    frames, size, skipped = held
    gone = max(0, at + size - source.size)
    samples = frames * frame.samples - skipped
    return Missing(gone, knows_end=size > 0, samples=samples, samples_of_a_frame=frame.samples)


@dataclass(frozen=True)
class _Frame:
    """The header of an MPEG audio frame of layer III (ISO/IEC 11172-3 §2.4.1.3)."""

    is_mpeg1: bool
    is_mono: bool

    @classmethod
    def of(cls, head: bytes) -> _Frame | None:
        if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
            return None
        return cls(is_mpeg1=head[1] & 0x18 == 0x18, is_mono=head[3] & 0xC0 == 0xC0)

    @property
    def samples(self) -> int:
        return 1152 if self.is_mpeg1 else 576

    def xing(self, head: bytes) -> tuple[int, int, int] | None:
        """Frames, bytes (0 where unsaid), and samples that a player skips."""
        at = _XING_AT[self.is_mpeg1, self.is_mono]
        if head[at : at + 4] not in (b"Xing", b"Info") or len(head) < at + _DELAYS_AT + 3:
            return None
        flags, frames, size = struct.unpack_from(">III", head, at + 4)
        if not flags & _XING_HAS_FRAMES:
            return None
        skipped = 0
        if head[at + _LAME_AT :].startswith(_WITH_DELAYS):
            both = int.from_bytes(head[at + _DELAYS_AT : at + _DELAYS_AT + 3], "big")
            padding = max(0, (both & 0xFFF) - _DECODER_DELAY)
            skipped = (both >> 12) + _DECODER_DELAY + padding
        return frames, size if flags & _XING_HAS_BYTES else 0, skipped

    def vbri(self, head: bytes) -> tuple[int, int, int] | None:
        if head[_VBRI_AT : _VBRI_AT + 4] != b"VBRI" or len(head) < _VBRI_AT + 18:
            return None
        size, frames = struct.unpack_from(">II", head, _VBRI_AT + 10)
        return frames, size, 0


def ends_in_its_tag(source: Bytes) -> bool:
    """Whether an ID3v2 tag in front, with its cover, is longer than the file: nothing behind it
    can be recognised then."""
    return _behind_id3(source, 0) >= source.size > 0 and source.read(0, 3) == b"ID3"


def _behind_id3(source: Bytes, at: int) -> int:
    """Where the ID3v2 tags end (ID3v2.4 §3.1; sizes have 7 bits a byte)."""
    for _ in range(_MOST_TAGS):
        name, *digits = unpack(source, at, "3s3x4B")
        if name != b"ID3":
            break
        size = 0
        for digit in digits:
            size = size << 7 | digit & 0x7F
        at += 10 + size
    return at
