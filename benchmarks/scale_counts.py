"""What a simulation of scale counts: the calls of a quota, the times of a job."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import ceil

from benchmarks.scale_batch import Child
from benchmarks.scale_quotas import LAUNCHES, PARTITION_WRITES, RUN_TASK, Quota, Region


class Bucket:
    """A token bucket; `asked` counts by the second, `refused` in all."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.asked: Counter[int] = Counter()
        self.refused = 0
        self._tokens, self._at = float(quota.burst), 0.0

    def take(self, now: float, tokens: float = 1) -> bool:
        self.asked[int(now)] += ceil(tokens)
        quota = self.quota
        self._tokens = min(quota.burst, self._tokens + (now - self._at) * quota.rate)
        self._at = now
        if self._tokens < tokens:
            self.refused += 1
            return False
        self._tokens -= tokens
        return True

    @property
    def peak(self) -> int:
        return max(self.asked.values(), default=0)


def buckets_of(region: Region) -> dict[str, Bucket]:
    return {
        "RunTask": Bucket(RUN_TASK),
        "launches on Spot": Bucket(LAUNCHES),
        "launches on demand": Bucket(LAUNCHES),
        "StartExecution": Bucket(region.start_execution),
        "state transitions": Bucket(region.transitions),
        "PutEvents": Bucket(region.put_events),
        "writes of the slots' item": Bucket(PARTITION_WRITES),
        "writes of `created` in byStatus": Bucket(PARTITION_WRITES),
    }


@dataclass(slots=True)
class Job:
    landed: float
    audio: float
    started: float = -1.0
    over: float = -1.0
    tries: int = 1
    not_started: int = 0
    interrupted: int = 0
    worked: float = 0.0  # seconds in which its tasks converted
    failed: bool = False
    child: Child | None = None  # of the batch that feeds it


@dataclass
class Outcome:
    """Every job, and what was asked of each quota."""

    jobs: list[Job]
    buckets: dict[str, Bucket]
    peak_tasks: int = 0
    peak_open: int = 0
    peak_waiting: int = 0
    slot_units: float = 0.0
    drained: float = 0.0
    refused_by: Counter[str] = field(default_factory=Counter[str])
