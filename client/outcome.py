"""What became of one file, and what the command's exit code says of them all.

Exit codes: 0 every file was converted; 1 some file was not; 3 nothing could be tried, because the
local pipeline did not start or the API never answered. (2, wrong usage, is click's; 130 and 143,
interrupted and terminated, are the shell's own numbers, 128 + signal.)
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from rich.filesize import decimal

from client.answers import Job, JobWarning, Output
from client.errors import (
    ApiUnreachable,
    ClientError,
    FileNotReadable,
    Interrupted,
    JobCancelled,
    PipelineNotStarted,
)
from client.loudness import LoudnessChange
from client.moment import clock

CONVERTED, SOME_FAILED, OUT_OF_REACH, INTERRUPTED, TERMINATED = 0, 1, 3, 130, 143


@dataclass(frozen=True)
class Ended:
    """What became of a file on its way to a deployment, or there and back."""

    WELL: ClassVar[str]

    file: Path
    error: ClientError | None = field(default=None, kw_only=True)

    @property
    def status(self) -> str:
        """`interrupted` when we stopped before its end."""
        if self.error is None:
            return self.WELL
        if isinstance(self.error, Interrupted):
            return "interrupted"
        return "cancelled" if isinstance(self.error, JobCancelled) else "failed"

    @property
    def last_word(self) -> str:
        """The end of its progress."""
        if self.error is None:
            return f"{self.WELL} 100 %"
        return f"failed ({self.error.code})" if self.status == "failed" else self.status

    @property
    def error_json(self) -> dict[str, str] | None:
        return self.error and {"code": self.error.code, "message": self.error.message}

    @property
    def told_warnings(self) -> list[str]:
        return []

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.file}: {self.error.code}: {self.error.message}"
        return f"{self.file} -> {self.made_of_it}"

    @property
    @abstractmethod
    def made_of_it(self) -> str:
        """Of one that ended well, in a few words."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Outcome(Ended):
    """Exactly one of `output` (the file on this machine) and `error` is there. `waveform` are the
    files beside the output. Its status is as a job's, for the file's whole way."""

    WELL = "completed"

    job_id: str | None
    output: Path | None = None
    waveform: tuple[Path, ...] = ()
    made: Output | None = None
    warnings: tuple[JobWarning, ...] = ()

    @classmethod
    def completed(cls, file: Path, job: Job, placed: Sequence[Path]) -> Outcome:
        output, *waveform = placed
        return cls(file, job.job_id, output, tuple(waveform), job.output, job.warnings)

    @classmethod
    def failed(cls, file: Path, error: ClientError, job_id: str | None = None) -> Outcome:
        return cls(file, job_id, error=error)

    def to_json(self) -> dict[str, Any]:
        made = self.made
        return {
            "file": str(self.file),
            "jobId": self.job_id,
            "status": self.status,
            "output": None if self.output is None else str(self.output),
            "durationSeconds": made and made.duration_seconds,
            "bytes": made and made.bytes,
            "mode": made and made.mode,
            "loudness": made and made.loudness and made.loudness.to_json(),
            "waveform": [str(each) for each in self.waveform],
            "warnings": [each.to_json() for each in self.warnings],
            "error": self.error_json,
        }

    @property
    def made_of_it(self) -> str:
        assert self.made is not None
        seconds, loudness = self.made.duration_seconds, self.made.loudness
        facts = [] if seconds is None else [clock(seconds)]
        facts.append(decimal(self.made.bytes))
        facts += [] if loudness is None else [_changed(loudness)]
        saved = ", ".join(map(str, (self.output, *self.waveform)))
        return f"{saved} ({', '.join(facts)})"

    @property
    def told_warnings(self) -> list[str]:
        return [f"{self.file}: warning: {each.code}: {each.message}" for each in self.warnings]


def _changed(loudness: LoudnessChange) -> str:
    """`-27.3 -> -16.0 LUFS, peak -3.1 -> -1.0 dBTP`."""
    before, after = loudness.before, loudness.after
    lufs = f"{_figure(before.integrated_lufs)} -> {_figure(after.integrated_lufs)} LUFS"
    return f"{lufs}, peak {_figure(before.true_peak_dbtp)} -> {_figure(after.true_peak_dbtp)} dBTP"


def _figure(measured: float | None) -> str:
    return "silence" if measured is None else f"{measured:.1f}"


def exit_code(outcomes: Iterable[Ended], was_heard: bool) -> int:
    """`was_heard`: whether the API has ever answered. If it has, jobs may run there."""
    errors = [each.error for each in outcomes if each.error is not None]
    if not errors:
        return CONVERTED
    tried = [each for each in errors if not isinstance(each, FileNotReadable)]
    lost = [each for each in tried if isinstance(each, ApiUnreachable | PipelineNotStarted)]
    nothing_was_tried = lost and len(lost) == len(tried) and not was_heard
    return OUT_OF_REACH if nothing_was_tried else SOME_FAILED
