"""The API's answers, as far as this client reads them. What it does not know it ignores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from client.loudness import LoudnessChange
from client.reading import number, text, whole

OVER = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True)
class SignedRequest:
    """A PUT to S3. The headers were signed: they must be sent as they are."""

    url: str
    headers: Mapping[str, str]

    @classmethod
    def from_json(cls, body: Any) -> SignedRequest:
        headers = {str(name): str(value) for name, value in body.get("headers", {}).items()}
        return cls(text(body["url"]), headers)


@dataclass(frozen=True)
class SignedPart:
    """`bytes` of the file, from `offset` on."""

    number: int
    offset: int
    bytes: int
    url: str
    headers: Mapping[str, str]

    @classmethod
    def from_json(cls, body: Any) -> SignedPart:
        signed = SignedRequest.from_json(body)
        number, offset, size = (int(body[each]) for each in ("partNumber", "offset", "bytes"))
        return cls(number, offset, size, signed.url, signed.headers)


@dataclass(frozen=True)
class Multipart:
    """Every part has `part_bytes`, but the last, which has what is left."""

    part_bytes: int
    part_count: int

    @classmethod
    def from_json(cls, body: Any) -> Multipart:
        return cls(int(body["partBytes"]), int(body["partCount"]))


@dataclass(frozen=True)
class Upload:
    """`put` is there while a small file is awaited, `multipart` for every large one."""

    file_id: str
    status: str
    put: SignedRequest | None
    multipart: Multipart | None

    @classmethod
    def from_json(cls, body: Any) -> Upload:
        put, multipart = body.get("upload"), body.get("multipart")
        return cls(
            file_id=str(body["fileId"]),
            status=str(body["status"]),
            put=SignedRequest.from_json(put) if put else None,
            multipart=Multipart.from_json(multipart) if multipart else None,
        )


@dataclass(frozen=True)
class PartsThere:
    """What S3 has of an upload, told by the numbers of what it has not."""

    missing: frozenset[int]

    @classmethod
    def from_json(cls, body: Any) -> PartsThere:
        return cls(frozenset(int(each) for each in body["missing"]))


@dataclass(frozen=True)
class Failure:
    code: str
    message: str

    @classmethod
    def from_json(cls, body: Any) -> Failure | None:
        return cls(text(body["code"]), text(body["message"])) if body else None


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
            bytes=whole(body["bytes"]),
            file_name=text(body["fileName"]),
            duration_seconds=number(body.get("durationSeconds")),
            mode=None if body.get("mode") is None else text(body["mode"]),
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
    file_name: str
    created_at: str
    # All of it, as it was told.
    told: Mapping[str, Any] = field(repr=False)

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @classmethod
    def from_json(cls, body: Any) -> Job:
        return cls(
            job_id=text(body["jobId"]),
            status=text(body["status"]),
            format=text(body["conversion"]["format"]),
            output=Output.from_json(body.get("output")),
            warnings=tuple(JobWarning.from_json(each) for each in body.get("warnings") or ()),
            failure=Failure.from_json(body.get("error")),
            file_name=str(body.get("fileName") or ""),
            created_at=str(body.get("createdAt") or ""),
            told=body,
        )


@dataclass(frozen=True)
class JobPage:
    """`cursor` leads to the page that follows; None on the last one. An empty page need not be."""

    jobs: tuple[Job, ...]
    cursor: str | None

    @classmethod
    def from_json(cls, body: Any) -> JobPage:
        cursor = body.get("cursor")
        found = tuple(Job.from_json(each) for each in body["jobs"])
        return cls(found, None if cursor is None else str(cursor))


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
            status=text(body["status"]),
            stage=text(body["stage"]),
            percent=number(body["percent"]) or 0.0,
            speed=number(body.get("speed")),
            eta_seconds=number(body.get("etaSeconds")),
            updated_at=str(body.get("updatedAt") or ""),
        )
