"""What a container says should be there, against what is."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from tasks.converter.containers.claims import Missing
from tasks.converter.containers.endings import is_cut, missing
from tests.converter import handmade


@dataclass
class File:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, start: int, end: int) -> bytes:
        return self.data[start:end]


def _look(demuxer: str, data: bytes) -> Missing:
    return missing(demuxer, File(data))


def _wav(declared: int, held: int, before: bytes = b"") -> bytes:
    form = b"fmt " + struct.pack("<I", 16) + bytes(16)
    data = b"data" + struct.pack("<I", declared) + bytes(held)
    return b"RIFF" + bytes(4) + b"WAVE" + form + before + data


@pytest.mark.parametrize(
    ("declared", "held", "gone"), [(1000, 1000, 0), (1000, 400, 600), (1000, 1040, 0)]
)
def test_wav(declared: int, held: int, gone: int) -> None:
    assert _look("wav", _wav(declared, held)) == Missing(gone, knows_end=True)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFDB, 0xFFFFFFFF])
def test_a_wav_whose_size_was_left_open_cannot_tell(size: int) -> None:
    assert _look("wav", _wav(size, 400)) == Missing()


def test_rf64_has_its_size_elsewhere() -> None:
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, 5000, 0, 0)
    assert _look("wav", _wav(0xFFFFFFFF, 2000, ds64)).bytes == 3000


def test_a_wav_without_data_or_with_nonsense_cannot_tell() -> None:
    assert _look("wav", b"RIFF" + bytes(40)) == Missing()
    assert _look("wav", b"") == Missing()


def _riff(size: int, held: int) -> bytes:
    return b"RIFF" + struct.pack("<I", size) + bytes(held)


def _au(size: int) -> bytes:
    return b".snd" + struct.pack(">II", 24, size) + bytes(12 + 500)


def _w64(size: int) -> bytes:
    guid = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
    return bytes(40) + guid + struct.pack("<Q", size) + bytes(500)


def _caf(size: int) -> bytes:
    return b"caff\0\1\0\0" + b"data" + struct.pack(">q", size) + bytes(500)


def _asf(size: int) -> bytes:
    header = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + struct.pack("<Q", 30) + bytes(6)
    data = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c") + struct.pack("<Q", size)
    return header + data + bytes(500)


def _mkv(size: bytes) -> bytes:
    return b"\x1a\x45\xdf\xa3\x84abcd" + b"\x18\x53\x80\x67" + size + bytes(500)


def _mxf(footer: int) -> bytes:
    key = bytes.fromhex("060e2b34020501010d01020101020400")
    return key + b"\x83\0\0\x68" + bytes(24) + struct.pack(">Q", footer) + bytes(500)


def _flv(size: float) -> bytes:
    return b"FLV\1\5\0\0\0\x09" + b"\0\x08filesize\0" + struct.pack(">d", size) + bytes(500)


def _voc(rest: bytes) -> bytes:
    return bytes(20) + b"\x16\0" + b"\1\4\0\0" + rest


@pytest.mark.parametrize(
    ("demuxer", "whole", "cut", "gone", "left_open"),
    [
        ("avi", _riff(500, 500), _riff(900, 500), 400, _riff(0, 500)),
        ("aiff", b"FORM" + struct.pack(">I", 9) + bytes(9), b"FORM\0\0\0\x09", 9, b"FORM\0\0\0\0"),
        ("au", _au(500), _au(900), 400, _au(0xFFFFFFFF)),
        ("w64", _w64(524), _w64(924), 400, _w64(2**63 - 1)),
        ("caf", _caf(500), _caf(900), 400, _caf(-1)),
        ("asf", _asf(524), _asf(924), 400, _asf(0)),
        ("matroska", _mkv(b"\x41\xf4"), _mkv(b"\x43\x84"), 400, _mkv(b"\x01" + b"\xff" * 7)),
        ("mxf", _mxf(500), _mxf(1000), 461, _mxf(0)),
        ("flv", _flv(528), _flv(928), 400, _flv(0)),
        ("voc", _voc(b"abcd\0"), _voc(b"ab"), 3, _voc(b"abcd" + 300 * b"\1\0\0\0")),
    ],
)
def test_a_length_in_a_header(
    demuxer: str, whole: bytes, cut: bytes, gone: int, left_open: bytes
) -> None:
    assert _look(demuxer, whole).bytes == 0
    assert _look(demuxer, whole).knows_end
    assert _look(demuxer, cut).bytes == gone
    assert not _look(demuxer, left_open).knows_end


@pytest.mark.parametrize(
    ("demuxer", "whole"),
    [
        ("dsf", handmade.dsf(0.1)),
        ("iff", handmade.dsdiff(0.1)),
        ("iff", handmade.eight_svx(0.1)),
        ("ape", handmade.ape(4)),
        ("dtshd", handmade.dtshd(bytes(1000))),
    ],
)
def test_real_files_of_rarer_kinds(demuxer: str, whole: bytes) -> None:
    assert _look(demuxer, whole) == Missing(knows_end=True)
    assert _look(demuxer, whole[:-70]).bytes == 70


def _page(body: int, flags: int = 0) -> bytes:
    lacing = bytes([255] * (body // 255) + [body % 255])
    header = b"OggS\0" + bytes([flags]) + bytes(8) + struct.pack("<I", 7) + bytes(8)
    return header + bytes([len(lacing)]) + lacing + bytes(body)


@pytest.mark.parametrize("cut", [0, 1, 300, 600])
def test_ogg(cut: int) -> None:
    whole = _page(1000) + _page(700, flags=4)
    assert _look("ogg", whole[: len(whole) - cut]) == Missing(cut, True, knows_end=True)


def test_an_ogg_cut_between_two_pages_cannot_tell() -> None:
    assert _look("ogg", _page(1000) + _page(700)) == Missing(0, True, knows_end=False)


def test_ogg_cut_in_a_page_header() -> None:
    assert _look("ogg", _page(1000) + _page(700)[:20]).bytes > 0


def test_ogg_with_words_behind_its_last_page() -> None:
    assert _look("ogg", _page(1000) + b"words").bytes == 0


def _box(name: bytes, size: int, declared: int | None = None) -> bytes:
    return struct.pack(">I4s", size + 8 if declared is None else declared, name) + bytes(size)


def test_mov() -> None:
    whole = _box(b"ftyp", 16) + _box(b"mdat", 500) + _box(b"moov", 300)
    assert _look("mov", whole) == Missing(knows_end=True)
    assert _look("mov", whole[:-100]) == Missing(100, True, knows_end=True)
    assert _look("mov", whole + b"trailing words of any kind").bytes == 0


def test_mov_boxes_of_64_bits_and_to_the_end() -> None:
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)
    assert _look("mov", _box(b"ftyp", 16) + large).bytes == 0
    assert _look("mov", _box(b"ftyp", 16) + large[:-10]).bytes == 10
    assert _look("mov", _box(b"ftyp", 16) + _box(b"mdat", 50, declared=0)).bytes == 0


def test_a_fragmented_mov_knows_its_end_where_an_index_closes_it() -> None:
    fragments = _box(b"ftyp", 16) + 3 * (_box(b"moof", 40) + _box(b"mdat", 400))
    index = struct.pack(">I4s", 24, b"mfra") + struct.pack(">I4sII", 16, b"mfro", 0, 24)
    assert not _look("mov", fragments).knows_end
    assert _look("mov", fragments[:-1]).bytes == 1
    assert _look("mov", fragments + index) == Missing(knows_end=True)


def _mp3(frames: int, size: int, held: int, delays: bytes = b"") -> bytes:
    xing = b"Info" + struct.pack(">III", 3, frames, size) + bytes(104)
    lame = b"Lavc60.3\0" + bytes(12) + delays if delays else bytes(24)
    head = b"\xff\xfb\x90\x00" + bytes(32) + xing + lame
    return head + bytes(held - len(head))


def test_an_mp3_with_a_xing_header_counts_frames_and_bytes() -> None:
    assert _look("mp3", _mp3(10, 4000, 4000)) == Missing(0, False, True, 11520, 1152)
    assert _look("mp3", _mp3(10, 4000, 3000)).bytes == 1000


def test_what_a_player_skips_is_not_counted() -> None:
    delays = (576 << 12 | 1000).to_bytes(3, "big")
    assert _look("mp3", _mp3(10, 4000, 4000, delays)).samples == 11520 - 576 - 1000


def test_an_mp3_behind_tags_and_one_with_a_vbri_header() -> None:
    tag = b"ID3\4\0\0\0\0\0\x0a" + bytes(10)
    assert _look("mp3", tag + tag + _mp3(10, 4000, 3000)).bytes == 1000
    vbri = b"VBRI" + bytes(6) + struct.pack(">II", 4000, 10) + bytes(500)
    found = _look("mp3", b"\xff\xfb\x90\x00" + bytes(32) + vbri)
    assert (found.samples, found.bytes > 3000) == (11520, True)


def test_an_mp3_without_such_a_header_cannot_tell() -> None:
    assert _look("mp3", b"\xff\xfb\x90\x00" + bytes(1000)) == Missing()
    assert _look("mp3", b"nothing of the kind") == Missing()


def test_tta_has_a_table_of_its_frames() -> None:
    rate, samples = 44_100, 100_000
    header = b"TTA1" + struct.pack("<HHHIII", 1, 2, 16, rate, samples, 0)
    whole = header + struct.pack("<IIII", 900, 900, 100, 0) + bytes(1900)
    assert _look("tta", whole) == Missing(0, True, knows_end=True)
    assert _look("tta", whole[:-1]).bytes == 1
    assert _look("tta", whole[:25]).bytes > 0


def test_a_flac_smaller_than_its_largest_frame_is_cut() -> None:
    info = b"fLaC\x80\0\0\x22" + struct.pack(">HH", 4096, 4096)
    info += (1000).to_bytes(3, "big") + (9000).to_bytes(3, "big")
    info += struct.pack(">Q", 44_100 << 44 | 40_960) + bytes(16)
    assert _look("flac", info + bytes(5000)).bytes == 9000 + 9 * 1000 - 5000
    assert _look("flac", info + bytes(20_000)).bytes == 0


def test_others_cannot_tell() -> None:
    assert _look("ac3", b"\x0b\x77" + bytes(100)) == Missing()


def test_a_file_that_cannot_be_read_is_known_as_cut_by_how_it_begins() -> None:
    tag = b"ID3\4\0\0" + bytes([0, 0, 2, 10]) + bytes(266)
    assert is_cut(File(tag[:-5]))
    assert is_cut(File(_box(b"ftyp", 16) + _box(b"mdat", 500)[:-1]))
    assert is_cut(File(_mkv(b"\x43\x84")))
    assert not is_cut(File(tag + b"\xff\xfb" + bytes(100)))
    assert not is_cut(File(b"%PDF-1.7" + bytes(100)))
    assert not is_cut(File(b""))
