"""What Fargate can give a converter's task, and what of it a deployment's limits take."""

from __future__ import annotations

from typing import TypedDict

from tasks.converter.writer import part_bytes, part_start

GIB = 1024**3
MIB = 1024**2

# CPU units, 1,024 a vCPU, and the MiB of memory that go with each: from, to, in steps of ("Amazon
# ECS task definition parameters for Fargate", task size). On Linux, as ours.
_MEMORY = {
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16_384, 1024),
    4096: (8192, 30_720, 1024),
    8192: (16_384, 61_440, 4096),
    16_384: (32_768, 122_880, 8192),
}
SIZES: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    **{cpu: tuple(range(least, most + 1, step)) for cpu, (least, most, step) in _MEMORY.items()},
}

# GiB of disk, in all, that a task may ask for ("Fargate task ephemeral storage"); and what of it is
# for the image, unpacked, and for what the platform keeps of it.
_LEAST_DISK_GIB, MOST_DISK_GIB = 21, 200
_BESIDES_OUTPUT_GIB = 10
MOST_OUTPUT_BYTES = (MOST_DISK_GIB - _BESIDES_OUTPUT_GIB) * GIB

# Python and ffmpeg at their peaks, added up as the alarm on memory does, which is too much by some
# 30 MB (tasks/converter/usage.py); and of an output's parts the first, the two that are held back,
# and those on their way (tasks/converter/writer.py and upload.py).
_CONVERTER_MIB = 200
PARTS_IN_MEMORY = 6


class TaskSettings(TypedDict):
    """What every process that counts costs is told of a task (conversion/settings.py)."""

    task_cpu: int
    task_memory: int
    task_disk: int
    task_addresses: int


def disk_gib(max_output_bytes: int) -> int:
    """For the largest output that may be, should it go by way of a file."""
    return max(_LEAST_DISK_GIB, _BESIDES_OUTPUT_GIB + -(-max_output_bytes // GIB))


def memory_mib(max_output_bytes: int) -> int:
    """What the longest output takes: parts double as it grows, to fit into S3's 10,000."""
    number = 1
    while part_start(number + 1) < max_output_bytes:
        number += 1
    return _CONVERTER_MIB + PARTS_IN_MEMORY * part_bytes(number) // MIB
