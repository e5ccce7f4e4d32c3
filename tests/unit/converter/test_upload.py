"""Parts in flight are bounded, and nothing is completed that did not arrive."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest

from conversion.errors import Interrupted, StorageUnavailable
from conversion.stores.objects import Objects, Part
from tasks.converter.upload import MultipartUpload


class Bucket:
    """Takes parts when it is allowed to."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.waiting = 0
        self.most_waiting = 0
        self.arrived: list[int] = []
        self.completed: list[int] | None = None
        self.aborted = False
        self.failing: set[int] = set()
        self._lock = threading.Lock()

    def start_multipart(self, key: str, media_type: str) -> str:
        return "upload"

    def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> Part:
        with self._lock:
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
        self.open.wait(10)
        with self._lock:
            self.waiting -= 1
        if number in self.failing:
            raise StorageUnavailable("503")
        self.arrived.append(number)
        return Part(number, f"etag-{number}", "crc")

    def complete_multipart(self, key: str, upload_id: str, parts: list[Part]) -> str:
        self.completed = [part.number for part in parts]
        return "etag"

    def abort_multipart(self, key: str, upload_id: str) -> None:
        self.aborted = True

    def delete(self, key: str) -> None: ...


def _upload(bucket: Any, stop: threading.Event | None = None) -> MultipartUpload:
    return MultipartUpload(cast(Objects, bucket), "key", "audio/x", stop or threading.Event())


def test_a_slow_bucket_slows_the_writer_down() -> None:
    bucket = Bucket()
    upload = _upload(bucket)
    sent: list[int] = []

    def send() -> None:
        for number in range(1, 21):
            upload.put(number, b"x")
            sent.append(number)

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(0.3)
    assert bucket.most_waiting <= 3
    assert len(sent) <= 5
    bucket.open.set()
    sender.join()
    upload.complete(20)

    assert bucket.completed == list(range(1, 21))


def test_the_error_of_a_part_reaches_the_writer_and_nothing_is_completed() -> None:
    bucket = Bucket()
    bucket.open.set()
    bucket.failing = {2}
    upload = _upload(bucket)

    def send() -> None:
        for number in range(1, 100):
            upload.put(number, b"x")
        upload.complete(99)

    with pytest.raises(StorageUnavailable):
        send()
    upload.abort()

    assert bucket.completed is None
    assert bucket.aborted


def test_a_stop_is_heard_while_waiting() -> None:
    bucket, stop = Bucket(), threading.Event()
    upload = _upload(bucket, stop)
    threading.Timer(0.2, stop.set).start()

    def send() -> None:
        for number in range(1, 100):
            upload.put(number, b"x")

    with pytest.raises(Interrupted):
        send()
    bucket.open.set()
    upload.abort()
    assert bucket.aborted


def test_the_object_goes_even_when_the_abort_is_refused() -> None:
    class Refusing(Bucket):
        deleted: str | None = None

        def abort_multipart(self, key: str, upload_id: str) -> None:
            raise PermissionError("403")

        def delete(self, key: str) -> None:
            self.deleted = key

    bucket = Refusing()
    bucket.open.set()
    upload = _upload(bucket)
    upload.put(1, b"x")
    upload.complete(1)

    with pytest.raises(PermissionError):
        upload.abort()
    assert bucket.deleted == "key"


def test_an_upload_that_is_just_being_created_is_dropped_too() -> None:
    created = threading.Event()

    class Slow(Bucket):
        def start_multipart(self, key: str, media_type: str) -> str:
            created.set()
            time.sleep(0.2)
            return "upload"

    bucket = Slow()
    bucket.open.set()
    upload = _upload(bucket)

    def send() -> None:
        with pytest.raises(Interrupted):
            upload.put(1, b"x")

    sender = threading.Thread(target=send)
    sender.start()
    created.wait()
    upload.abort()
    assert bucket.aborted
    sender.join()
