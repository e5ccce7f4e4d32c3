"""The events that cross our border: what we hear from S3 and what we tell EventBridge.

The `source` and `detail_type` of each stand on its class; infra/ writes them from here into the
rule that listens and into the state machine that announces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from conversion.errors import InvalidRequest


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
            )
        except (KeyError, TypeError, AttributeError) as wrong:
            raise InvalidRequest(
                f"This is not an S3 {cls.detail_type} event: {wrong!r}."
            ) from wrong

    @property
    def is_folder(self) -> bool:
        """What the S3 console writes for "Create folder": an empty object whose key ends in /."""
        return self.key.endswith("/") and self.bytes == 0


@dataclass(frozen=True)
class ConversionEvent:
    """Base of what the state machine announces; the detail is `{jobId, status, …}`."""

    source: ClassVar[str] = "sluice"
    detail_type: ClassVar[str]


class ConversionCompleted(ConversionEvent):
    detail_type = "Conversion Completed"


class ConversionFailed(ConversionEvent):
    detail_type = "Conversion Failed"


class ConversionCancelled(ConversionEvent):
    detail_type = "Conversion Cancelled"
