"""The events that cross our border: what we hear from S3 and what we tell EventBridge.

The `source` and `detail_type` of each stand on its class; infra/ writes them from here into the
rules that listen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from conversion.errors import InvalidRequest
from conversion.fields import Item
from conversion.job import Job, Status
from conversion.outcome import Output
from conversion.uploads import file_id_of


@dataclass(frozen=True)
class ObjectCreated:
    """S3's `Object Created` by way of EventBridge ("Amazon S3 User Guide", EventBridge events).

    Unlike an S3 notification, the key is not URL-encoded and the ETag has no quotes. `sequencer`
    is the write's own: an event delivered twice carries it twice, the same bytes put again do not
    ("Event message structure", same guide).
    """

    source: ClassVar[str] = "aws.s3"
    detail_type: ClassVar[str] = "Object Created"

    bucket: str
    key: str
    etag: str
    bytes: int
    version_id: str | None = None
    sequencer: str = ""
    # When the object landed, by S3's clock. Not compared: it says nothing of which write it was.
    time: datetime | None = field(default=None, compare=False)

    @classmethod
    def from_event(cls, event: Any) -> ObjectCreated:
        """Read an EventBridge event. Raises InvalidRequest for any other event."""
        try:
            if (event["source"], event["detail-type"]) != (cls.source, cls.detail_type):
                raise InvalidRequest(
                    f"{event['source']} {event['detail-type']!r} is not {cls.detail_type!r}."
                )
            found = event["detail"]["object"]
            return cls(
                bucket=event["detail"]["bucket"]["name"],
                key=found["key"],
                etag=found["etag"].strip('"'),
                bytes=found["size"],
                version_id=found.get("version-id"),
                sequencer=found.get("sequencer", ""),
                time=_moment(event["time"]) if "time" in event else None,
            )
        except (KeyError, TypeError, AttributeError, ValueError) as wrong:
            raise InvalidRequest(
                f"This is not an S3 {cls.detail_type} event: {wrong!r}."
            ) from wrong

    @property
    def is_folder(self) -> bool:
        """What the S3 console writes for "Create folder": an empty object whose key ends in /; and
        whatever is put under `uploads/` itself, which has no name to be known by."""
        return self.key.endswith("/") and (self.bytes == 0 or not file_id_of(self.key))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ConversionEvent:
    """Base of what we announce: what has become of a job, told by its record (docs/events/).

    A job that is claimed, or reopened by a redrive, is not announced: nobody but whoever watches
    its progress has to act on that. So a job that was announced as failed can be announced again.
    """

    source: ClassVar[str] = "sluice"
    # Of the detail. Fields may be added to a version; one that is changed or removed makes another.
    version: ClassVar[str] = "1"
    detail_type: ClassVar[str]

    job: Job

    @classmethod
    def of_change(cls, before: Job | None, after: Job) -> ConversionEvent | None:
        """What a change of a job's record is to the world, None for most changes. `before` is
        None for a new record."""
        if before is not None and before.status is after.status:
            return None
        event = _EVENT_OF.get(after.status)
        return event(after) if event else None

    @property
    def detail(self) -> Item:
        """Without people's own words, which are the file's name and the tags asked for: rules,
        targets and their logs are out of our hands. GET /v1/jobs/{jobId} has them."""
        job = self.job
        conversion = job.conversion.to_item()
        conversion.pop("tags", None)
        return {
            "version": self.version,
            "jobId": job.job_id,
            "fileId": job.file_id,
            "status": job.status.value,
            "attempt": job.attempt,
            "conversion": conversion,
            "createdAt": job.created_at,
            "updatedAt": job.updated_at,
            "source": {"bytes": job.source.bytes},
            "output": job.output and _told(job.output),
            "error": job.failure and job.failure.to_item(),
            "cost": job.cost and job.cost.to_item(),
        }


class ConversionCreated(ConversionEvent):
    detail_type = "Conversion Created"


class ConversionCompleted(ConversionEvent):
    detail_type = "Conversion Completed"


class ConversionFailed(ConversionEvent):
    detail_type = "Conversion Failed"


class ConversionCancelled(ConversionEvent):
    detail_type = "Conversion Cancelled"


_EVENT_OF: dict[Status, type[ConversionEvent]] = {
    Status.CREATED: ConversionCreated,
    Status.COMPLETED: ConversionCompleted,
    Status.FAILED: ConversionFailed,
    Status.CANCELLED: ConversionCancelled,
}


def _told(output: Output) -> Item:
    return {
        "bytes": output.bytes,
        "mediaType": output.media_type,
        "durationSeconds": output.duration_seconds,
        "mode": output.mode.value,
        "key": output.key,
    }
