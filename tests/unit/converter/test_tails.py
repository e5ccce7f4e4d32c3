"""The last frame of what counts its samples: there, torn, or gone."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from tasks.converter.containers import tails
from tasks.converter.containers.tails import flac_has_last, wavpack_has_last

_BLOCK = 4096


@dataclass
class File:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, start: int, end: int) -> bytes:
        return self.data[start:end]


def _crc(data: bytes, width: int, polynomial: int) -> int:
    """By long division, bit by bit: another way than the code under test goes."""
    bits = int.from_bytes(data, "big") << width
    divisor = (1 << width) | polynomial
    while bits.bit_length() > width:
        bits ^= divisor << bits.bit_length() - width - 1
    return bits


def _coded(number: int) -> bytes:
    return chr(number).encode("utf-8")


def _frame(number: int, count: int = _BLOCK) -> bytes:
    """A FLAC frame of zeros: block size of 16 bits behind the number, 44.1 kHz, stereo, 16 bit."""
    head = b"\xff\xf8\x79\x18" + _coded(number) + struct.pack(">H", count - 1)
    head += bytes([_crc(head, 8, 0x07)])
    body = head + bytes(300)
    return body + struct.pack(">H", _crc(body, 16, 0x8005))


_WHOLE = b"".join(_frame(each) for each in range(200)) + _frame(200, 100)
_TOTAL = 200 * _BLOCK + 100


@pytest.mark.parametrize(
    ("data", "has_last"),
    [
        (_WHOLE, True),
        (_WHOLE + b"TAG" + bytes(125), True),
        (_WHOLE[:5000] + bytes(900) + _WHOLE[5900:], True),
        (_WHOLE[:-1], False),
        (_WHOLE[: -len(_frame(200))], False),
        (_WHOLE[:9000], False),
        (b"fLaC", False),
    ],
)
def test_flac(data: bytes, has_last: bool) -> None:
    assert flac_has_last(File(data), _BLOCK, _TOTAL) is has_last


@pytest.mark.parametrize("sync", [b"\xff\xf8", b"\xff\xf9"])
def test_an_end_of_nothing_but_syncs_is_not_looked_at_in_full(
    monkeypatch: pytest.MonkeyPatch, sync: bytes
) -> None:
    looked, look = list[bytes](), tails._flac_frame_end
    monkeypatch.setattr(
        tails, "_flac_frame_end", lambda head, block: looked.append(head) or look(head, block)
    )

    assert not flac_has_last(File(_WHOLE + sync * 262_144), _BLOCK, _TOTAL)
    assert 0 < len(looked) <= 4096


def _block(index: int, count: int, total: int) -> bytes:
    return b"wvpk" + struct.pack("<IHBBIII", 324, 0x410, 0, 0, total, index, count) + bytes(308)


@pytest.mark.parametrize(("cut", "has_last"), [(0, True), (1, False), (320, False), (332, False)])
def test_wavpack(cut: int, has_last: bool) -> None:
    whole = _block(0, 22_050, 44_100) + _block(22_050, 22_050, 44_100)
    assert wavpack_has_last(File(whole[: len(whole) - cut])) is has_last


def test_a_file_without_a_block_has_no_last_one() -> None:
    assert not wavpack_has_last(File(b"RIFF"))
