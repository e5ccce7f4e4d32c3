"""Whether an output is the bytes of a file, but for what Ogg makes random."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

_CHUNK_BYTES = 1024**2


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def is_same(output: Readable, file: Path, is_ogg: bool) -> bool:
    with file.open("rb") as expected:
        if is_ogg:
            whole = (_all(output), expected.read())
            return _without_serials(whole[0]) == _without_serials(whole[1])
        while chunk := expected.read(_CHUNK_BYTES):
            if output.read(len(chunk)) != chunk:
                return False
    return not output.read(1)


def _all(output: Readable) -> bytes:
    data = b""
    while chunk := output.read(_CHUNK_BYTES):
        data += chunk
    return data


def _without_serials(data: bytes) -> bytes:
    """Every page's serial number, and the checksum over it, set to zero (RFC 3533 §6)."""
    pages = bytearray(data)
    at = 0
    while at + 27 <= len(pages):
        pages[at + 14 : at + 18] = pages[at + 22 : at + 26] = bytes(4)
        count = pages[at + 26]
        at += 27 + count + sum(pages[at + 27 : at + 27 + count])
    return bytes(pages)
