"""A multipart upload whose parts leave by a few threads, so that the encoder never waits in vain.

Nothing is visible until `complete`. Parts under way are bounded: when S3 is slower than ffmpeg,
`put` blocks, the sink stops reading, and ffmpeg waits. A part that has been sent leaves its buffer
for the next one: 8 MiB taken and given back for each part cost page faults and leave holes in the
heap (Python's peak for 200 MB of WAV, measured: 198 MB without this, 157 MB with it).
Leaves behind: nothing after `complete` or `abort`; a process that is killed leaves an open upload,
which the bucket's lifecycle rule removes.
"""

from __future__ import annotations

import logging
import queue
import threading
import time

from conversion.errors import Interrupted, OutputBroken, SourceMissing, StorageUnavailable
from conversion.stores.objects import Objects, Part

log = logging.getLogger(__name__)

# How many parts are under way at once, each by a thread of its own.
_WORKERS = 3
_POLL_SECONDS = 0.2
# An abort waits this long for parts under way, since a part that arrives after it would stay
# ("AbortMultipartUpload", S3 API reference); a dead S3 must not hold a stopping task for longer.
_ABORT_PATIENCE_SECONDS = 10.0


class MultipartUpload:
    """One object on its way into S3. Parts may be put in any order; used by one writer thread."""

    def __init__(self, objects: Objects, key: str, media_type: str, stop: threading.Event) -> None:
        self._objects = objects
        self._key = key
        self._media_type = media_type
        self._upload_id: str | None = None
        self._queue: queue.SimpleQueue[tuple[int, bytearray] | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(_WORKERS)
        self._spare: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        self._parts: dict[int, Part] = {}
        self._error: BaseException | None = None
        self._stop = stop
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._made_visible = False
        self._may_be_open = False

    def buffer(self, size: int) -> bytearray:
        """For the next part, with anything in it: one that was sent, where it fits."""
        try:
            spare = self._spare.get_nowait()
        except queue.Empty:
            return bytearray(size)
        return spare if len(spare) == size else bytearray(size)

    def put(self, number: int, body: bytearray) -> None:
        """Send part `number`, which is the upload's from now on; waits while enough others are
        under way. Raises their errors."""
        if self._upload_id is None:
            self._start()
        self._wait_for_room()
        self._queue.put((number, body))

    def put_whole(self, body: bytearray) -> None:
        """The whole object in one request, for an output that never needed parts."""
        self._made_visible = True
        self._objects.put(self._key, body, self._media_type)

    def complete(self, size: int) -> None:
        """Make the object of `size` bytes visible once every part has arrived."""
        self._end_workers()
        if self._upload_id is None:
            raise OutputBroken("An upload without parts cannot be completed.")
        self._made_visible = True
        parts = [self._parts[number] for number in sorted(self._parts)]
        try:
            self._objects.complete_multipart(self._key, self._upload_id, parts)
        except SourceMissing:
            self._find_completed(size, len(parts))

    def abort(self) -> None:
        """Leave nothing in the bucket: no open upload, no object. Safe to call at any time."""
        self._ended.set()
        with self._starting:
            upload_id = self._upload_id
        deadline = time.monotonic() + _ABORT_PATIENCE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        try:
            if upload_id is not None:
                self._objects.abort_multipart(self._key, upload_id)
            elif self._may_be_open:
                self._objects.abort_others(self._key, None)
        finally:
            if self._made_visible:
                self._objects.delete(self._key)

    def _start(self) -> None:
        """Under a lock, since `abort` comes from another thread and must not miss the upload that
        is just being created."""
        with self._starting:
            self._check()
            self._may_be_open = True
            self._upload_id = self._objects.start_multipart(self._key, self._media_type)
        for index in range(_WORKERS):
            thread = threading.Thread(target=self._work, name=f"part-{index}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _wait_for_room(self) -> None:
        self._check()
        while not self._room.acquire(timeout=_POLL_SECONDS):
            self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._stop.is_set() or self._ended.is_set():
            raise Interrupted("The upload was stopped; the conversion will be tried again.")

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                work = self._queue.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if work is None:
                return
            self._send(*work)

    def _send(self, number: int, body: bytearray) -> None:
        assert self._upload_id is not None
        try:
            part = self._objects.put_part(self._key, self._upload_id, number, body)
        except SourceMissing:
            self._fail(
                StorageUnavailable("S3 lost the upload; the conversion will be tried again.")
            )
            return
        except Exception as error:
            self._fail(error)
            return
        self._parts[number] = part
        self._spare.put(body)
        self._room.release()

    def _fail(self, error: Exception) -> None:
        """Carried to the writer's thread, which raises it."""
        self._error = self._error or error
        self._ended.set()

    def _end_workers(self) -> None:
        """Wait until every part has arrived. Raises what any of them met."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            while thread.is_alive():
                thread.join(_POLL_SECONDS)
                self._check()
        self._check()

    def _find_completed(self, size: int, parts: int) -> None:
        """The upload is unknown: the answer to an earlier Complete was lost, or it never was.

        The key is this attempt's own, so an object of our size made of our number of parts (the
        ETag of a multipart object ends with it) is ours.
        """
        try:
            found = self._objects.head(self._key)
        except SourceMissing as error:
            raise OutputBroken("S3 lost the multipart upload of the output.") from error
        if found.bytes != size or not found.etag.endswith(f"-{parts}"):
            raise OutputBroken("The object in S3 is not the one that was uploaded.")
        log.info("the answer to CompleteMultipartUpload was lost; the object is there")
