"""Containers of nested boxes and partitions: MP4, Matroska, ASF, MXF, FLV."""

from __future__ import annotations

import struct

from tasks.converter.containers.claims import UNKNOWN, Bytes, Missing, ends_at, unpack

_MOST_BOXES = 200
# A fragment is some seconds: looking at each of a day's would fetch the whole file once more.
_WALKED_BYTES = 16 * 1024**2
_BOXES = frozenset(b"ftyp moov mdat moof mfra sidx styp emsg free skip wide udta meta".split())
# ASF's Data Object: its GUID, then its size (ASF specification §5.1). 0 in a broadcast.
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_EBML, _SEGMENT, _VOID = 0x1A45DFA3, 0x18538067, 0xEC
_MXF_PARTITION = bytes.fromhex("060e2b34020501010d01020101")
_FLV_HEAD_BYTES = 64 * 1024
_AMF_FILE_SIZE = b"\0\x08filesize\0"


def mov(source: Bytes) -> Missing:
    """No box of the outermost row may reach beyond the end (ISO/IEC 14496-12 §4.2). Only known
    boxes count: some files carry other bytes behind the last one. A fragmented file may end after
    any fragment, unless `mfra` closes it, whose last 16 bytes are `mfro` (§8.8.11)."""
    at, is_fragmented = 0, False
    for _ in range(_MOST_BOXES):
        size, name = unpack(source, at, ">I4s")
        if size == 1:
            (size,) = unpack(source, at + 8, ">Q")
        if name in _BOXES and at + size > source.size:
            return ends_at(source, at + size, for_certain=True)
        is_fragmented |= name == b"moof"
        at += size
        if size < 8 or at >= source.size or (is_fragmented and at > _WALKED_BYTES):
            break
    if is_fragmented:
        return Missing(knows_end=unpack(source, max(0, source.size - 12), "4s")[0] == b"mfro")
    return Missing(knows_end=True)


def matroska(source: Bytes) -> Missing:
    """The segment's size, which a file written live leaves unknown (RFC 9559 §4.5, RFC 8794 §6)."""
    at = 0
    for _ in range(_MOST_BOXES):
        name, width = _vint(source, at, keep_marker=True)
        size, length = _vint(source, at + width, keep_marker=False)
        if not width or not length:
            break
        at += width + length
        is_open = size == 2 ** (7 * length) - 1
        if name == _SEGMENT:
            return UNKNOWN if is_open else ends_at(source, at + size)
        if is_open or name not in (_EBML, _VOID):
            break
        at += size
    return UNKNOWN


def _vint(source: Bytes, at: int, keep_marker: bool) -> tuple[int, int]:
    """A number of EBML and the bytes it took; 0 bytes where there is none."""
    held = bytes(source.read(at, min(at + 8, source.size))) if at < source.size else b""
    if not held or held[0] == 0:
        return 0, 0
    length = 9 - held[0].bit_length()
    number = int.from_bytes(held[:length].ljust(length, b"\0"), "big")
    return (number if keep_marker else number - (1 << 7 * length)), length


def asf(source: Bytes) -> Missing:
    """Not the size of the file that the header holds: programs that edit tags leave it stale."""
    name, at = unpack(source, 0, "<16sQ")
    if name != _ASF_HEADER:
        return UNKNOWN
    if at + 24 > source.size:
        return ends_at(source, at + 24)
    name, size = unpack(source, at, "<16sQ")
    return ends_at(source, at + size) if name == _ASF_DATA and size else UNKNOWN


def mxf(source: Bytes) -> Missing:
    """The first partition says where the footer is, 0 where it was not known (SMPTE ST 377-1
    §7.1)."""
    name, first_of_length = unpack(source, 0, "13s3xB")
    at = 17 + (first_of_length & 0x7F if first_of_length & 0x80 else 0)
    (footer,) = unpack(source, at + 24, ">Q")
    if name != _MXF_PARTITION or not footer:
        return UNKNOWN
    return ends_at(source, footer + len(_MXF_PARTITION))


def flv(source: Bytes) -> Missing:
    """`filesize` of `onMetaData`, which most programs write but the format does not ask for. No tag
    may be torn: each is followed by its length (Adobe, Video File Format Specification 10.1)."""
    head = bytes(source.read(0, min(_FLV_HEAD_BYTES, source.size)))
    at = head.find(_AMF_FILE_SIZE) + len(_AMF_FILE_SIZE)
    if at >= len(_AMF_FILE_SIZE) and len(head) >= at + 8:
        (size,) = struct.unpack_from(">d", head, at)
        if 0 < size < 2**53:
            return ends_at(source, int(size))
    return UNKNOWN
