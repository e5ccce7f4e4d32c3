"""How the files of one child execution stand: what was made of each, and what is still running."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from conversion.fields import Item
from conversion.job import Standing, Status

# A job that nobody has seen after so many looks, some three hours, will not come: its record has
# expired, or its event was lost for good.
MOST_LOOKS_FOR_ONE = 60
LOST = "JOB_NOT_FOUND"


@dataclass(frozen=True)
class File:
    """`jobs` has for each job's id how it ended: `completed`, `cancelled` or a failure's code, None
    while it has not. `usd` is what they are estimated to cost, 0 where they were made before."""

    key: str
    bytes: int = 0
    skipped: str | None = None
    file_id: str | None = None
    is_new: bool = False
    usd: float = 0.0
    jobs: dict[str, str | None] = field(default_factory=dict[str, str | None])

    def to_item(self) -> Item:
        return {
            "key": self.key,
            "bytes": self.bytes,
            "skipped": self.skipped,
            "fileId": self.file_id,
            "isNew": self.is_new,
            "usd": self.usd,
            "jobs": self.jobs,
        }

    @classmethod
    def from_item(cls, item: Item) -> File:
        return cls(
            key=item["key"],
            bytes=item["bytes"],
            skipped=item["skipped"],
            file_id=item["fileId"],
            is_new=item["isNew"],
            usd=item["usd"],
            jobs=item["jobs"],
        )

    def ended(self, standings: dict[str, Standing], looks: int) -> File:
        """With what is known by now of the jobs that had not ended."""
        jobs = {
            job_id: told or _end_of(standings.get(job_id), looks)
            for job_id, told in self.jobs.items()
        }
        return replace(self, jobs=jobs)


@dataclass(frozen=True)
class Chunk:
    """The files of one child execution, after so many looks at their jobs."""

    files: tuple[File, ...]
    looks: int = 0

    @property
    def running(self) -> list[str]:
        """The ids of the jobs that have not ended, as far as is known."""
        return [job for file in self.files for job, told in file.jobs.items() if told is None]

    def looked_at(self, standings: dict[str, Standing]) -> Chunk:
        looks = self.looks + 1
        return Chunk(tuple(each.ended(standings, looks) for each in self.files), looks)

    def to_item(self) -> Item:
        return {
            "files": [each.to_item() for each in self.files],
            "looks": self.looks,
            "isOver": not self.running,
        }

    @classmethod
    def from_item(cls, item: Any) -> Chunk:
        return cls(_files(item["files"]), item["looks"])


def _files(items: Iterable[Item]) -> tuple[File, ...]:
    return tuple(File.from_item(each) for each in items)


def _end_of(standing: Standing | None, looks: int) -> str | None:
    if standing is None:
        return LOST if looks >= MOST_LOOKS_FOR_ONE else None
    if not standing.status.is_terminal:
        return None
    if standing.status is Status.FAILED and standing.failure:
        return standing.failure.code
    return standing.status.value
