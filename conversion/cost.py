"""What a job costs: estimated when it is made, recorded when it is over.

A job is billed for the seconds its tasks run, by vCPU and by GB, for the state machine's
transitions, and for the requests it makes of S3 and DynamoDB.
"""

from __future__ import annotations

from dataclasses import dataclass

from conversion.fields import Item


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
