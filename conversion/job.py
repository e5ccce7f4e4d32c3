"""A job: one input becomes one output, by one execution named after it.

The record here is the truth about a job; progress (conversion/progress.py) is a view that may lag.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from conversion.clock import expiry, has_passed, timestamp, utc_now
from conversion.conversion import Conversion
from conversion.cost import Cost
from conversion.fields import Item
from conversion.outcome import Failure, Output, WaveformKeys

# Where outputs are in the bucket; uploads are under conversion/uploads.py's PREFIX.
OUTPUTS = "conversions/"


class Status(StrEnum):
    """`created → processing → completed | failed | cancelled`, and nothing back: what is completed
    or cancelled stays so for ever, and what has failed is reopened only by a redrive of its
    execution, which a person asks for."""

    CREATED = "created"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)

    def may_become(self, other: Status) -> bool:
        return other in _NEXT[self]


# PROCESSING follows itself with every attempt; after FAILED it is a redrive's claim.
_NEXT = {
    Status.CREATED: {Status.PROCESSING, Status.FAILED, Status.CANCELLED},
    Status.PROCESSING: {
        Status.PROCESSING,
        Status.COMPLETED,
        Status.FAILED,
        Status.CANCELLED,
    },
    Status.COMPLETED: set[Status](),
    Status.FAILED: {Status.PROCESSING},
    Status.CANCELLED: set[Status](),
}


@dataclass(frozen=True)
class Source:
    """The very object a job reads: its ETag (unquoted) pins the content, `bytes` its length."""

    bucket: str
    key: str
    etag: str
    bytes: int
    file_name: str
    version_id: str | None = None

    def to_item(self) -> Item:
        return {
            "bucket": self.bucket,
            "key": self.key,
            "etag": self.etag,
            "bytes": self.bytes,
            "fileName": self.file_name,
            "versionId": self.version_id,
        }

    @classmethod
    def from_item(cls, item: Item) -> Source:
        return cls(
            bucket=item["bucket"],
            key=item["key"],
            etag=item["etag"],
            bytes=item["bytes"],
            file_name=item["fileName"],
            version_id=item["versionId"],
        )


@dataclass(frozen=True)
class Standing:
    """What a poll asks of a job, read from a part of its record."""

    job_id: str
    status: Status
    attempt: int
    updated_at: str
    expires_at: int
    source_bytes: int
    output_bytes: int | None = None
    output_seconds: float | None = None
    failure: Failure | None = None
    owner: str | None = None

    @property
    def has_expired(self) -> bool:
        return has_passed(self.expires_at)


@dataclass(frozen=True)
class Job:
    """`attempt` counts claims and is the fencing token; `redrive` is the execution's redrive that
    last reopened it; times are ISO 8601 UTC, `expires_at` a Unix time in seconds (what DynamoDB's
    TTL reads). `owner` is the identity of who asked for it, if the API knew one;
    `delete_after_download` lets it expire soon after its output was first asked for."""

    job_id: str
    file_id: str
    source: Source
    conversion: Conversion
    status: Status
    created_at: str
    updated_at: str
    expires_at: int
    attempt: int = 0
    redrive: int = 0
    output: Output | None = None
    failure: Failure | None = None
    estimate: Cost | None = None
    cost: Cost | None = None
    owner: str | None = None
    delete_after_download: bool = False

    @classmethod
    def new(
        cls,
        job_id: str,
        file_id: str,
        source: Source,
        conversion: Conversion,
        retention_days: int,
        owner: str | None = None,
        delete_after_download: bool = False,
    ) -> Job:
        now = utc_now()
        return cls(
            job_id=job_id,
            file_id=file_id,
            source=source,
            conversion=conversion,
            status=Status.CREATED,
            created_at=timestamp(now),
            updated_at=timestamp(now),
            expires_at=expiry(now, retention_days),
            owner=owner,
            delete_after_download=delete_after_download,
        )

    def output_key(self, attempt: int) -> str:
        """Where attempt N writes: a key of its own, so that a zombie can overwrite nothing."""
        return f"{OUTPUTS}{self.job_id}/{attempt}/output.{self.conversion.target.suffix}"

    def waveform_keys(self, attempt: int) -> WaveformKeys:
        beside = f"{OUTPUTS}{self.job_id}/{attempt}/waveform"
        return WaveformKeys(f"{beside}.json", f"{beside}.png")

    @property
    def output_name(self) -> str:
        """The input's name with the output's suffix: what the download is called."""
        stem, dot, _ = self.source.file_name.rpartition(".")
        return f"{stem if dot and stem else self.source.file_name}.{self.conversion.target.suffix}"

    @property
    def has_expired(self) -> bool:
        return has_passed(self.expires_at)

    @property
    def standing(self) -> Standing:
        return Standing(
            job_id=self.job_id,
            status=self.status,
            attempt=self.attempt,
            updated_at=self.updated_at,
            expires_at=self.expires_at,
            source_bytes=self.source.bytes,
            output_bytes=self.output and self.output.bytes,
            output_seconds=self.output and self.output.duration_seconds,
            failure=self.failure,
            owner=self.owner,
        )

    def to_item(self) -> Item:
        """Without an owner where there is none: what is null cannot be in an index."""
        owned = {} if self.owner is None else {"owner": self.owner}
        return owned | {
            "jobId": self.job_id,
            "fileId": self.file_id,
            "source": self.source.to_item(),
            "conversion": self.conversion.to_item(),
            "status": self.status.value,
            "attempt": self.attempt,
            "redrive": self.redrive,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "expiresAt": self.expires_at,
            "output": self.output and self.output.to_item(),
            "failure": self.failure and self.failure.to_item(),
            "estimate": self.estimate and self.estimate.to_item(),
            "cost": self.cost and self.cost.to_item(),
            "deleteAfterDownload": self.delete_after_download,
        }

    @classmethod
    def from_item(cls, item: Item) -> Job:
        return cls(
            job_id=item["jobId"],
            file_id=item["fileId"],
            source=Source.from_item(item["source"]),
            conversion=Conversion.from_item(item["conversion"]),
            status=Status(item["status"]),
            attempt=item["attempt"],
            redrive=item.get("redrive", 0),
            created_at=item["createdAt"],
            updated_at=item["updatedAt"],
            expires_at=item["expiresAt"],
            output=Output.from_item(item["output"]) if item.get("output") else None,
            failure=Failure.from_item(item["failure"]) if item.get("failure") else None,
            estimate=Cost.from_item(item["estimate"]) if item.get("estimate") else None,
            cost=Cost.from_item(item["cost"]) if item.get("cost") else None,
            owner=item.get("owner"),
            delete_after_download=item.get("deleteAfterDownload", False),
        )


def job_id_for(source: Source, conversion: Conversion, nonce: str = "") -> str:
    """The same object and conversion always give the same id: 32 hex digits.

    S3 events arrive at least once and in any order; an id made from what the event is about makes
    a duplicate harmless. `nonce` sets apart a conversion asked for again on purpose. The id is
    also the execution's name (1–80 characters, Step Functions API reference, StartExecution).
    """
    parts = [
        source.bucket,
        source.key,
        source.version_id or source.etag,
        conversion.identity,
        nonce,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
