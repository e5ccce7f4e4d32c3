"""A picture of the peaks: a PNG of one colour on a transparent ground, written here.

Two colours and no filters are a dozen lines of PNG (W3C PNG Specification, §5 and §11); a library
would bring more than that to the image. Long audio is drawn by folding, short by repeating.
"""

from __future__ import annotations

import struct
import zlib

from tasks.converter.waveform import Peaks

WIDTH, HEIGHT = 1800, 280
_INK = bytes((0x2F, 0x6F, 0xDE))
_MIDDLE = (HEIGHT - 1) / 2
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ONE_BIT, _PALETTE = 1, 3


def picture(peaks: Peaks) -> bytes:
    """8 bits of amplitude go from the lowest row to the highest; silence is a line."""
    spans = [_rows(*_column(peaks, x)) for x in range(WIDTH)]
    rows = b"".join(b"\0" + _row(spans, y) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, _ONE_BIT, _PALETTE, 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", bytes(3) + _INK),
            _chunk(b"tRNS", b"\x00\xff"),  # how opaque each of the two colours is
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _column(peaks: Peaks, x: int) -> tuple[int, int]:
    start = x * peaks.length // WIDTH
    end = max(start + 1, (x + 1) * peaks.length // WIDTH)
    return min(peaks.lows[start:end]), max(peaks.highs[start:end])


def _rows(low: int, high: int) -> tuple[int, int]:
    """The first and the last inked row, counted from the top."""
    top, bottom = round(_MIDDLE * (1 - high / 127)), round(_MIDDLE * (1 - low / 128))
    return min(top, HEIGHT - 1), max(bottom, 0)


def _row(spans: list[tuple[int, int]], y: int) -> bytes:
    """One bit a pixel, the leftmost the highest."""
    bits = "".join("1" if top <= y <= bottom else "0" for top, bottom in spans)
    return int(bits, 2).to_bytes(WIDTH // 8, "big")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
