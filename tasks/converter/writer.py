"""A seekable file that becomes one S3 object, in memory that does not grow with it.

Muxers go back and patch: sizes in a WAV header, the frame count of an MP3, the `moov` of an M4A.
They patch the head, or what they have just written. So the first part and the last two are held
back until the end, and everything between leaves as it fills up. A patch that falls on a part
already sent raises PatchOutOfReach at once; the run then goes by way of a file.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Protocol, Self

from conversion.errors import OutputTooLarge, PatchOutOfReach

log = logging.getLogger(__name__)

# S3 takes parts of 5 MiB to 5 GiB, 10,000 of them, 5 TiB in all ("Amazon S3 multipart upload
# limits"). 8 MiB doubled after every 1,000 parts reaches 5 TiB with part 9,321, of 4 GiB, and
# stays at 8 MiB for the first 7.8 GiB.
FIRST_PART_BYTES = 8 * 1024**2
PARTS_OF_A_SIZE = 1000


def part_bytes(number: int, first: int = FIRST_PART_BYTES) -> int:
    """The size of part `number`, counted from 1 as S3 does."""
    return first << ((number - 1) // PARTS_OF_A_SIZE)


def part_start(number: int, first: int = FIRST_PART_BYTES) -> int:
    """The offset of part `number` in the object."""
    doublings, within = divmod(number - 1, PARTS_OF_A_SIZE)
    return first * (PARTS_OF_A_SIZE * ((1 << doublings) - 1) + (within << doublings))


# What a gap is filled with, a piece at a time.
_ZEROS = memoryview(bytes(256 * 1024))


class Upload(Protocol):
    """Where parts go: tasks/converter/upload.py, or a test's dictionary.

    The buffer of a part comes from `buffer`, with anything in it, and goes back with `put`: one
    that has been sent is used again.
    """

    def buffer(self, size: int) -> bytearray: ...
    def put(self, number: int, body: bytearray) -> None: ...
    def put_whole(self, body: bytearray) -> None: ...
    def complete(self, size: int) -> None: ...
    def abort(self) -> None: ...


class ObjectWriter:
    """Write anywhere within reach, then `finish`: the object is what a file would have been.

    Bytes that were skipped are zeros, as in a sparse file. Used by one thread at a time. A context
    manager: an error in its block takes back all that went to S3, the finished object included.
    """

    def __init__(
        self, upload: Upload, most_bytes: int, first_part_bytes: int = FIRST_PART_BYTES
    ) -> None:
        self._upload = upload
        self._most_bytes = most_bytes
        self._first = first_part_bytes
        self._held: dict[int, bytearray] = {}
        self._newest = 0
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            return
        self._held.clear()
        try:
            self._upload.abort()
        except Exception as again:  # whatever it is, the block's own error says why the run ends
            log.warning(
                "parts may be left for the bucket's lifecycle rule: %s: %s",
                type(again).__name__,
                again,
            )

    def write(self, offset: int, data: memoryview) -> None:
        """Raises PatchOutOfReach, OutputTooLarge, and what an earlier part met on its way."""
        end = offset + len(data)
        if end > self._most_bytes:
            raise OutputTooLarge(
                f"The output would pass the limit of {self._most_bytes} bytes; choose a smaller "
                "format or bitrate, or raise the limit."
            )
        while self.size < offset:
            self._copy(self.size, _ZEROS[: offset - self.size])
        self._copy(offset, data)

    def finish(self) -> None:
        """Send what was held back and make the object visible. Nothing can be written after it."""
        if self._newest <= 1:
            only = self._held.pop(1, bytearray())
            del only[self.size :]
            self._upload.put_whole(only)
            return
        for number in sorted(self._held):
            self._send(number)
        self._upload.complete(self.size)

    def _copy(self, offset: int, data: memoryview) -> None:
        """Into the parts: `offset` is at most `size`, so that no byte below `size` is left over
        from a buffer's former use."""
        while data:
            number, within = self._place(offset)
            part = self._reach(number)
            taken = min(len(data), len(part) - within)
            part[within : within + taken] = data[:taken]
            data, offset = data[taken:], offset + taken
            self.size = max(self.size, offset)

    def _place(self, offset: int) -> tuple[int, int]:
        """Which part holds `offset`, and where in it."""
        number = self._newest or 1
        while part_start(number, self._first) > offset:
            number -= 1
        while part_start(number + 1, self._first) <= offset:
            number += 1
        return number, offset - part_start(number, self._first)

    def _reach(self, number: int) -> bytearray:
        while self._newest < number:
            self._grow()
        try:
            return self._held[number]
        except KeyError:
            raise PatchOutOfReach(
                f"The muxer went back to part {number} of {self._newest}, which has left."
            ) from None

    def _grow(self) -> None:
        """Let go of the part that will be third from the end, then begin the next: in this order,
        since the upload waits while too many are under way, and that must not hold one more."""
        if self._newest - 1 > 1:
            self._send(self._newest - 1)
        size = part_bytes(self._newest + 1, self._first)
        self._held[self._newest + 1] = self._upload.buffer(size)
        self._newest += 1

    def _send(self, number: int) -> None:
        part = self._held.pop(number)
        if number == self._newest:
            del part[self.size - part_start(number, self._first) :]
        self._upload.put(number, part)
