"""The source object in blocks of 4 MiB: fetched once, kept for a while, read ahead.

Demuxers jump: to the `moov` at the end of an M4A and back, to the last page of an Ogg file. A few
recent blocks in memory answer most of that without another request, and reading one block ahead
hides S3's latency while ffmpeg works. Every read carries the ETag the job was made for, so that a
replaced object can never be mixed into the output.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import OrderedDict
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Protocol

from conversion.errors import Interrupted, StorageUnavailable

log = logging.getLogger(__name__)

BLOCK_BYTES = 4 * 1024**2
_KEPT_BLOCKS = 6
_FETCHERS = 2
# On top of botocore's own retries, which do not cover a body that breaks off.
_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


class Readable(Protocol):
    """What is needed of conversion/stores/objects.py."""

    def read(self, key: str, etag: str, start: int, end: int) -> bytes: ...


class Blocks:
    """One object of known size and ETag. Safe to use from several threads."""

    def __init__(self, objects: Readable, key: str, etag: str, size: int) -> None:
        self._objects = objects
        self._key = key
        self._etag = etag
        self.size = size
        self._kept: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="block")
        self._last = -1
        self._closed = threading.Event()
        self.bytes_fetched = 0

    def get(self, index: int) -> bytes:
        """Block `index`, from memory if it is there. Raises SourceChanged, StorageUnavailable."""
        with self._lock:
            wanted = self._future(index)
            if index == self._last + 1 and (index + 1) * BLOCK_BYTES < self.size:
                self._future(index + 1)
            self._last = index
        try:
            return wanted.result()
        except CancelledError:
            raise Interrupted("The source was closed while it was read.") from None

    @property
    def is_fetching(self) -> bool:
        """Whether S3 owes an answer: then nobody downstream is to blame for standing still."""
        with self._lock:
            return any(not future.done() for future in self._kept.values())

    def close(self) -> None:
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._kept.clear()

    def _future(self, index: int) -> Future[bytes]:
        if index not in self._kept:
            self._kept[index] = self._pool.submit(self._fetch, index)
        self._kept.move_to_end(index)
        while len(self._kept) > _KEPT_BLOCKS:
            self._kept.popitem(last=False)
        return self._kept[index]

    def _fetch(self, index: int) -> bytes:
        """Read a block, going on where a broken answer stopped."""
        start = index * BLOCK_BYTES
        end = min(start + BLOCK_BYTES, self.size)
        block = b""
        for tried in range(_TRIES):
            if tried:
                self._pause(tried)
            try:
                block += self._objects.read(self._key, self._etag, start + len(block), end)
            except StorageUnavailable as error:
                log.warning("block %d, try %d of %d: %s", index, tried + 1, _TRIES, error)
            if len(block) == end - start:
                self.bytes_fetched += len(block)
                return block
        raise StorageUnavailable(
            f"S3 gave {len(block)} of {end - start} bytes of the source at {start} in {_TRIES} "
            "tries; the conversion will be tried again."
        )

    def _pause(self, tried: int) -> None:
        """Full jitter: a crowd of converters must not come back at the same moment."""
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**tried)
        if self._closed.wait(random.uniform(0, longest)):  # noqa: S311
            raise Interrupted("The source was closed while it was read.")
