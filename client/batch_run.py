"""A batch as the API tells of it, and as people and programs are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.filesize import decimal

from client.reading import number, text, whole

# To be skipped with these is no failure: most prefixes hold something that is no audio.
_NO_AUDIO = {"UNSUPPORTED_MEDIA_TYPE", "EMPTY_INPUT", "NOT_CURRENT"}


@dataclass(frozen=True)
class Summary:
    """`skipped` counts files by the reason, `failed` jobs by their code; `examples` are keys, each
    with its code."""

    files: int
    bytes: int
    new_files: int
    usd: float
    completed: int
    cancelled: int
    unfinished: int
    skipped: Mapping[str, int]
    failed: Mapping[str, int]
    examples: tuple[tuple[str, str], ...]
    results: str

    @property
    def is_whole(self) -> bool:
        """Whether all that is audio is converted, or, in a dry run, would be tried. Of nothing at
        all it is not: whoever begins a batch means some files."""
        left = self.cancelled or self.unfinished or any(self.failed.values())
        return self.files > 0 and not left and self.skipped.keys() <= _NO_AUDIO

    @classmethod
    def from_json(cls, told: Any) -> Summary:
        jobs = told["jobs"]
        return cls(
            files=whole(told["files"]),
            bytes=whole(told["bytes"]),
            new_files=whole(told["newFiles"]),
            usd=number(told["estimatedUsd"]) or 0.0,
            completed=whole(jobs["completed"]),
            cancelled=whole(jobs["cancelled"]),
            unfinished=whole(jobs["unfinished"]),
            skipped=_counts(told["skipped"]),
            failed=_counts(jobs["failed"]),
            examples=tuple((text(each["key"]), text(each["code"])) for each in told["examples"]),
            results=text(told["results"]),
        )


@dataclass(frozen=True)
class BatchRun:
    """`told` is the API's own object."""

    batch_id: str
    status: str
    dry_run: bool
    total: int
    done: int
    summary: Summary | None
    error: tuple[str, str] | None
    told: Mapping[str, Any]

    @property
    def is_over(self) -> bool:
        return self.status != "running"

    @property
    def went_well(self) -> bool:
        return self.status == "completed" and self.summary is not None and self.summary.is_whole

    @classmethod
    def from_json(cls, told: Any) -> BatchRun:
        summary, error = told["summary"], told["error"]
        return cls(
            batch_id=text(told["batchId"]),
            status=text(told["status"]),
            dry_run=bool(told["dryRun"]),
            total=whole(told["files"]["total"]),
            done=whole(told["files"]["done"]),
            summary=None if summary is None else Summary.from_json(summary),
            error=error and (str(error["code"]), str(error["message"])),
            told=told,
        )

    def report(self) -> Iterator[str]:
        """Lines for people."""
        yield f"{self.batch_id}: {self.status}"
        if self.error:
            yield f"  {self.error[0]}: {self.error[1]}"
        if self.summary is None:
            yield f"  {self.done} of {self.total} files are done"
            return
        yield from (f"  {line}" for line in _of(self.summary, self.dry_run))


def _of(summary: Summary, dry_run: bool) -> Iterator[str]:
    yield f"{summary.files} files ({decimal(summary.bytes)}) were found"
    if not summary.files:
        yield "a prefix is the beginning of keys, to the letter, and no pattern: is it right?"
    verb = "would be converted" if dry_run else "were new"
    yield f"{summary.new_files} {verb}, for about ${summary.usd:.2f}"
    if not dry_run:
        yield f"{summary.completed} jobs completed"
    for number_of, what in ((summary.cancelled, "cancelled"), (summary.unfinished, "not over yet")):
        if number_of:
            yield f"{number_of} jobs {what}"
    yield from (f"{count} jobs failed: {code}" for code, count in summary.failed.items())
    yield from (f"{count} files skipped: {code}" for code, count in summary.skipped.items())
    yield from (f"  {key}: {code}" for key, code in summary.examples)
    yield f"each file's result: {summary.results}"


def _counts(told: Any) -> dict[str, int]:
    return {str(code): whole(count) for code, count in told.items()}
