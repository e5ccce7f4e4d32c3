"""Builders of files that lie: chunks, boxes, elements and pages of any declared size."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

HUGE = 2**32 - 1


def chunk(name: bytes, body: bytes, size: int | None = None, order: str = "<") -> bytes:
    """Of RIFF (little-endian) or AIFF (big-endian); `size` is what it claims."""
    return name + struct.pack(f"{order}I", len(body) if size is None else size) + body


def wav(
    rate: int = 44_100,
    channels: int = 2,
    bits: int = 16,
    align: int | None = None,
    code: int = 1,
    data: bytes = bytes(20_000),
    data_size: int | None = None,
    form_size: int | None = None,
    riff_size: int | None = None,
) -> bytes:
    align = channels * bits // 8 if align is None else align
    per_second = rate * align % 2**32
    form = struct.pack("<HHIIHH", code, channels, rate, per_second, align % 2**16, bits)
    body = b"WAVE" + chunk(b"fmt ", form, form_size) + chunk(b"data", data, data_size)
    return chunk(b"RIFF", body, riff_size)


def aiff(
    rate: bytes = bytes.fromhex("400eac44000000000000"),
    channels: int = 2,
    frames: int = 5000,
    bits: int = 16,
    offset: int = 0,
) -> bytes:
    """`rate` is an 80-bit float (AIFF 1.3, the COMM chunk)."""
    common = struct.pack(">HIH", channels, frames, bits) + rate
    sound = struct.pack(">II", offset, 0) + bytes(20_000)
    body = b"AIFF" + chunk(b"COMM", common, order=">") + chunk(b"SSND", sound, order=">")
    return chunk(b"FORM", body, order=">")


def flac(
    rate: int = 44_100, blocks: tuple[int, int] = (4096, 4096), samples: int = 0, rest: bytes = b""
) -> bytes:
    """Only its STREAMINFO (RFC 9639 §8.2): 2 channels of 16 bits."""
    packed = rate << 44 | 1 << 41 | 15 << 36 | samples
    info = struct.pack(">HH", *blocks) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC" + bytes([0x80 if not rest else 0, 0, 0, 34]) + info + rest + bytes(20_000)


def id3(body: bytes, size: int | None = None) -> bytes:
    """An ID3v2.3 tag; sizes have 7 bits a byte (ID3v2.3 §3.1)."""
    size = len(body) if size is None else size
    return b"ID3\x03\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + body


def id3_frame(name: bytes, body: bytes, flags: int = 0, size: int | None = None) -> bytes:
    return name + struct.pack(">IH", len(body) if size is None else size, flags) + body


def box(name: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(body) if size is None else size) + name + body


def nested(name: bytes, depth: int, body: bytes = b"") -> bytes:
    for _ in range(depth):
        body = box(name, body)
    return body


def reboxed(data: bytes, path: str, change: Callable[[bytes], bytes]) -> bytes:
    """The same MP4 with what is in the box at `path` (`moov/trak/…`) changed, and every size
    around it put right. The chunk offsets stay true where `moov` is last."""
    name, _, rest = path.partition("/")
    made, at = b"", 0
    while at + 8 <= len(data):
        size, found = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        if found == name.encode():
            body = reboxed(body, rest, change) if rest else change(body)
        made += box(found, body)
        at += size
    return made + data[at:]


def table(*entries: int, count: int | None = None) -> Callable[[bytes], bytes]:
    """The body of a full box that is a count and 32-bit numbers; the count may be another."""
    numbers = struct.pack(f">{len(entries)}I", *entries)
    return lambda _: struct.pack(">II", 0, len(entries) if count is None else count) + numbers


def compressed_moov(plain_bytes: int, declared: int) -> bytes:
    """QuickTime's `cmov`: a `moov` of zeros, deflated."""
    squeezed = zlib.compress(bytes(plain_bytes), 1)
    held = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", declared) + squeezed)
    return box(b"ftyp", b"qt  " + bytes(8)) + box(b"moov", box(b"cmov", held))


def element(code: str, body: bytes = b"", size: int | None = None) -> bytes:
    """EBML (RFC 8794 §4): the identifier in hex; a size of eight bytes."""
    declared = len(body) if size is None else size
    return bytes.fromhex(code) + (1 << 56 | declared).to_bytes(8, "big") + body


def number(code: str, value: int) -> bytes:
    return element(code, value.to_bytes(8, "big"))


