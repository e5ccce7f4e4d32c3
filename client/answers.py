"""The API's answers, as far as this client reads them. What it does not know it ignores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OVER = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True)
class UploadPlan:
    """Where the bytes go, and the headers that were signed: they must be sent as they are."""

    file_id: str
    url: str
    headers: Mapping[str, str]

    @classmethod
    def from_json(cls, body: Any) -> UploadPlan:
        upload = body["upload"]
        headers = {str(name): str(value) for name, value in upload.get("headers", {}).items()}
        return cls(body["fileId"], upload["url"], headers)


@dataclass(frozen=True)
class Failure:
    code: str
    message: str

    @classmethod
    def from_json(cls, body: Any) -> Failure | None:
        return cls(body["code"], body["message"]) if body else None


@dataclass(frozen=True)
class JobWarning:
    """Something to know about a job that is completed all the same."""

    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}

    @classmethod
    def from_json(cls, body: Any) -> JobWarning:
        return cls(str(body["code"]), str(body["message"]))


@dataclass(frozen=True)
class Loudness:
    """EBU R 128's measures of one signal, in LUFS, LU and dBTP; None where it is silent."""

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None

    def to_json(self) -> dict[str, float | None]:
        return {
            "integratedLufs": self.integrated_lufs,
            "rangeLu": self.range_lu,
            "truePeakDbtp": self.true_peak_dbtp,
        }

    @classmethod
    def from_json(cls, body: Any) -> Loudness:
        measures = (body.get(name) for name in ("integratedLufs", "rangeLu", "truePeakDbtp"))
        return cls(*(None if each is None else float(each) for each in measures))


@dataclass(frozen=True)
class LoudnessChange:
    before: Loudness
    after: Loudness

    def to_json(self) -> dict[str, Any]:
        return {"before": self.before.to_json(), "after": self.after.to_json()}

    @classmethod
    def from_json(cls, body: Any) -> LoudnessChange | None:
        if not body:
            return None
        return cls(Loudness.from_json(body["before"]), Loudness.from_json(body["after"]))


@dataclass(frozen=True)
class Output:
    bytes: int
    file_name: str
    duration_seconds: float | None
    mode: str | None
    loudness: LoudnessChange | None
    has_waveform: bool

    @classmethod
    def from_json(cls, body: Any) -> Output | None:
        if not body:
            return None
        return cls(
            bytes=body["bytes"],
            file_name=body["fileName"],
            duration_seconds=body.get("durationSeconds"),
            mode=body.get("mode"),
            loudness=LoudnessChange.from_json(body.get("loudness")),
            has_waveform=bool(body.get("waveform")),
        )


@dataclass(frozen=True)
class Job:
    job_id: str
    status: str
    format: str
    output: Output | None
    warnings: tuple[JobWarning, ...]
    failure: Failure | None

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @classmethod
    def from_json(cls, body: Any) -> Job:
        return cls(
            job_id=body["jobId"],
            status=body["status"],
            format=body["conversion"]["format"],
            output=Output.from_json(body.get("output")),
            warnings=tuple(JobWarning.from_json(each) for each in body.get("warnings") or ()),
            failure=Failure.from_json(body.get("error")),
        )


@dataclass(frozen=True)
class Progress:
    """`speed` is a multiple of real time; `status` decides whether the job is over."""

    status: str
    stage: str
    percent: float
    speed: float | None
    eta_seconds: float | None
    updated_at: str = ""

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @classmethod
    def from_json(cls, body: Any) -> Progress:
        return cls(
            status=body["status"],
            stage=body["stage"],
            percent=float(body["percent"]),
            speed=body.get("speed"),
            eta_seconds=body.get("etaSeconds"),
            updated_at=str(body.get("updatedAt") or ""),
        )


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
            str(kind): Tally(int(each["count"]), int(each["bytes"]))
            for kind, each in body["removed"].items()
        }
        return cls(bool(body["complete"]), removed, int(body["failures"]))

    def to_json(self) -> dict[str, Any]:
        removed = {
            kind: {"count": each.count, "bytes": each.bytes} for kind, each in self.removed.items()
        }
        return {"complete": self.complete, "removed": removed, "failures": self.failures}
