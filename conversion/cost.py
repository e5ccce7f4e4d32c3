"""What a job costs: estimated when it is made, recorded when it is over.

A job is billed for the seconds its tasks run, by vCPU and by GB, for the state machine's
transitions, and for requests. What a task is given is chosen by the deployment, and told by the
settings of whoever counts. Prices are the list prices of us-east-1 in US dollars without any free
tier (AWS's pricing pages for Fargate, VPC, Step Functions, S3, DynamoDB, Lambda, EventBridge; March
2026). Tasks are counted at the on-demand price: on Spot they cost up to 70 % less, so that what is
written here is the most a job costs.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from math import ceil
from pathlib import PurePosixPath

from conversion.conversion import Conversion
from conversion.fields import Item

_HOUR = 3600.0
# Linux on Arm and on x86: an hour of a vCPU, of a GB.
_FARGATE = {"arm64": (0.03238, 0.00356), "x86_64": (0.04048, 0.004445)}
# An hour of a GB of disk beyond the 20 that come with a task, and of a public IPv4 address.
_DISK_HOUR, _FREE_DISK_GIB, _ADDRESS_HOUR = 0.000111, 20, 0.005
_TRANSITION = 0.000025
_S3_GET, _S3_PUT = 0.4e-6, 5e-6
_TABLE_WRITE = 0.625e-6
# A job's way through the functions, the queue and the event bus: about six invocations of 0.1 s at
# 512 MB, two events and a message.
_BESIDES = 0.00001

# Fargate bills by the second and at least a minute, from the first byte of the image that it pulls;
# until Python runs that takes about 20 s (believed, not measured: nothing was deployed yet).
_LEAST_SECONDS = 60.0
_START_SECONDS = 20.0
# What a job takes besides decoding and encoding (docs/streaming.md).
_FIXED_SECONDS = 1.0

# The flow's states on the shortest way, and those of trying once more.
_TRANSITIONS, _AGAIN = 5, 3
# The record and the stages; reports come on top, one a second.
_WRITES = 10
_READ_BYTES, _PART_BYTES = 4 * 1024**2, 8 * 1024**2
# Opening an upload, completing it, and looking at what came out.
_PUTS, _GETS = 2, 4

# Bytes that hold a second of audio in files of this suffix: CD quality as it is, losslessly packed,
# and, for all others, 128 kbit/s.
_RAW: dict[str, int] = dict.fromkeys(
    ("wav", "wave", "aif", "aiff", "aifc", "w64", "caf", "au", "snd"), 176_400
)
_PACKED: dict[str, int] = dict.fromkeys(("flac", "wv", "ape", "tta", "tak", "shn"), 100_000)
_SECOND_BYTES: dict[str, int] = _RAW | _PACKED
_LOSSY_SECOND_BYTES = 16_000
# Seconds of audio decoded and encoded in one second (benchmarks/results, from 200 MB of WAV), and
# the bytes that a second of the output takes.
_ENCODED = {
    "mp3": (63, 24_000),
    "m4a": (61, 20_000),
    "aac": (61, 20_000),
    "opus": (31, 18_000),
    "ogg": (50, 20_000),
    "flac": (270, 95_000),
    "wav": (500, 176_400),
}
_USUAL_CODEC = (50, 100_000)


@dataclass(frozen=True)
class TaskSize:
    """What a converter's task is given and billed for: Fargate's GB are GiB. `addresses` are public
    ones, of which a task behind a NAT or endpoints has none, and those are paid by the month.
    `architecture` is that of whoever asks unless it is told: functions and tasks run on the same
    (infra/options.py)."""

    vcpu: float = 1.0
    gb: float = 2.0
    disk_gib: int = 30
    addresses: int = 1
    architecture: str | None = None

    @property
    def second_usd(self) -> float:
        if self.architecture is not None:
            return self.second_usd_on(self.architecture)
        is_arm = platform.machine() in ("arm64", "aarch64")
        return self.second_usd_on("arm64" if is_arm else "x86_64")

    def second_usd_on(self, architecture: str) -> float:
        vcpu, gb = _FARGATE[architecture]
        disk = max(0, self.disk_gib - _FREE_DISK_GIB) * _DISK_HOUR
        return (self.vcpu * vcpu + self.gb * gb + disk + self.addresses * _ADDRESS_HOUR) / _HOUR


USUAL = TaskSize()


@dataclass(frozen=True)
class Cost:
    """What is used, and `usd` for all of it, in US dollars."""

    vcpu_seconds: float
    gb_seconds: float
    transitions: int
    requests: int
    usd: float

    def to_item(self) -> Item:
        return {
            "vcpuSeconds": self.vcpu_seconds,
            "gbSeconds": self.gb_seconds,
            "transitions": self.transitions,
            "requests": self.requests,
            "usd": self.usd,
        }

    @classmethod
    def from_item(cls, item: Item) -> Cost:
        return cls(
            vcpu_seconds=float(item["vcpuSeconds"]),
            gb_seconds=float(item["gbSeconds"]),
            transitions=item["transitions"],
            requests=item["requests"],
            usd=float(item["usd"]),
        )


def estimate(key: str, source_bytes: int, conversion: Conversion, task: TaskSize = USUAL) -> Cost:
    """Before anything is read: by the suffix of the source's key, its length, and how fast the
    encoder was where we measured it, which was on one vCPU: a part of one is as much slower, and
    more make no encoder faster. Right to within a factor of about two for common files."""
    suffix = PurePosixPath(key).suffix.removeprefix(".").lower()
    audio_seconds = source_bytes / _SECOND_BYTES.get(suffix, _LOSSY_SECOND_BYTES)
    speed, second_bytes = _ENCODED.get(conversion.target.name, _USUAL_CODEC)
    passes = 1 if conversion.loudness is None else 1.5
    seconds = _FIXED_SECONDS + passes * audio_seconds / (speed * min(1.0, task.vcpu))
    return spent(seconds, 1, source_bytes, ceil(audio_seconds * second_bytes), task)


def spent(
    seconds: float, attempts: int, bytes_in: int, bytes_out: int, task: TaskSize = USUAL
) -> Cost:
    """For `attempts` tasks that ran `seconds` together and moved these bytes from and to S3."""
    billed = max(seconds + attempts * _START_SECONDS, attempts * _LEAST_SECONDS)
    transitions = _TRANSITIONS + (attempts - 1) * _AGAIN
    gets = attempts * _GETS + ceil(bytes_in / _READ_BYTES)
    puts = attempts * _PUTS + ceil(bytes_out / _PART_BYTES)
    writes = attempts * _WRITES + ceil(seconds)
    usd = (
        billed * task.second_usd
        + transitions * _TRANSITION
        + gets * _S3_GET
        + puts * _S3_PUT
        + writes * _TABLE_WRITE
        + _BESIDES
    )
    return Cost(
        vcpu_seconds=round(billed * task.vcpu, 1),
        gb_seconds=round(billed * task.gb, 1),
        transitions=transitions,
        requests=gets + puts + writes,
        usd=round(usd, 6),
    )
