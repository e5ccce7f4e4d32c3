"""Whether the very last frame of a FLAC or WavPack file is there.

Both say how many samples they hold, so that ffmpeg tells when some are missing, but not whether the
end is gone or a part of the middle. Only then the end is looked at: it costs a read far from where
the conversion is.
"""

from __future__ import annotations

import re
import struct
from collections import deque
from functools import cache

from tasks.converter.containers.claims import Bytes

# STREAMINFO's sizes of blocks and frames have 16 and 24 bits; a frame of 65,535 samples is larger
# than this only in formats nobody uses.
_TAIL_BYTES = 512 * 1024
_FLAC_SYNC = re.compile(rb"\xff[\xf8\xf9]")
# By chance 512 KB hold some 16 of them; a file made of nothing else holds 262,144.
_MOST_SYNCS = 4096
_FLAC_IS_VARIABLE = 1
_BLOCK_SIZES = {
    1: 192,
    **{code: 144 << code for code in range(2, 6)},
    **{code: 1 << code for code in range(8, 16)},
}
_ID3V1_BYTES = 128
_RATE_BYTES = {12: 1, 13: 2, 14: 2}


def flac_has_last(source: Bytes, block: int, total: int) -> bool:
    """`block` and `total`: samples of a frame and of the whole, as STREAMINFO has them."""
    tail = _tail(source)
    for at in reversed(deque((each.start() for each in _FLAC_SYNC.finditer(tail)), _MOST_SYNCS)):
        end = _flac_frame_end(tail[at : at + 16], block)
        if end is not None:
            return end >= total and _ends_whole(tail[at:])
    return False


def wavpack_has_last(source: Bytes) -> bool:
    tail = _tail(source)
    at = tail.rfind(b"wvpk")
    if at < 0 or len(tail) < at + 24:
        return False
    size, total, index, count = struct.unpack_from("<I4xIII", tail, at + 4)
    return index + count >= total and at + 8 + size <= len(tail)


def _tail(source: Bytes) -> bytes:
    return bytes(source.read(max(0, source.size - _TAIL_BYTES), source.size))


def _flac_frame_end(head: bytes, block: int) -> int | None:
    """The sample behind the frame whose header this is; None where it is none (RFC 9639 §9.1)."""
    if len(head) < 6:
        return None
    code, rate = head[2] >> 4, head[2] & 15
    coded = _number(head[4:11])
    if coded is None:
        return None
    number, length = coded
    at = 4 + length
    sized = {6: 1, 7: 2}.get(code, 0)
    count = _BLOCK_SIZES.get(code, 1 + int.from_bytes(head[at : at + sized], "big"))
    at += sized + _RATE_BYTES.get(rate, 0)
    if len(head) <= at or _crc(head[:at], 8, 7) != head[at]:
        return None
    return (number if head[1] & _FLAC_IS_VARIABLE else number * block) + count


def _ends_whole(frame: bytes) -> bool:
    """A frame's last two bytes are its checksum; an ID3v1 tag may follow."""
    body = frame[:-_ID3V1_BYTES] if frame[-_ID3V1_BYTES:].startswith(b"TAG") else frame
    return _crc(body, 16, 0x8005) == 0


def _number(head: bytes) -> tuple[int, int] | None:
    """Coded as UTF-8 codes a character, up to 36 bits; and how many bytes it took."""
    ones = 8 - (~head[0] & 0xFF).bit_length()
    length = max(1, ones)
    if ones == 1 or ones > 7 or len(head) < length:
        return None
    number = head[0] & (0x7F >> ones)
    for byte in head[1:length]:
        number = number << 6 | byte & 0x3F
    return number, length


def _crc(data: bytes, width: int, polynomial: int) -> int:
    """From 0, high bits first (RFC 9639 §9.1.8 and §9.3)."""
    table, most = _crc_table(width, polynomial), (1 << width) - 1
    value = 0
    for byte in data:
        value = (value << 8 & most) ^ table[(value >> width - 8) ^ byte]
    return value


@cache
def _crc_table(width: int, polynomial: int) -> list[int]:
    """What each byte does to the rest: 512 KB are checked in a tenth of a second."""
    table: list[int] = []
    for byte in range(256):
        value = byte << width - 8
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> width - 1 else 0)
            value &= (1 << width) - 1
        table.append(value)
    return table
