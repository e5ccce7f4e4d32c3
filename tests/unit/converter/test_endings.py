"""What a container says should be there, against what is."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from tasks.converter.endings import ends_in_its_tag, missing


@dataclass
class File:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, start: int, end: int) -> bytes:
        return self.data[start:end]


def _wav(declared: int, held: int, before: bytes = b"") -> File:
    form = b"fmt " + struct.pack("<I", 16) + bytes(16)
    data = b"data" + struct.pack("<I", declared) + bytes(held)
    return File(b"RIFF" + bytes(4) + b"WAVE" + form + before + data)


def _page(body: int, serial: int = 7) -> bytes:
    lacing = bytes([255] * (body // 255) + [body % 255])
    return (
        b"OggS"
        + bytes(10)
        + struct.pack("<I", serial)
        + bytes(8)
        + bytes([len(lacing)])
        + (lacing + bytes(body))
    )


@pytest.mark.parametrize(
    ("declared", "held", "gone"),
    [(1000, 1000, 0), (1000, 400, 600), (0, 400, 0), (0xFFFFFFFF, 400, 0), (1000, 1040, 0)],
)
def test_wav(declared: int, held: int, gone: int) -> None:
    found = missing("wav", _wav(declared, held))
    if declared == 0xFFFFFFFF:
        assert found.bytes == 0
    else:
        assert found.bytes == gone
    assert not found.for_certain


def test_rf64_has_its_size_elsewhere() -> None:
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, 5000, 0, 0)
    assert missing("wav", _wav(0xFFFFFFFF, 2000, ds64)).bytes == 3000


def test_a_wav_without_data_or_with_nonsense_cannot_tell() -> None:
    assert missing("wav", File(b"RIFF" + bytes(40))).bytes == 0
    assert missing("wav", File(b"")).bytes == 0


@pytest.mark.parametrize("cut", [0, 1, 300, 600])
def test_ogg(cut: int) -> None:
    whole = _page(1000) + _page(700)
    found = missing("ogg", File(whole[: len(whole) - cut]))
    assert found.bytes == cut
    assert found.for_certain


def test_ogg_cut_in_a_page_header() -> None:
    assert missing("ogg", File(_page(1000) + _page(700)[:20])).bytes > 0


def test_ogg_with_words_behind_its_last_page() -> None:
    assert missing("ogg", File(_page(1000) + b"words")).bytes == 0


def _box(name: bytes, size: int, declared: int | None = None) -> bytes:
    return struct.pack(">I4s", size + 8 if declared is None else declared, name) + bytes(size)


def test_mov() -> None:
    whole = _box(b"ftyp", 16) + _box(b"mdat", 500) + _box(b"moov", 300)
    assert missing("mov", File(whole)).bytes == 0
    assert missing("mov", File(whole[:-100])).bytes == 100
    assert missing("mov", File(whole + b"trailing words of any kind")).bytes == 0


def test_mov_boxes_of_64_bits_and_to_the_end() -> None:
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)
    assert missing("mov", File(_box(b"ftyp", 16) + large)).bytes == 0
    assert missing("mov", File(_box(b"ftyp", 16) + large[:-10])).bytes == 10
    assert missing("mov", File(_box(b"ftyp", 16) + _box(b"mdat", 50, declared=0))).bytes == 0


def test_asf() -> None:
    guid = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
    for flags, gone in ((2, 4000), (1, 0)):
        properties = guid + struct.pack("<Q", 104) + bytes(16) + struct.pack("<Q", 5000)
        properties += bytes(40) + struct.pack("<I", flags) + bytes(12)
        data = bytes(30) + properties
        assert missing("asf", File(data.ljust(1000, b"\0"))).bytes == gone
    assert missing("asf", File(bytes(1000))).bytes == 0


def test_others_cannot_tell() -> None:
    assert missing("flac", File(b"fLaC")).bytes == 0


def test_a_tag_longer_than_the_file() -> None:
    tag = b"ID3\4\0\0" + bytes([0, 0, 2, 10]) + bytes(266)
    assert ends_in_its_tag(File(tag[:-5]))
    assert not ends_in_its_tag(File(tag + b"\xff\xfb" + bytes(100)))
    assert not ends_in_its_tag(File(b"ID3"))
    assert not ends_in_its_tag(File(b"RIFF" + bytes(100)))
