"""The API's answers, as far as this client reads them. What it does not know it ignores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OVER = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True)
class Conversion:
    """What is asked for; whether there is such a format is for the API to say."""

    format: str
    bitrate_kbps: int | None = None

    def to_json(self) -> dict[str, Any]:
        asked: dict[str, Any] = {"format": self.format}
        if self.bitrate_kbps is not None:
            asked["bitrateKbps"] = self.bitrate_kbps
        return asked


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
class Output:
    bytes: int
    file_name: str
    duration_seconds: float | None
    mode: str | None

    @classmethod
    def from_json(cls, body: Any) -> Output | None:
        if not body:
            return None
        return cls(body["bytes"], body["fileName"], body.get("durationSeconds"), body.get("mode"))


@dataclass(frozen=True)
class Job:
    job_id: str
    status: str
    format: str
    output: Output | None
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
