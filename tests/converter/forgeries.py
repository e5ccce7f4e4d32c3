"""Headers that lie, one by one: what a format lets a file claim, claimed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from tests.converter import forged
from tests.converter.forged import HUGE, box, element, number, table

OUT_OF_RANGE = {
    "255 channels": forged.wav(channels=255),
    "65535 channels": forged.wav(channels=65_535),
    "9 channels": forged.wav(channels=9),
    "no channel": forged.wav(channels=0, align=4),
    "0 Hz": forged.wav(rate=0),
    "1 Hz": forged.wav(rate=1),
    "3999 Hz": forged.wav(rate=3999, channels=1),
    "800 kHz": forged.wav(rate=800_000, channels=1),
    "4 GHz": forged.wav(rate=HUGE),
    "aiff NaN": forged.aiff(rate=bytes.fromhex("7fffc000000000000000")),
    "aiff infinite": forged.aiff(rate=bytes.fromhex("7fff8000000000000000")),
    "aiff negative": forged.aiff(rate=bytes.fromhex("c00eac44000000000000")),
    "caf NaN": forged.caf(rate=float("nan")),
    "caf infinite": forged.caf(rate=float("inf")),
    "caf 2^31 channels": forged.caf(channels=2**31),
    "au 0 Hz": forged.au(rate=0),
    "au 2^31 channels": forged.au(channels=2**31),
    "flac 0 Hz": forged.flac(rate=0),
    "matroska 2^40 channels": forged.matroska(forged.track(channels=2**40), forged.cluster()),
}


def _opus(head: bytes) -> bytes:
    tags = b"OpusTags" + struct.pack("<II", 0, 0)
    pages = forged.ogg_page(head, bytes([len(head)]), flags=2)
    pages += forged.ogg_page(tags, bytes([len(tags)]), sequence=1)
    return pages + forged.ogg_page(bytes(400), b"\xff\x91", sequence=2, granule=960)


def _vorbis(head: bytes) -> bytes:
    return forged.ogg_page(head, bytes([len(head)]), flags=2) + forged.ogg_page(bytes(200), b"\xc8")


def _ogg_without_an_end() -> bytes:
    """One packet over 200 pages of 65,025 bytes: it would have to be held whole."""
    pages = [_opus(forged.opus_head())]
    body = bytes(255 * 255)
    pages += [forged.ogg_page(body, b"\xff" * 255, sequence=n, flags=1) for n in range(3, 23)]
    return b"".join(pages)


def _crowded_ogg() -> bytes:
    head = forged.opus_head()
    return b"".join(
        forged.ogg_page(head, bytes([len(head)]), serial=n, flags=2) for n in range(5000)
    )


def _crowded_ts() -> bytes:
    """250 programs of 180 streams each (ISO/IEC 13818-1 §2.4.4)."""
    programs = b"".join(struct.pack(">HH", n, 0xE000 | 0x20 + n) for n in range(1, 41))
    packets = [forged.ts_packet(0, forged.ts_section(0, 1, programs))]
    for n in range(1, 41):
        pids = range(0x100 + 30 * n, 0x100 + 30 * n + 30)
        streams = b"".join(struct.pack(">BHH", 3, 0xE000 | pid, 0xF000) for pid in pids)
        body = struct.pack(">HH", 0xE1FF, 0xF000) + streams
        packets.append(forged.ts_packet(0x20 + n, forged.ts_section(2, n, body)))
    audio = b"\0\0\1\xc0" + bytes(160)
    packets += [forged.ts_packet(pid, audio) for pid in range(0x120, 0x1FFF)]
    return b"".join(packets)


def _crowded_matroska() -> bytes:
    tracks = b"".join(forged.track(n) for n in range(1, 10_001))
    return forged.matroska(tracks, forged.cluster())


def _deep_matroska() -> bytes:
    """Tags within tags; RFC 9559 lets SimpleTag hold itself."""
    body = element("45A3", b"x")
    for _ in range(3000):
        body = element("67C8", body)
    tags = element("1254C367", element("7373", body))
    return forged.matroska(forged.track(), tags + forged.cluster())


def _deflated_matroska(size: int) -> bytes:
    """A block compressed by zlib (RFC 9559 §5.1.4.1.31): megabytes of zeros in kilobytes."""
    coding = element("5034", number("4254", 0)) + number("5031", 0) + number("5032", 1)
    coding += number("5033", 0)
    extra = element("6D80", element("6240", coding))
    squeezed = zlib.compress(bytes(size), 1)
    return forged.matroska(forged.track(extra=extra), forged.cluster(squeezed))


def _deflated_id3(size: int) -> bytes:
    body = struct.pack(">I", size) + zlib.compress(bytes(size), 1)
    return forged.id3(forged.id3_frame(b"TXXX", body, flags=0x80)) + bytes(4000)


def _avi(size: int) -> bytes:
    strh = b"auds" + bytes(16) + struct.pack("<IIIIII", 0, 0, 0, HUGE, 0, 0) + bytes(8)
    form = struct.pack("<HHIIHHH", 1, 2, 44_100, 0, 0, 16, 0)
    strl = b"strl" + forged.chunk(b"strh", strh) + forged.chunk(b"strf", form, size)
    hdrl = forged.chunk(b"LIST", b"hdrl" + forged.chunk(b"avih", bytes(56)) + _list(strl))
    index = forged.chunk(b"idx1", bytes(1600), HUGE)
    return forged.chunk(b"RIFF", b"AVI " + hdrl + _list(b"movi" + bytes(4000)) + index, HUGE)


def _list(body: bytes) -> bytes:
    return forged.chunk(b"LIST", body)


def _ape(frames: int, table_bytes: int) -> bytes:
    descriptor = struct.pack("<HHIIIIIII", 3990, 0, 52, 24, table_bytes, 0, 4000, 0, 0) + bytes(16)
    header = struct.pack("<HHIIIHHI", 2000, 0, 73_728, 1, frames, 16, 2, 44_100)
    return b"MAC " + descriptor + header + bytes(8000)


def _tta(samples: int) -> bytes:
    head = b"TTA1" + struct.pack("<HHHII", 1, 2, 16, 44_100, samples)
    return head + struct.pack("<I", zlib.crc32(head)) + bytes(8000)


def _wavpack(size: int, samples: int) -> bytes:
    return b"wvpk" + struct.pack("<IHBBIIIII", size, 0x410, 0, 0, samples, 0, samples, 0, 0) * 9


def _dsf(channels: int, rate: int, samples: int) -> bytes:
    form = struct.pack("<IIIIIIQII", 1, 0, 2, channels, rate, 1, samples, 4096, 0)
    head = b"DSD " + struct.pack("<QQQ", 28, 2**63, 0)
    data = b"data" + struct.pack("<Q", 2**63) + bytes(8192)
    return head + b"fmt " + struct.pack("<Q", 12 + len(form)) + form + data


# Of each container what its own format makes possible.
FORGED: dict[str, Callable[[], bytes]] = {
    "wav align 0": lambda: forged.wav(align=0),
    "wav 0 bits": lambda: forged.wav(bits=0),
    "wav 255 bits": lambda: forged.wav(bits=255),
    "wav fmt 2^31": lambda: forged.wav(form_size=2**31),
    "wav data 2^32": lambda: forged.wav(data_size=HUGE),
    "wav riff 0": lambda: forged.wav(riff_size=0),
    "aiff 2^32 frames": lambda: forged.aiff(frames=HUGE),
    "flac blocks of 0": lambda: forged.flac(blocks=(0, 0)),
    "flac blocks of 65535": lambda: forged.flac(blocks=(65_535, 65_535)),
    "flac picture of 16 MB": lambda: forged.flac(rest=b"\x86\xff\xff\xff" + bytes(64)),
    "ogg packet without an end": _ogg_without_an_end,
    "ogg of 5000 streams": _crowded_ogg,
    "opus 255 channels": lambda: _opus(forged.opus_head(channels=255, family=255)),
    "vorbis blocks": lambda: _vorbis(forged.vorbis_head(blocks=0xFF)),
    "matroska of 10000 tracks": _crowded_matroska,
    "matroska 2^56": lambda: forged.matroska(
        forged.track(), forged.cluster(), segment_size=2**56 - 2
    ),
    "matroska attachment 2^40": lambda: forged.matroska(
        forged.track(), element("1941A469", element("61A7", element("465C", b"x", 2**40)))
    ),
    "matroska deep": _deep_matroska,
    "matroska deflated": lambda: _deflated_matroska(2**28),
    "id3 256 MB": lambda: forged.id3(b"x" * 4000, size=2**28 - 1),
    "id3 deflated": lambda: _deflated_id3(2**27),
    "caf table 2^60": lambda: forged.caf(
        chunks=b"pakt" + struct.pack(">qqqii", 24, 2**60, 2**60, 0, 0) + bytes(400)
    ),
    "au head 2^32": lambda: forged.au(head=HUGE),
    "w64 data 2^63": lambda: forged.w64(data_size=2**63 - 1),
    "w64 fmt 2^63": lambda: forged.w64(form_size=2**63 - 1),
    "ts of 1200 streams": _crowded_ts,
    "avi strf 2^31": lambda: _avi(2**31),
    "ape 2^31 frames": lambda: _ape(2**31, HUGE),
    "dsf 2^60 samples": lambda: _dsf(2, 2_822_400, 2**60),
    "moov deflated": lambda: forged.compressed_moov(2**28, 2**28),
    "moov of 2^63": lambda: (
        forged.box(b"ftyp", b"M4A " + bytes(8)) + struct.pack(">I4sQ", 1, b"moov", 2**63)
    ),
    "moov deep": lambda: box(b"ftyp", b"M4A " + bytes(8)) + forged.nested(b"moov", 20_000),
    "10000 trak": lambda: (
        box(b"ftyp", b"M4A " + bytes(8)) + box(b"moov", box(b"trak", box(b"mdia")) * 10_000)
    ),
}
# More of the same.
MORE_FORGED: dict[str, Callable[[], bytes]] = {
    "wav align 65535": lambda: forged.wav(align=65_535),
    "wav 65535 bits": lambda: forged.wav(bits=65_535),
    "wav fmt 2^32": lambda: forged.wav(form_size=HUGE),
    "wav fmt 2": lambda: forged.wav(form_size=2),
    "wav data 2^31": lambda: forged.wav(data_size=2**31),
    "wav no data": lambda: forged.wav(data=b""),
    "wav of an unknown codec": lambda: forged.wav(code=0x7777),
    "wav of mp3": lambda: forged.wav(code=0x55),
    "wav of adpcm": lambda: forged.wav(code=2, bits=4, align=1),
    "aiff offset 2^32": lambda: forged.aiff(offset=HUGE),
    "aiff 255 bits": lambda: forged.aiff(bits=255),
    "aiff no channel": lambda: forged.aiff(channels=0),
    "flac blocks reversed": lambda: forged.flac(blocks=(65_535, 16)),
    "flac 2^36 samples": lambda: forged.flac(samples=2**36 - 1),
    "flac seek table of 16 MB": lambda: forged.flac(rest=b"\x83\xff\xff\xfe" + bytes(64)),
    "opus no channel": lambda: _opus(forged.opus_head(channels=0)),
    "vorbis 0 Hz": lambda: _vorbis(forged.vorbis_head(rate=0)),
    "vorbis 255 channels": lambda: _vorbis(forged.vorbis_head(channels=255)),
    "matroska private 2^40": lambda: forged.matroska(
        forged.track(extra=element("63A2", b"x", 2**40)), forged.cluster()
    ),
    "matroska NaN Hz": lambda: forged.matroska(forged.track(rate=float("nan")), forged.cluster()),
    "matroska 10^308 Hz": lambda: forged.matroska(forged.track(rate=1e308), forged.cluster()),
    "id3 frame 4 GB": lambda: forged.id3(forged.id3_frame(b"TIT2", b"x" * 4000, size=HUGE)),
    "caf no channel": lambda: forged.caf(channels=0),
    "caf packets of 2^31": lambda: forged.caf(packet=2**31),
    "caf data 2^63": lambda: forged.caf(chunks=b"data" + struct.pack(">q", 2**63 - 1) + bytes(999)),
    "caf info 2^40": lambda: forged.caf(
        chunks=b"info" + struct.pack(">qI", 2**40, HUGE) + b"a\0b\0" * 900
    ),
    "au head 0": lambda: forged.au(head=0),
    "au size 2^32": lambda: forged.au(size=HUGE),
    "w64 data 0": lambda: forged.w64(data_size=0),
    "w64 fmt -1": lambda: forged.w64(form_size=-1),
    "avi": lambda: _avi(16),
    "ape 2^24 frames": lambda: _ape(2**24, 2**26),
    "tta 2^32 samples": lambda: _tta(HUGE),
    "wavpack 2^32": lambda: _wavpack(HUGE, HUGE),
    "wavpack 0": lambda: _wavpack(0, 0),
    "dsf 2^32 channels": lambda: _dsf(HUGE, 2_822_400, 2**60),
    "dsf 1 Hz": lambda: _dsf(2, 1, 2**60),
    "moov deflated 4 GB": lambda: forged.compressed_moov(2**20, HUGE),
    "trak deep": lambda: (
        box(b"ftyp", b"M4A " + bytes(8)) + box(b"moov", forged.nested(b"trak", 20_000))
    ),
    "rm": lambda: b".RMF\0\0\0\x12\0\0" + struct.pack(">II", 0, HUGE) + b"MDPR" + b"\xff" * 4000,
    "mpc8": lambda: b"MPCKSH" + b"\xff" * 9 + bytes(4000),
    "mpc": lambda: b"MP+\x07" + b"\xff" * 4000,
    "shorten": lambda: b"ajkg\x02" + b"\xff" * 4000,
    "tak": lambda: b"tBaK" + b"\xff" * 4000,
    "voc": lambda: b"Creative Voice File\x1a\x1a\0\x0a\x01\x29\x11" + b"\x01\xff\xff\xff" * 999,
    "iff": lambda: b"FORM\xff\xff\xff\xff8SVXVHDR\0\0\0\x14" + b"\xff" * 4000,
    "flv": lambda: b"FLV\x01\x04\0\0\0\x09\0\0\0\0" + b"\x08\xff\xff\xff" * 999,
    "amr": lambda: b"#!AMR\n" + b"\xff" * 4000,
    "asf": lambda: bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + b"\xff" * 4000,
    "mxf": lambda: bytes.fromhex("060e2b34020501010d01020101020400") + b"\x88" + b"\xff" * 4000,
    "dts": lambda: b"\x7f\xfe\x80\x01" * 4000,
    "ac3": lambda: b"\x0b\x77\xff\xff\xff" * 4000,
    "mpeg": lambda: b"\0\0\1\xba" + b"\xff" * 10 + b"\0\0\1\xbd\xff\xff" * 4000,
}

TRACK = "moov/trak/mdia/minf/stbl/"
# Boxes of an M4A, by their path, and what is done to their bodies.
TABLES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "stsz 2^32": (f"{TRACK}stsz", table(0, 1, 1, count=HUGE)),
    "stsz 2^32 alike": (f"{TRACK}stsz", lambda _: struct.pack(">III", 0, 1, HUGE)),
    "stts 2^31 samples": (f"{TRACK}stts", table(2**31 - 1, 1024, count=1)),
    "stsc 2^31 a chunk": (f"{TRACK}stsc", table(1, 2**31 - 1, 1, count=1)),
    "stco 2^32": (f"{TRACK}stco", table(0, count=HUGE)),
    "elst 2^32": ("moov/trak/edts/elst", table(0, 0, 65_536, count=HUGE)),
    "mdhd scale 0": ("moov/trak/mdia/mdhd", lambda body: body[:12] + bytes(4) + body[16:]),
}
MORE_TABLES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "stsz 2^28 alike": (f"{TRACK}stsz", lambda _: struct.pack(">III", 0, 1, 2**28)),
    "stts 2^32 entries": (f"{TRACK}stts", table(1, 1024, count=HUGE)),
    "stts of nothing": (f"{TRACK}stts", table(2**31 - 1, 0, count=1)),
    "stts back": (f"{TRACK}stts", table(100, HUGE, count=1)),
    "stsc 2^32": (f"{TRACK}stsc", table(1, 1, 1, count=HUGE)),
    "stco away": (f"{TRACK}stco", table(HUGE, count=1)),
    "stsd 2^32": (f"{TRACK}stsd", table(count=HUGE)),
    "elst long": ("moov/trak/edts/elst", table(HUGE, 0, 1, count=1)),
    "mdhd scale 1": ("moov/trak/mdia/mdhd", lambda body: body[:12] + b"\0\0\0\1" + body[16:]),
    "mdhd long": ("moov/trak/mdia/mdhd", lambda body: body[:16] + b"\xff" * 4 + body[20:]),
    "mvhd scale 0": ("moov/mvhd", lambda body: body[:12] + bytes(4) + body[16:]),
    "hdlr": ("moov/trak/mdia/hdlr", lambda _: b"\xff" * 200),
    "no minf": ("moov/trak/mdia/minf", lambda _: b""),
}
