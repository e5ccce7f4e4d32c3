"""Amazon S3: what its events say, and how much of an object on disk a ranged read touches."""

from __future__ import annotations

import json
import mmap
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any

s3: Any = import_module("ministack.services.s3")
eventbridge: Any = import_module("ministack.services.eventbridge")

_fire_event = s3._fire_s3_event
_dispatch_event = eventbridge._dispatch_event
_get_object = s3._get_object
_read_body = s3._read_body
_version: ContextVar[str | None] = ContextVar("version", default=None)
_ranged: ContextVar[bool] = ContextVar("ranged", default=False)


def install() -> None:
    s3._fire_s3_event = fire_event
    eventbridge._dispatch_event = dispatch_event
    s3._get_object = get_object
    s3._read_body = read_body


def fire_event(*arguments: Any, **keywords: Any) -> None:
    """Keeps the version for dispatch_event: the engine passes it this far and no farther."""
    token = _version.set(keywords.get("version_id"))
    try:
        _fire_event(*arguments, **keywords)
    finally:
        _version.reset(token)


def dispatch_event(event: dict[str, Any], *rest: Any, **keywords: Any) -> Any:
    """The event of an object in a versioned bucket names the version.

    AWS: detail.object has `version-id` ("Event message structure for Amazon EventBridge", S3 user
    guide); a job's id is made of it. ministack: leaves it out.
    """
    if event.get("Source") == "aws.s3" and (version := _version.get()):
        detail = json.loads(event["Detail"])
        detail["object"]["version-id"] = version
        event = {**event, "Detail": json.dumps(detail)}
    return _dispatch_event(event, *rest, **keywords)


def get_object(bucket: str, key: str, headers: dict[str, str], *rest: Any) -> Any:
    """A ranged read is marked for read_body."""
    token = _ranged.set("range" in headers)
    try:
        return _get_object(bucket, key, headers, *rest)
    finally:
        _ranged.reset(token)


def read_body(bucket: str, key: str, record: dict[str, Any]) -> Any:
    """A ranged read of an object on disk reads its range.

    ministack reads the whole file for each: a converter that asks for 200 MB in blocks of 4 MiB
    would cost 10 GB. What is sliced from a map are bytes, and only slicing follows a range.
    """
    path = s3._object_disk_path(bucket, key) if s3.S3_PERSIST and _ranged.get() else None
    if record.get("body") is not None or path is None or not record.get("size"):
        return _read_body(bucket, key, record)
    with Path(path).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
