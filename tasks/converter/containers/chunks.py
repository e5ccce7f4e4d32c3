"""Containers whose headers hold the length of what follows: RIFF, IFF, CAF, AU, VOC, DSF and kin.

Each look answers with what is missing behind the last byte. A length that an encoder could not
know when it wrote the header (it wrote to a pipe) is told from a real one by its value.
"""

from __future__ import annotations

from tasks.converter.containers.claims import UNKNOWN, Bytes, Missing, ends_at, unpack

_MOST_CHUNKS = 200
# Encoders that write to a pipe leave 0, FFFFFFFF less the header, or the largest signed number:
# SoX writes 7FFFF000 (wav.c), arecord 80000000 or 7FFFFFFF, by version.
_LEFT_OPEN = (range(0, 1), range(0x7FFF_EF00, 0x8000_0001), range(0xFFFF_FF00, 2**32))
# Sony Wave64: a chunk's name is a GUID, its size counts its own 24 bytes, and chunks start at
# multiples of 8. This is `data`.
_W64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
_W64_FIRST_CHUNK = 40


def wav(source: Bytes) -> Missing:
    """RIFF chunks up to `data`; in RF64 the true size stands in `ds64` (EBU Tech 3306)."""
    at, long_size = 12, 0
    for _ in range(_MOST_CHUNKS):
        name, size = unpack(source, at, "<4sI")
        if name == b"ds64":
            (long_size,) = unpack(source, at + 16, "<Q")
        if name == b"data":
            size = long_size if long_size and size == 0xFFFFFFFF else size
            return UNKNOWN if _is_left_open(size) else ends_at(source, at + 8 + size)
        at += 8 + size + size % 2
        if at >= source.size:
            break
    return UNKNOWN


def avi(source: Bytes) -> Missing:
    """A row of RIFFs: OpenDML files go on in a second one beyond 1 GiB."""
    at = 0
    for _ in range(_MOST_CHUNKS):
        name, size = unpack(source, at, "<4sI")
        if name != b"RIFF":
            break
        if _is_left_open(size):
            return UNKNOWN
        at += 8 + size
    return ends_at(source, at) if at else UNKNOWN


def w64(source: Bytes) -> Missing:
    at = _W64_FIRST_CHUNK
    for _ in range(_MOST_CHUNKS):
        name, size = unpack(source, at, "<16sQ")
        if name == _W64_DATA:
            # ffmpeg writes the largest signed number where it cannot seek back.
            return UNKNOWN if size <= 24 or size >> 62 else ends_at(source, at + size)
        at += max(24, size + -size % 8)
        if at >= source.size:
            break
    return UNKNOWN


def iff(source: Bytes) -> Missing:
    """AIFF and 8SVX are one FORM; DSDIFF is one FRM8, whose size has 64 bits."""
    name, size = unpack(source, 0, ">4sI")
    header = 8
    if name == b"FRM8":
        (size,) = unpack(source, 4, ">Q")
        header = 12
    return UNKNOWN if _is_left_open(size) else ends_at(source, header + size)


def caf(source: Bytes) -> Missing:
    """Chunks to the end of the file; `data` may be the last and of size -1, "to the end" (Apple
    Core Audio Format Specification, "Audio Data Chunk")."""
    at = 8
    for _ in range(_MOST_CHUNKS):
        name, size = unpack(source, at, ">4sq")
        if name == b"data" and size < 0:
            return UNKNOWN
        if size < 0 or not name.isascii():
            break
        at += 12 + size
        if at >= source.size:
            return ends_at(source, at)
    return UNKNOWN


def au(source: Bytes) -> Missing:
    """Offset and size of the data; FFFFFFFF is "not known" (au(5))."""
    start, size = unpack(source, 4, ">II")
    return UNKNOWN if _is_left_open(size) else ends_at(source, start + size)


def voc(source: Bytes) -> Missing:
    """Blocks of a type and 24 bits of size, closed by a block of type 0, which is one byte."""
    (at,) = unpack(source, 20, "<H")
    for _ in range(_MOST_CHUNKS):
        if at >= source.size:
            return Missing(at + 1 - source.size, for_certain=True, knows_end=True)
        kind, size = source.read(at, at + 1)[0], unpack(source, at + 1, "<I")[0] & 0xFFFFFF
        if kind == 0:
            return ends_at(source, at + 1)
        at += 4 + size
    return UNKNOWN


def dsf(source: Bytes) -> Missing:
    """The `DSD ` chunk holds the size of the file (Sony, DSF File Format Specification 1.01)."""
    (size,) = unpack(source, 12, "<Q")
    return ends_at(source, size) if size else UNKNOWN


def dtshd(source: Bytes) -> Missing:
    """Chunks of an 8-byte name and 64 bits of size, to the end."""
    at = 0
    for _ in range(_MOST_CHUNKS):
        name, size = unpack(source, at, ">8sQ")
        if not name.isascii() or size >> 62:
            break
        at += 16 + size
        if at >= source.size:
            return ends_at(source, at)
    return UNKNOWN


def realmedia(source: Bytes) -> Missing:
    """Chunks up to `DATA`. Its size counts its own header of 18 bytes; ffmpeg's muxer counts some
    of them twice, so they are left out."""
    at = 0
    for _ in range(_MOST_CHUNKS):
        name, size = unpack(source, at, ">4sI")
        if name == b"DATA":
            return UNKNOWN if _is_left_open(size) else ends_at(source, at + size - 18)
        if size < 8:
            break
        at += size
        if at > source.size:
            return ends_at(source, at)
    return UNKNOWN


def _is_left_open(size: int) -> bool:
    return any(size in values for values in _LEFT_OPEN)
