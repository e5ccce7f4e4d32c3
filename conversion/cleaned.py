"""What a clean-up has removed, counted, and what it could not remove."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from conversion.errors import SluiceError
from conversion.fields import Item


class Kind(StrEnum):
    """What is removed, as it is counted."""

    JOBS = "jobs"  # records
    OUTPUTS = "outputs"  # their objects
    UPLOADS = "uploads"  # records
    SOURCES = "sources"  # their objects
    DROPPED = "dropped"  # objects under uploads/ that no upload record speaks of
    LOSERS = "losers"  # objects of attempts that did not win
    ORPHANS = "orphans"  # objects under conversions/ of no job
    PARTS = "parts"  # multipart uploads that nobody works on; S3 does not list their bytes


@dataclass
class Tally:
    count: int = 0
    bytes: int = 0


@dataclass
class Cleaned:
    """What was removed, or in a dry run would be. Not `complete`: the time was up, there is more.
    A failure is a kind, and the error that kept one of it from being removed."""

    dry_run: bool
    complete: bool = True
    removed: dict[Kind, Tally] = field(default_factory=lambda: {each: Tally() for each in Kind})
    failures: list[tuple[Kind, Exception]] = field(default_factory=list[tuple[Kind, Exception]])

    def count(self, kind: Kind, length: int = 0) -> None:
        tally = self.removed[kind]
        tally.count += 1
        tally.bytes += length

    def refused(self, kind: Kind, codes: Iterable[str]) -> None:
        self.failures += [(kind, NotRemoved(f"S3 refused: {code}.")) for code in codes]

    @contextmanager
    def going_on(self, kind: Kind) -> Generator[None]:
        """Let the rest go on whatever fails in this block, but for the time being up."""
        try:
            yield
        except TimeUp:
            raise
        except Exception as error:
            self.failures.append((kind, error))

    def to_item(self) -> Item:
        return {
            "dryRun": self.dry_run,
            "complete": self.complete,
            "removed": {
                kind.value: {"count": tally.count, "bytes": tally.bytes}
                for kind, tally in self.removed.items()
            },
            "failures": len(self.failures),
        }


class TimeUp(Exception):
    """The rest is for another run."""


class NotRemoved(SluiceError):
    code = "NOT_REMOVED"
