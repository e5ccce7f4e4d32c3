"""Headers that lie, bombs, and good files gone bad: each ends coded, in time and in little memory.

Which code is not the point: ffmpeg's releases disagree on what a broken header is. What counts is
what `Guard.convert` checks.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterable
from typing import Any

import pytest

from conversion.job import Status
from tests.converter import forged
from tests.converter.forged import table
from tests.converter.forgeries import (
    FORGED,
    MORE_FORGED,
    MORE_TABLES,
    OUT_OF_RANGE,
    TABLES,
    TRACK,
)
from tests.converter.sounds import INPUTS, Sounds
from tests.converter.traps import Guard

_LONG = pytest.mark.long


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_an_absurd_rate_or_number_of_channels_is_refused(guard: Guard, name: str) -> None:
    code = guard.refuse(OUT_OF_RANGE[name])

    assert code in ("INPUT_OUT_OF_RANGE", "UNSUPPORTED_INPUT", "CORRUPT_INPUT"), code


_ALL_FORGED = FORGED | MORE_FORGED
_ALL_TABLES = TABLES | MORE_TABLES


def _with_tail(names: Iterable[Any], tail: Iterable[Any]) -> list[Any]:
    return [*names, *(pytest.param(name, marks=_LONG) for name in tail)]


@pytest.mark.parametrize("name", _with_tail(FORGED, MORE_FORGED))
def test_a_forged_header(guard: Guard, name: str) -> None:
    guard.convert(_ALL_FORGED[name]())


@pytest.mark.parametrize("name", _with_tail(TABLES, MORE_TABLES))
def test_a_forged_table_of_an_m4a(guard: Guard, sounds: Sounds, name: str) -> None:
    path, change = _ALL_TABLES[name]

    guard.convert(forged.reboxed(sounds.bytes("m4a-moov-last"), path, change))


@pytest.mark.parametrize("count", [2**24, pytest.param(2**28, marks=_LONG)])
def test_samples_that_are_only_declared_take_no_memory_for_long(
    guard: Guard, sounds: Sounds, count: int
) -> None:
    """A kilobyte that declares millions of samples of one byte each, in one chunk."""
    data = sounds.bytes("m4a-moov-last")
    for name, change in {
        "stsz": lambda _: struct.pack(">III", 0, 1, count),
        "stts": table(count, 1024, count=1),
        "stsc": table(1, count, 1, count=1),
        "stco": table(48, count=1),
    }.items():
        data = forged.reboxed(data, TRACK + name, change)

    guard.refuse(data, "m4a")


def test_a_bomb_is_refused_for_what_it_declares(guard: Guard, sounds: Sounds) -> None:
    """Silence: kilobytes of FLAC that would make hundreds of times as much WAV."""
    data = _silence(sounds, 600, "flac")
    assert len(data) < 600 * 44_100 * 4 / 200

    assert guard.refuse(data, "wav", max_output_bytes=100 * 1024**2) == "OUTPUT_TOO_LARGE"
    assert guard.refuse(data, "wav", max_duration_seconds=599) == "INPUT_TOO_LONG"


def _silence(sounds: Sounds, seconds: int, muxer: str, *arguments: str) -> bytes:
    path = sounds.folder / f"silence-{seconds}.{muxer}"
    if not path.exists():
        source = ["-f", "lavfi", "-i", f"anullsrc=r=44100:cl=stereo:d={seconds}"]
        sounds.make(path, [*source, *arguments, "-f", muxer])
    return path.read_bytes()


_QUIET = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "32k", "-write_xing", "0"),
    "opus": ("-c:a", "libopus", "-b:a", "6k", "-application", "lowdelay"),
    "adts": ("-c:a", "aac", "-b:a", "16k"),
    "flac": (),
}


@pytest.mark.parametrize("muxer", _QUIET)
def test_a_bomb_is_stopped_when_its_output_passes_the_limit(
    guard: Guard, sounds: Sounds, muxer: str
) -> None:
    """Where nothing is declared, or too little of it, only the writer can notice."""
    data = _silence(sounds, 120, muxer, *_QUIET[muxer])

    code = guard.refuse(data, "wav", max_output_bytes=4 * 1024**2)

    assert code == "OUTPUT_TOO_LARGE"
    assert guard.world.keys() == []


def test_a_bomb_that_declares_nothing_is_stopped_when_it_has_lasted_too_long(
    guard: Guard, sounds: Sounds
) -> None:
    """FLAC whose header says that its length is not known (RFC 9639 §8.2)."""
    data = bytearray(_silence(sounds, 120, "flac"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)

    assert guard.refuse(bytes(data), "mp3", max_duration_seconds=60) == "INPUT_TOO_LONG"


def test_a_wav_that_lasts_for_days(guard: Guard) -> None:
    data = forged.wav(rate=4000, channels=1, bits=8, data=bytes(6_000_000))

    assert guard.refuse(data, "mp3", max_duration_seconds=1400) == "INPUT_TOO_LONG"


def _png(width: int, height: int) -> bytes:
    """A head that promises a picture, and a body that is none: decoding it is an error."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", b"no picture" * 200), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(held)) + name + held + struct.pack(">I", zlib.crc32(name + held))
        for name, held in parts
    )


