"""Good audio in containers that name another file or address, each in its format's own way."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable

from tests.converter import forged
from tests.converter.sounds import Sounds


def _alias(path: str) -> bytes:
    """A QuickTime alias record with an absolute path (its part of type 2), laid out as
    `mov_read_dref` of ffmpeg's libavformat/mov.c reads it."""
    name = path.rsplit("/", 1)[-1].encode()[:63]
    head = bytes(4) + bytes(10) + b"\4" + b"disk".ljust(27, b"\0") + bytes(12)
    head += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + struct.pack(">HH", 1, 1)
    whole = path.encode() + b"\0" * (len(path) % 2)
    parts = struct.pack(">hH", 2, len(path)) + whole + struct.pack(">hH", -1, 0)
    return forged.box(b"alis", head + bytes(16) + parts)


def referring(sounds: Sounds, kind: bytes, reference: str) -> bytes:
    """An M4A whose audio is said to be in another file."""
    text = reference.encode() + b"\0"
    entry = forged.box(kind, bytes(4) + (b"name\0" if kind == b"urn " else b"") + text)
    entry = _alias(reference) if kind == b"alis" else entry
    body = struct.pack(">II", 0, 1) + entry
    data = sounds.bytes("m4a-moov-last")
    return forged.reboxed(data, "moov/trak/mdia/minf/dinf/dref", lambda _: body)


_OPATOM = ["-c:a", "pcm_s16le", "-f", "mxf_opatom"]
_FILL = bytes.fromhex("060e2b340101010203010210010000")


def _reference_movie(reference: str) -> bytes:
    """`rmra`, by which a QuickTime movie names others (QuickTime File Format, "Movie atoms")."""
    text = reference.encode() + b"\0"
    held = forged.box(b"rdrf", struct.pack(">I4sI", 0, b"url ", len(text)) + text)
    movie = forged.box(b"moov", forged.box(b"rmra", forged.box(b"rmda", held)))
    return forged.box(b"ftyp", b"qt  " + bytes(8)) + movie


def _linked_mp3(reference: str, sounds: Sounds) -> bytes:
    link = reference.encode()
    frames = forged.id3_frame(b"APIC", b"\0-->\0\x03\0" + link)
    frames += forged.id3_frame(b"WOAF", link) + forged.id3_frame(b"WXXX", b"\0x\0" + link)
    frames += forged.id3_frame(b"LINK", b"TIT2" + link + b"\0x")
    return forged.id3(frames) + sounds.bytes("mp3-vbr")


def _linked_flac(reference: str, sounds: Sounds) -> bytes:
    link = reference.encode()
    picture = struct.pack(">II3sI", 3, 3, b"-->", 0) + bytes(16) + struct.pack(">I", len(link))
    block = struct.pack(">I", 6 << 24 | len(picture + link)) + picture + link
    data = sounds.bytes("flac")
    return data[:42] + block + data[42:]


def _linked_ogg(reference: str, sounds: Sounds) -> bytes:
    picture = struct.pack(">II3sI", 3, 3, b"-->", 0) + bytes(16) + struct.pack(">I", len(reference))
    text = base64.b64encode(picture + reference.encode()).decode()
    return sounds.with_tag("ogg", "METADATA_BLOCK_PICTURE", text.replace("=", "\\="))


def _scripted_asf(reference: str, sounds: Sounds) -> bytes:
    """A script command `URL`, on which a player opens a page (ASF specification §3.6)."""
    link = (reference + "\0").encode("utf-16-le")
    kind = "URL".encode("utf-16-le")
    body = bytes(16) + struct.pack("<HHH", 1, 1, 3) + kind
    body += struct.pack("<IHH", 0, 0, len(link) // 2) + link
    script = bytes.fromhex("301afb1e620bd011a39b00a0c90348f6") + struct.pack("<Q", 24 + len(body))
    data = sounds.bytes("wma")
    size, count = struct.unpack_from("<QI", data, 16)
    grown = struct.pack("<QI", size + 24 + len(body), count + 1)
    return data[:16] + grown + data[28:30] + script + body + data[30:]


def _linked_matroska(reference: str, sounds: Sounds) -> bytes:
    """A segment that names the next one's file, and an attachment that is a playlist."""
    link = forged.element("3E83BB", reference.encode()) + forged.element("3EB923", bytes(16))
    playlist = f"#EXTM3U\n#EXTINF:9,\n{reference}\n".encode()
    file = forged.element("466E", b"x.m3u8") + forged.element("4660", b"application/x-mpegURL")
    file += forged.element("465C", playlist) + forged.number("46AE", 7)
    attached = forged.element("1941A469", forged.element("61A7", file))
    return forged.matroska(forged.track(), attached + forged.cluster(), info=link)


def _external_mxf(reference: str, sounds: Sounds) -> bytes:
    """A network locator (SMPTE ST 377-1 §B.4) where ffmpeg had written filling."""
    path = sounds.folder / "opatom.mxf"
    if not path.exists():
        sounds.make(path, ["-i", str(sounds.path("wav")), "-ac", "1", "-ar", "48000", *_OPATOM])
    data = path.read_bytes()
    text = reference.encode("utf-16-be")
    body = b"\x3c\x0a\0\x10" + bytes(16) + struct.pack(">HH", 0x4001, len(text)) + text
    made = (
        bytes.fromhex("060e2b34025301010d01010101013200") + b"\x82" + struct.pack(">H", len(body))
    )
    at = data.index(_FILL)
    size = int.from_bytes(data[at + 17 : at + 17 + data[at + 16] - 0x80], "big")
    whole = 17 + data[at + 16] - 0x80 + size
    left = whole - len(made + body) - 20
    assert left >= 0
    filling = data[at : at + 16] + b"\x83" + left.to_bytes(3, "big") + bytes(left)
    return data[:at] + made + body + filling + data[at + whole :]


LINKS: dict[str, Callable[[str, Sounds], bytes]] = {
    "mov": lambda reference, _: _reference_movie(reference),
    "mp3": _linked_mp3,
    "flac": _linked_flac,
    "ogg": _linked_ogg,
    "asf": _scripted_asf,
    "matroska": _linked_matroska,
    "mxf": _external_mxf,
}
