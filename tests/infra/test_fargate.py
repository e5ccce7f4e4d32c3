"""What a limit takes of a task is what the converter takes."""

from __future__ import annotations

import threading
import time
import tracemalloc
from typing import Any, cast

import pytest

from conversion.stores.objects import Objects, Part
from infra.fargate import GIB, MIB, MOST_OUTPUT_BYTES, PARTS_IN_MEMORY, disk_gib, memory_mib
from tasks.converter.upload import MultipartUpload
from tasks.converter.writer import ObjectWriter, part_bytes, part_start

PART = 256 * 1024


class SlowBucket:
    """S3 on a line that is slower than the encoder."""

    def start_multipart(self, *_: Any) -> str:
        return "upload"

    def put_part(self, key: str, upload_id: str, number: int, body: bytearray) -> Part:
        time.sleep(0.02)
        return Part(number, "etag", "crc")

    def complete_multipart(self, *_: Any) -> None:
        pass


def test_no_more_parts_are_in_memory_than_are_counted_with() -> None:
    bucket = cast(Objects, SlowBucket())
    upload = MultipartUpload(bucket, "key", "audio/wav", threading.Event())
    piece = memoryview(bytes(PART // 4))
    tracemalloc.start()
    with ObjectWriter(upload, GIB, PART) as writer:
        for _ in range(4 * 40):
            writer.write(writer.size, piece)
        writer.finish()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert PARTS_IN_MEMORY - 2 < most / PART < PARTS_IN_MEMORY + 0.5


@pytest.mark.parametrize(
    ("size", "mib"), [(1, 248), (8 * MIB, 248), (20 * GIB, 296), (60 * GIB, 584), (190 * GIB, 968)]
)
def test_the_largest_output_is_counted_with_its_largest_parts(size: int, mib: int) -> None:
    """200 for the process, and six parts: of 8 MiB each up to 7.8 GiB, of 128 at the largest."""
    assert memory_mib(size) == mib


def test_the_largest_output_there_can_be_is_sent_in_as_many_parts_as_s3_takes() -> None:
    assert MOST_OUTPUT_BYTES == 190 * GIB
    assert part_start(10_001) > MOST_OUTPUT_BYTES
    assert part_bytes(10_000) <= 5 * GIB


def test_the_usual_task_holds_the_largest_output_there_can_be_below_its_alarm() -> None:
    assert memory_mib(MOST_OUTPUT_BYTES) < 0.85 * 2048
    assert memory_mib(20 * GIB) < 0.85 * 512  # the smallest task there is


def test_the_disk_follows_the_largest_output_within_what_fargate_has() -> None:
    sizes = (1, 11 * GIB, 11 * GIB + 1, 20 * GIB, MOST_OUTPUT_BYTES)
    assert [disk_gib(each) for each in sizes] == [21, 21, 22, 30, 200]
