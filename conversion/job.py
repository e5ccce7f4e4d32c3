"""A job: one input becomes one output, by one execution named after it.

The record here is the truth about a job; progress (conversion/progress.py) is a view that may lag.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from conversion.clock import expiry, has_passed, timestamp, utc_now
from conversion.conversion import Conversion
from conversion.fields import Item
from conversion.outcome import Failure, Output, WaveformKeys

# Where outputs are in the bucket; uploads are under conversion/uploads.py's PREFIX.
OUTPUTS = "conversions/"


class Status(StrEnum):
    """`created → processing → completed | failed | cancelled`; a terminal status never changes."""

    CREATED = "created"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


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
class Job:
    """`attempt` counts claims and is the fencing token; times are ISO 8601 UTC, `expires_at` a
    Unix time in seconds (what DynamoDB's TTL reads)."""

    job_id: str
    file_id: str
    source: Source
    conversion: Conversion
    status: Status
    created_at: str
    updated_at: str
    expires_at: int
    attempt: int = 0
    output: Output | None = None
    failure: Failure | None = None

    @classmethod
    def new(
        cls, job_id: str, file_id: str, source: Source, conversion: Conversion, retention_days: int
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

    def to_item(self) -> Item:
        return {
            "jobId": self.job_id,
            "fileId": self.file_id,
            "source": self.source.to_item(),
            "conversion": self.conversion.to_item(),
            "status": self.status.value,
            "attempt": self.attempt,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "expiresAt": self.expires_at,
            "output": self.output and self.output.to_item(),
            "failure": self.failure and self.failure.to_item(),
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
            created_at=item["createdAt"],
            updated_at=item["updatedAt"],
            expires_at=item["expiresAt"],
            output=Output.from_item(item["output"]) if item.get("output") else None,
            failure=Failure.from_item(item["failure"]) if item.get("failure") else None,
        )


class JobStore(Protocol):
    """The contract of a job store; conversion/stores/jobs.py keeps it in DynamoDB."""

    def put_if_absent(self, job: Job) -> bool:
        """Write a new job; False when one of that id is there already (it is left as it is)."""
        ...

    def get(self, job_id: str) -> Job:
        """Raises JobNotFound, or JobExpired past `expires_at`."""
        ...

    def of_file(self, file_id: str) -> list[Job]:
        """The file's jobs, oldest first; expired ones are left out."""
        ...

    def claim(self, job_id: str, retention_days: int) -> Job:
        """Take the job for a new attempt; the returned `attempt` is the fencing token.

        Raises JobNotFound, or JobOver when the status is terminal.
        """
        ...

    def complete(self, job_id: str, attempt: int, output: Output) -> None:
        """Raises SupersededAttempt when `attempt` is not the newest, JobOver when terminal."""
        ...

    def fail(self, job_id: str, attempt: int, failure: Failure) -> None:
        """Raises as `complete` does."""
        ...


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
