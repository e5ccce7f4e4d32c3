"""Inputs that ffmpeg has no muxer or no encoder for, written by hand: the smallest valid files."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

_DSD_RATE = 2_822_400
_DSD_BLOCK_BYTES = 4096


def dsf(seconds: float) -> bytes:
    """One bit a sample, in blocks of 4,096 bytes a channel, low bits first (Sony, DSF File Format
    Specification 1.01)."""
    block = _one_bit_tone()
    blocks = round(seconds * _DSD_RATE / 8 / _DSD_BLOCK_BYTES)
    samples = blocks * _DSD_BLOCK_BYTES * 8
    data = b"data" + struct.pack("<Q", 12 + 2 * blocks * len(block)) + 2 * blocks * block
    form = struct.pack("<QIIIIIIQII", 52, 1, 0, 2, 2, _DSD_RATE, 1, samples, _DSD_BLOCK_BYTES, 0)
    size = 28 + 52 + len(data)
    return b"DSD " + struct.pack("<QQQ", 28, size, 0) + b"fmt " + form + data


def dsdiff(seconds: float) -> bytes:
    """The same bits, high bits first, the channels byte by byte (Philips, DSDIFF 1.5)."""
    swapped = bytes(int(f"{each:08b}"[::-1], 2) for each in _one_bit_tone())
    block = bytes(each for each in swapped for _ in "LR")
    data = block * round(seconds * _DSD_RATE / 8 / _DSD_BLOCK_BYTES)
    properties = b"SND " + _ck(b"FS  ", struct.pack(">I", _DSD_RATE))
    properties += _ck(b"CHNL", struct.pack(">H", 2) + b"SLFTSRGT")
    properties += _ck(b"CMPR", b"DSD \x0enot compressed\0")
    chunks = _ck(b"FVER", b"\1\5\0\0") + _ck(b"PROP", properties) + _ck(b"DSD ", data)
    return _ck(b"FRM8", b"DSD " + chunks)


def eight_svx(seconds: float) -> bytes:
    """IFF with 8-bit samples, as an Amiga wrote them (EA IFF 85, "8SVX")."""
    rate = 22_050
    count = round(seconds * rate)
    samples = bytes(round(90 * math.sin(0.1 * each)) & 0xFF for each in range(count))
    voice = struct.pack(">IIIHBBI", count, 0, 0, rate, 1, 0, 0x10000)
    chunks = b"8SVX" + b"VHDR" + struct.pack(">I", len(voice)) + voice
    chunks += b"BODY" + struct.pack(">I", count) + samples
    return b"FORM" + struct.pack(">I", len(chunks)) + chunks


def xwma(wav: bytes, seconds: float) -> bytes:
    """A WAV that holds WMA, as games keep it: another name, and the decoded sizes before `data`."""
    at, count = wav.index(b"fmt "), wav.index(b"data")
    length = struct.unpack_from("<I", wav, at + 4)[0]
    sizes = _riff(b"dpds", struct.pack("<I", 4 * round(seconds * 44_100)))
    chunks = b"XWMA" + wav[at : at + 8 + length] + sizes + wav[count:]
    return _riff(b"RIFF", chunks)


def dtshd(core: bytes) -> bytes:
    """DTS frames behind the header that DTS-HD files have."""
    header = struct.pack(">8sQIBBB5x", b"DTSHDHDR", 12, 0, 0, 0, 0)
    return header + struct.pack(">8sQ", b"STRMDATA", len(core)) + core


def shorten(seconds: float) -> bytes:
    """Shorten 2: a copied WAV header, then Rice codes of each sample (Robinson 1994, "SHORTEN")."""
    rate, block = 8_000, 256
    count = round(seconds * rate / block) * block
    header = b"RIFF" + struct.pack("<I", 36 + 2 * count) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    header += b"data" + struct.pack("<I", 2 * count)
    bits = [_ulong(5), _ulong(1), _ulong(block), _ulong(0), _ulong(0), _ulong(0)]
    bits += [_rice(9, 2), _rice(len(header), 5), *(_rice(each, 8) for each in header)]
    width = 10
    for start in range(0, count, block):
        bits += [_rice(0, 2), _rice(width, 3)]
        for each in range(start, start + block):
            value = round(4000 * math.sin(0.2 * each)) + (each * 7919) % 64
            bits.append(_rice(value << 1 if value >= 0 else ~value << 1 | 1, width + 1))
    bits.append(_rice(4, 2))
    return b"ajkg\2" + _packed(bits)


def ape(seconds: float) -> bytes:
    """Monkey's Audio 3.99 of silence: a frame that says so needs no entropy coder. The words of a
    frame are checksum, flags, and what the range coder starts with, little-endian fours."""
    rate, blocks = 44_100, 4_608
    total = round(seconds * rate)
    count = -(-total // blocks)
    frame = b"".join(each[::-1] for each in (b"\x80\0\0\0", b"\0\0\0\3", bytes(4), bytes(4)))
    header = struct.pack(
        "<HHIIIHHI", 1000, 0, blocks, total - (count - 1) * blocks, count, 16, 2, rate
    )
    at = 52 + len(header) + 4 * count
    table = struct.pack(f"<{count}I", *(at + len(frame) * each for each in range(count)))
    sizes = struct.pack("<IIIIIII", 52, len(header), len(table), 0, len(frame) * count, 0, 0)
    return (
        b"MAC " + struct.pack("<HH", 3990, 0) + sizes + bytes(16) + header + table + frame * count
    )


def amr(seconds: float) -> bytes:
    """AMR at 12.2 kbit/s: a byte for the mode, 31 bytes of it a frame of 20 ms (RFC 4867 §5)."""
    frames = round(seconds / 0.02)
    return b"#!AMR\n" + b"".join(
        b"\x3c" + bytes((each * 37 + place * 11) & 0xFF for place in range(31))
        for each in range(frames)
    )


def _one_bit_tone() -> bytes:
    """Four periods of a sine as one bit a sample, by a sigma-delta modulator of the first order."""
    total, bits = 0.0, bytearray(_DSD_BLOCK_BYTES)
    for each in range(8 * _DSD_BLOCK_BYTES):
        total += 0.5 * math.sin(math.tau * 4 * each / (8 * _DSD_BLOCK_BYTES))
        if total >= 0:
            bits[each // 8] |= 1 << each % 8
        total -= 1 if total >= 0 else -1
    return bytes(bits)


def _ck(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">Q", len(body)) + body + b"\0" * (len(body) % 2)


def _riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def _rice(value: int, width: int) -> str:
    return "0" * (value >> width) + "1" + (f"{value & (1 << width) - 1:0{width}b}" if width else "")


def _ulong(value: int) -> str:
    width = max(0, value.bit_length() - 1)
    return _rice(width, 2) + _rice(value, width)


def _packed(bits: Iterable[str]) -> bytes:
    text = "".join(bits)
    text += "0" * (-len(text) % 32)
    return int(text, 2).to_bytes(len(text) // 8, "big")