def _covered(picture: bytes, kind: bytes, sounds: Sounds) -> bytes:
    frame = forged.id3_frame(b"APIC", b"\0image/" + kind + b"\0\x03\0" + picture)
    return forged.id3(frame) + sounds.bytes("mp3-vbr")


def test_a_cover_is_copied_and_never_decoded(guard: Guard, sounds: Sounds) -> None:
    """Decoded, it would be a gigabyte; and as it cannot be decoded, it would be an error."""
    picture = _png(16_000, 16_000)

    job = guard.convert(_covered(picture, b"png", sounds), "flac")

    assert job.status is Status.COMPLETED, job.failure
    assert picture in guard.world.output(job)


_GIF = b"GIF89a" + struct.pack("<HHBBB", 16_000, 16_000, 0x80, 0, 0) + bytes(6) + b","
_GIF += struct.pack("<HHHHB", 0, 0, 16_000, 16_000, 0) + b"\x02\x02\x44\x01\0;"
_BMP = b"BM" + struct.pack("<IIIIiiHHI", 2**30, 0, 54, 40, 16_000, 16_000, 1, 32, 0) + bytes(9000)


@pytest.mark.parametrize(
    ("kind", "picture"),
    [(b"png", _png(30_000, 30_000)), (b"gif", _GIF), (b"bmp", _BMP)],
    ids=["png", "gif", "bmp"],
)
def test_a_cover_of_an_absurd_size(
    guard: Guard, sounds: Sounds, kind: bytes, picture: bytes
) -> None:
    guard.convert(_covered(picture, kind, sounds), "flac")


_OUTPUTS = ("mp3", "wav", "flac", "m4a", "opus", "ogg")


def _mutated(data: bytes, seed: int) -> bytes:
    """A few bytes flipped, taken out or put in; half of the time in the head, where it hurts."""
    chance = random.Random(seed)
    made = bytearray(data)
    for _ in range(chance.choice((1, 3, 30, 300))):
        reach = min(len(made), 2048) if chance.random() < 0.5 else len(made)
        at = chance.randrange(max(1, reach))
        length = chance.choice((1, 1, 4, 100))
        match chance.randrange(4):
            case 0:
                made[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del made[at : at + length]
            case 2:
                made[at:at] = chance.randbytes(length)
            case _:
                made[at : at + 4] = chance.choice((bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff"))
    return bytes(made)


@pytest.mark.parametrize("seed", _with_tail(range(6), range(6, 200)))
def test_a_good_file_gone_bad(guard: Guard, sounds: Sounds, seed: int) -> None:
    name = INPUTS[seed * 7 % len(INPUTS)]

    guard.convert(_mutated(sounds.bytes(name), seed), _OUTPUTS[seed % len(_OUTPUTS)])
