"""Parts in flight are bounded, and nothing is completed that did not arrive."""

from __future__ import annotations

import random
import threading
import time
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversion.errors import Interrupted, SourceMissing, StorageUnavailable
from conversion.stores.objects import Objects, Part
from tasks.converter.upload import MultipartUpload
from tasks.converter.writer import ObjectWriter


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

    def put_part(self, key: str, upload_id: str, number: int, body: bytes | bytearray) -> Part:
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
            upload.put(number, bytearray(b"x"))
            sent.append(number)

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(0.3)
    assert bucket.most_waiting == 3
    assert len(sent) == 3
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
            upload.put(number, bytearray(b"x"))
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
            upload.put(number, bytearray(b"x"))

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
    upload.put(1, bytearray(b"x"))
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
            upload.put(1, bytearray(b"x"))

    sender = threading.Thread(target=send)
    sender.start()
    created.wait()
    upload.abort()
    assert bucket.aborted
    sender.join()


class Storing(Bucket):
    """Takes its time, copies what is there when that is over, and knows each buffer it was lent."""

    def __init__(self, pauses: list[float]) -> None:
        super().__init__()
        self.open.set()
        self.pauses = pauses
        self.bodies: dict[int, bytes] = {}
        self.buffers: dict[int, bytearray] = {}

    def put_part(self, key: str, upload_id: str, number: int, body: bytes | bytearray) -> Part:
        assert isinstance(body, bytearray)
        time.sleep(self.pauses[number % len(self.pauses)])
        self.bodies[number] = bytes(body)
        self.buffers[id(body)] = body  # kept, so that no other object gets its id
        return super().put_part(key, upload_id, number, bytes(body))


_PAUSES = st.lists(st.sampled_from([0.0, 0.0005, 0.002]), min_size=1, max_size=5)


@given(_PAUSES, st.integers(10, 400))
@settings(max_examples=25, deadline=None)
def test_a_buffer_is_used_again_and_never_too_early(pauses: list[float], length: int) -> None:
    bucket, data = Storing(pauses), random.Random(length).randbytes(length * 5)
    upload = _upload(bucket)
    writer = ObjectWriter(upload, len(data), first_part_bytes=16)
    for offset in range(0, len(data), 5):
        writer.write(offset, memoryview(data)[offset : offset + 5])
    writer.finish()
    assert b"".join(bucket.bodies[number] for number in sorted(bucket.bodies)) == data
    assert bucket.completed == sorted(bucket.bodies)
    # the head, the last two, and three on their way
    assert len(bucket.buffers) <= 6


def test_a_part_that_failed_keeps_its_buffer() -> None:
    """Another part's bytes must not get into a request that may still be under way."""
    bucket = Bucket()
    bucket.open.set()
    bucket.failing = {1}
    upload = _upload(bucket)
    body = bytearray(b"x")
    upload.put(1, body)
    with pytest.raises(StorageUnavailable):
        upload.complete(1)
    assert upload.buffer(1) is not body
    upload.abort()


def test_a_spare_buffer_of_another_size_is_not_used() -> None:
    bucket = Bucket()
    bucket.open.set()
    upload = _upload(bucket)
    upload.put(1, bytearray(b"xx"))
    upload.complete(2)
    assert len(upload.buffer(3)) == 3


class Forgetful(Bucket):
    """Knows nothing of the upload that it is told to complete, and is away when asked."""

    def complete_multipart(self, key: str, upload_id: str, parts: list[Part]) -> str:
        raise SourceMissing("NoSuchUpload")

    def head(self, key: str) -> None:
        raise StorageUnavailable("503")


def test_whether_a_completion_was_carried_out_is_asked_again_when_nobody_can_tell() -> None:
    bucket = Forgetful()
    bucket.open.set()
    upload = _upload(bucket)
    upload.put(1, bytearray(b"x"))

    with pytest.raises(StorageUnavailable):
        upload.complete(1)


def test_an_upload_that_s3_no_longer_knows_is_no_missing_source() -> None:
    class Unknown(Bucket):
        def put_part(self, key: str, upload_id: str, number: int, body: bytes | bytearray) -> Part:
            raise SourceMissing("NoSuchUpload")

    upload = _upload(Unknown())
    upload.put(1, bytearray(b"x"))

    with pytest.raises(StorageUnavailable):
        upload.complete(1)
