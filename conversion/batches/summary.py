"""What a whole batch came to, added up from what its child executions told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from conversion.batches.progress import File
from conversion.fields import Item
from conversion.job import Status

# As many are named one by one; the results in the bucket have all of them. An execution's output
# has at most 256 KiB (Step Functions quotas), and a key 1 KiB.
_MOST_NAMED = 20
# Of a child execution that failed as a whole, or could not be told about.
UNFED = "BATCH_FAILED"


@dataclass
class Summary:
    """`files` and `bytes` are of all that was found; `new` files are those that no earlier batch
    has made the same of; `usd` is what these are estimated to cost. `unfinished` counts jobs."""

    files: int = 0
    bytes: int = 0
    new: int = 0
    usd: float = 0.0
    skipped: Counter[str] = field(default_factory=Counter[str])
    jobs: int = 0
    completed: int = 0
    cancelled: int = 0
    unfinished: int = 0
    failed: Counter[str] = field(default_factory=Counter[str])
    named: list[Item] = field(default_factory=list[Item])

    def add_line(self, line: Any) -> None:
        """One line of the results: what a child execution has put out, or, where it failed, the
        execution as Step Functions describes it ("ResultWriter", its guide)."""
        if isinstance(line, dict) and "files" in line:
            for each in line["files"]:
                self._add_file(File.from_item(each))
        else:
            self._add_unfed(_rows_of(line))

    def to_item(self) -> Item:
        return {
            "files": self.files,
            "bytes": self.bytes,
            "newFiles": self.new,
            "estimatedUsd": round(self.usd, 4),
            "skipped": dict(sorted(self.skipped.items())),
            "jobs": {
                "total": self.jobs,
                "completed": self.completed,
                "cancelled": self.cancelled,
                "failed": dict(sorted(self.failed.items())),
                "unfinished": self.unfinished,
            },
            "examples": self.named,
        }

    def _add_file(self, file: File) -> None:
        self.files += 1
        self.bytes += file.bytes
        self.new += file.is_new
        self.usd += file.usd
        if file.skipped:
            self.skipped[file.skipped] += 1
            self._name(file.key, file.skipped)
        for ended in file.jobs.values():
            self._add_job(file.key, ended)

    def _add_job(self, key: str, ended: str | None) -> None:
        self.jobs += 1
        if ended is None:
            self.unfinished += 1
        elif ended == Status.COMPLETED:
            self.completed += 1
        elif ended == Status.CANCELLED:
            self.cancelled += 1
        else:
            self.failed[ended] += 1
            self._name(key, ended)

    def _add_unfed(self, rows: Iterable[Any]) -> None:
        for row in rows:
            self.files += 1
            self.skipped[UNFED] += 1
            self._name(str(row.get("Key", "")), UNFED)

    def _name(self, key: str, code: str) -> None:
        if len(self.named) < _MOST_NAMED:
            self.named.append({"key": key, "code": code})


def _rows_of(line: Any) -> list[Any]:
    """The rows that a child execution had for its input, which is text within the description."""
    told = line.get("Input", line) if isinstance(line, dict) else {}
    given = json.loads(told) if isinstance(told, str) else told
    return given.get("Items", []) if isinstance(given, dict) else []
