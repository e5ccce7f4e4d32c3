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


@pytest.mark.parametrize("size", [1, 8 * MIB, 20 * GIB, 60 * GIB, MOST_OUTPUT_BYTES])
def test_the_largest_output_is_counted_with_its_largest_parts(size: int) -> None:
    number = 1
    while part_start(number + 1) < size:
        number += 1
    assert number <= 10_000
    assert memory_mib(size) > PARTS_IN_MEMORY * part_bytes(number) / MIB


def test_the_usual_task_holds_the_largest_output_there_can_be() -> None:
    assert memory_mib(MOST_OUTPUT_BYTES) < 2048
    assert memory_mib(20 * GIB) < 512  # the smallest task there is


def test_the_disk_follows_the_largest_output_within_what_fargate_has() -> None:
    sizes = (1, 11 * GIB, 11 * GIB + 1, 20 * GIB, MOST_OUTPUT_BYTES)
    assert [disk_gib(each) for each in sizes] == [21, 21, 22, 30, 200]
