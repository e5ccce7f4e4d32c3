"""The source object in blocks of 4 MiB: fetched once, kept for a while, read ahead.

Demuxers jump: to the `moov` at the end of an M4A and back, to the last page of an Ogg file. A few
recent blocks in memory answer most of that without another request, and reading one block ahead
hides S3's latency while ffmpeg works. Every read carries the ETag the job was made for, so that a
replaced object can never be mixed into the output.

Bytes fetched for one conversion, by the object's size, measured with files of 55 to 330 MB: 1.00
to 1.05 for all that is read from start to end, `moov` last and Ogg included; 3.1 for an MP4 in
fragments without an index, whose every fragment ffmpeg visits before it begins.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import OrderedDict
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Protocol

from conversion.errors import CorruptInput, Interrupted, StorageUnavailable

log = logging.getLogger(__name__)

BLOCK_BYTES = 4 * 1024**2
_KEPT_BLOCKS = 6
_FETCHERS = 2
# On top of botocore's own retries, which do not cover a body that breaks off. Counted anew with
# every byte that arrives: an answer that breaks off each time still comes to its end.
_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
# An index can be forged so that every sample lies in another block, and while S3 is waited for no
# watchdog runs: so this ends it. Three passes over the worst honest file (above) take a third.
_MOST_TIMES_OVER = 32


class Readable(Protocol):
    """What is needed of conversion/stores/objects.py."""

    def read(self, key: str, etag: str, start: int, end: int) -> bytes | bytearray: ...


class Blocks:
    """One object of known size and ETag. Safe to use from several threads."""

    def __init__(self, objects: Readable, key: str, etag: str, size: int) -> None:
        self._objects = objects
        self._key = key
        self._etag = etag
        self.size = size
        self._kept: OrderedDict[int, Future[bytes | bytearray]] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="block")
        self._last = -1
        self._closed = threading.Event()
        self.bytes_fetched = 0

    def get(self, index: int) -> bytes | bytearray:
        """Block `index`, from memory if it is there. Raises SourceChanged, StorageUnavailable, and
        CorruptInput when the object has been fetched far too many times over."""
        with self._lock:
            wanted = self._future(index)
            if index == self._last + 1 and (index + 1) * BLOCK_BYTES < self.size:
                self._future(index + 1)
            self._last = index
        try:
            return wanted.result()
        except CancelledError:
            raise Interrupted(_CLOSED) from None

    @property
    def is_fetching(self) -> bool:
        """Whether S3 owes an answer: then nobody downstream is to blame for standing still."""
        with self._lock:
            return any(not future.done() for future in self._kept.values())

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._kept.clear()

    def _future(self, index: int) -> Future[bytes | bytearray]:
        """Under the lock. A block that failed is tried again: it may have been read ahead while S3
        was away, long before anybody wants it."""
        if self._closed.is_set():
            raise Interrupted(_CLOSED)
        kept = self._kept.get(index)
        if kept is None or (kept.done() and kept.exception() is not None):
            self._kept[index] = self._pool.submit(self._fetch, index)
        self._kept.move_to_end(index)
        while len(self._kept) > _KEPT_BLOCKS:
            self._kept.popitem(last=False)
        return self._kept[index]

    def _fetch(self, index: int) -> bytes | bytearray:
        """Read a block, going on where a broken answer stopped."""
        start = index * BLOCK_BYTES
        end = min(start + BLOCK_BYTES, self.size)
        block: bytes | bytearray = b""
        failed = 0
        while failed < _TRIES:
            if failed:
                self._pause(failed)
            piece = self._piece(start + len(block), end)
            block = block + piece if block else piece  # a whole block is never copied
            if len(block) == end - start:
                return block
            failed = 1 if piece else failed + 1
            log.warning("block %d: %d of %d bytes", index, len(block), end - start)
        raise StorageUnavailable(
            f"S3 gave {len(block)} of {end - start} bytes of the source at {start} and then "
            f"nothing in {_TRIES} tries; the conversion will be tried again."
        )

    def _piece(self, start: int, end: int) -> bytes | bytearray:
        """What one request brings, which may be nothing."""
        try:
            piece = self._objects.read(self._key, self._etag, start, end)
        except StorageUnavailable as error:
            log.warning("a read of the source failed: %s", error)
            return b""
        with self._lock:
            self.bytes_fetched += len(piece)
            if self.bytes_fetched > _MOST_TIMES_OVER * self.size:
                raise CorruptInput(
                    f"This file sends its reader to and fro: {self.bytes_fetched} bytes were read "
                    f"of {self.size}. Remux it (ffmpeg -i FILE -c copy NEW) and upload that."
                )
        return piece

    def _pause(self, failed: int) -> None:
        """Full jitter: a crowd of converters must not come back at the same moment."""
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**failed)
        if self._closed.wait(random.uniform(0, longest)):  # noqa: S311
            raise Interrupted(_CLOSED)


_CLOSED = "The source was closed while it was read."
