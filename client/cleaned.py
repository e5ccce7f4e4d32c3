"""What a clean-up has removed, as the API tells it: one call's worth, and calls added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from client.reading import whole


@dataclass(frozen=True)
class Tally:
    count: int
    bytes: int

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.count + other.count, self.bytes + other.bytes)


@dataclass(frozen=True)
class Cleaned:
    """What a clean-up has removed, by kind, or in a dry run would. Not complete: there is more."""

    complete: bool
    removed: Mapping[str, Tally]
    failures: int

    @property
    def count(self) -> int:
        return sum(each.count for each in self.removed.values())

    def __add__(self, later: Cleaned) -> Cleaned:
        """Of both runs; it is as complete as the later."""
        kinds = self.removed.keys() | later.removed.keys()
        none = Tally(0, 0)
        removed = {
            kind: self.removed.get(kind, none) + later.removed.get(kind, none)
            for kind in sorted(kinds, key=[*self.removed, *later.removed].index)
        }
        return Cleaned(later.complete, removed, self.failures + later.failures)

    @classmethod
    def from_json(cls, body: Any) -> Cleaned:
        removed = {
            str(kind): Tally(whole(each["count"]), whole(each["bytes"]))
            for kind, each in body["removed"].items()
        }
        return cls(bool(body["complete"]), removed, whole(body["failures"]))

    def to_json(self) -> dict[str, Any]:
        removed = {
            kind: {"count": each.count, "bytes": each.bytes} for kind, each in self.removed.items()
        }
        return {"complete": self.complete, "removed": removed, "failures": self.failures}
