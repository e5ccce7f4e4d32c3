"""What became of one file, and what the command's exit code says of them all.

Exit codes: 0 every file was converted; 1 some file was not; 3 nothing could be tried, because the
local pipeline did not start or the API did not answer. (2, wrong usage, is click's; 130 and 143,
interrupted and terminated, are the shell's own numbers, 128 + signal.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from client.answers import Job, Output
from client.errors import (
    ApiUnreachable,
    ClientError,
    FileNotReadable,
    Interrupted,
    JobCancelled,
    PipelineNotStarted,
)
from client.moment import clock

CONVERTED, SOME_FAILED, OUT_OF_REACH, INTERRUPTED, TERMINATED = 0, 1, 3, 130, 143


@dataclass(frozen=True)
class Outcome:
    """Exactly one of `output` (the file on this machine) and `error` is there."""

    file: Path
    job_id: str | None
    output: Path | None = None
    made: Output | None = None
    error: ClientError | None = None

    @classmethod
    def completed(cls, file: Path, job: Job, made: Output, output: Path) -> Outcome:
        return cls(file, job.job_id, output, made)

    @classmethod
    def failed(cls, file: Path, error: ClientError, job_id: str | None = None) -> Outcome:
        return cls(file, job_id, error=error)

    @property
    def status(self) -> str:
        """As a job's, for this file's whole way; `interrupted` when we stopped before its end."""
        if self.error is None:
            return "completed"
        if isinstance(self.error, Interrupted):
            return "interrupted"
        return "cancelled" if isinstance(self.error, JobCancelled) else "failed"

    @property
    def last_word(self) -> str:
        """The end of the file's progress."""
        if self.error is None:
            return "completed 100 %"
        return f"failed ({self.error.code})" if self.status == "failed" else self.status

    def to_json(self) -> dict[str, Any]:
        error = self.error and {"code": self.error.code, "message": self.error.message}
        return {
            "file": str(self.file),
            "jobId": self.job_id,
            "status": self.status,
            "output": None if self.output is None else str(self.output),
            "durationSeconds": self.made and self.made.duration_seconds,
            "bytes": self.made and self.made.bytes,
            "mode": self.made and self.made.mode,
            "error": error,
        }

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.file}: {self.error.code}: {self.error.message}"
        assert self.made is not None
        seconds = self.made.duration_seconds
        facts = [] if seconds is None else [clock(seconds)]
        return f"{self.file} -> {self.output} ({', '.join([*facts, decimal(self.made.bytes)])})"


def exit_code(outcomes: Iterable[Outcome]) -> int:
    errors = [each.error for each in outcomes if each.error is not None]
    if not errors:
        return CONVERTED
    tried = [each for each in errors if not isinstance(each, FileNotReadable)]
    lost = [each for each in tried if isinstance(each, ApiUnreachable | PipelineNotStarted)]
    return OUT_OF_REACH if lost and len(lost) == len(tried) else SOME_FAILED
