"""A deployment's health, as the API tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from client.reading import number, whole


@dataclass(frozen=True)
class Check:
    """One thing the deployment needs; `problem` says what to do when it has failed."""

    name: str
    status: str
    milliseconds: float | None
    problem: str | None

    @property
    def is_ok(self) -> bool:
        return self.status == "ok"

    @classmethod
    def from_json(cls, body: Any) -> Check:
        problem = body.get("problem")
        return cls(
            name=str(body["name"]),
            status=str(body["status"]),
            milliseconds=number(body.get("milliseconds")),
            problem=None if problem is None else str(problem),
        )


@dataclass(frozen=True)
class Health:
    """`status`: ok, degraded (it works, but not with all it has) or down."""

    status: str
    checks: tuple[Check, ...]
    capacity: Mapping[str, int]

    @classmethod
    def from_json(cls, body: Any) -> Health:
        told = body.get("capacity") or {}
        capacity = {str(name): whole(value) for name, value in told.items() if value is not None}
        checks = tuple(Check.from_json(each) for each in body["checks"])
        return cls(str(body["status"]), checks, capacity)