def matroska(
    tracks: bytes, rest: bytes = b"", segment_size: int | None = None, info: bytes = b""
) -> bytes:
    head = element("1A45DFA3", element("4282", b"matroska"))
    described = element("1549A966", number("2AD7B1", 1_000_000) + info)
    held = described + element("1654AE6B", tracks) + rest
    return head + element("18538067", held, segment_size)


def track(
    index: int = 1,
    rate: float = 44_100.0,
    channels: int = 2,
    codec: bytes = b"A_PCM/INT/LIT",
    extra: bytes = b"",
) -> bytes:
    audio = element("B5", struct.pack(">d", rate)) + number("9F", channels) + number("6264", 16)
    held = number("D7", index) + number("73C5", index) + number("83", 2) + element("86", codec)
    return element("AE", held + element("E1", audio) + extra)


def cluster(payload: bytes = bytes(4000), index: int = 1) -> bytes:
    block = bytes([0x80 | index]) + struct.pack(">hB", 0, 0x80) + payload
    return element("1F43B675", number("E7", 0) + element("A3", block))


def ogg_page(
    body: bytes, lacing: bytes, serial: int = 1, sequence: int = 0, flags: int = 0, granule: int = 0
) -> bytes:
    """With its checksum (RFC 3533 §6)."""
    head = b"OggS\0" + struct.pack("<BqIIIB", flags, granule, serial, sequence, 0, len(lacing))
    page = head + lacing + body
    return page[:22] + struct.pack("<I", _ogg_sum(page)) + page[26:]


def _ogg_sum(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _OGG_TABLE[crc >> 24 ^ byte]
    return crc


def _ogg_entry(value: int) -> int:
    value <<= 24
    for _ in range(8):
        value = (value << 1 ^ (0x04C11DB7 if value & 1 << 31 else 0)) & 0xFFFFFFFF
    return value


_OGG_TABLE = [_ogg_entry(value) for value in range(256)]


def opus_head(rate: int = 48_000, channels: int = 2, family: int = 0) -> bytes:
    """RFC 7845 §5.1."""
    return b"OpusHead\x01" + struct.pack("<BHIhB", channels, 0, rate, 0, family)


def vorbis_head(rate: int = 44_100, channels: int = 2, blocks: int = 0xB8) -> bytes:
    """Vorbis I §4.2.2."""
    return b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, channels, rate, 0, 0, 0, blocks, 1)


def caf(
    rate: float = 44_100.0, channels: int = 2, packet: int = 4, chunks: bytes | None = None
) -> bytes:
    form = struct.pack(">d4sIIIII", rate, b"lpcm", 0, packet, 1, channels, 16)
    sound = b"data" + struct.pack(">qI", 20_004, 0) + bytes(20_000)
    described = b"desc" + struct.pack(">q", len(form)) + form
    return b"caff\0\x01\0\0" + described + (sound if chunks is None else chunks)


def au(rate: int = 44_100, channels: int = 2, head: int = 24, size: int = 20_000) -> bytes:
    return b".snd" + struct.pack(">IIIII", head, size, 3, rate, channels) + bytes(20_000)


_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_W64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")


def w64(data_size: int = 20_024, form_size: int = 40, riff_size: int = 20_104) -> bytes:
    """Sony Wave64: chunks named by GUIDs, with sizes of 64 bits that count the header."""
    form = struct.pack("<HHIIHH", 1, 2, 44_100, 176_400, 4, 16)
    body = b"wave" + _W64_TAIL
    body += b"fmt " + _W64_TAIL + struct.pack("<Q", form_size % 2**64) + form
    body += b"data" + _W64_TAIL + struct.pack("<Q", data_size % 2**64) + bytes(20_000)
    return _W64_RIFF + struct.pack("<Q", riff_size % 2**64) + body


def ts_packet(pid: int, section: bytes) -> bytes:
    """One packet that holds a whole section (ISO/IEC 13818-1 §2.4.3)."""
    head = b"\x47" + struct.pack(">H", 0x4000 | pid) + b"\x10\0"
    return (head + section).ljust(188, b"\xff")


def ts_section(kind: int, index: int, body: bytes) -> bytes:
    head = bytes([kind]) + struct.pack(">HHBBB", 0xB000 | len(body) + 9, index, 0xC1, 0, 0)
    return head + body + struct.pack(">I", _mpeg_sum(head + body))


def _mpeg_sum(section: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in section:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _OGG_TABLE[crc >> 24 ^ byte]
    return crc
