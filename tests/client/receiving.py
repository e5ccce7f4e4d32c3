"""How the tests' Sluice takes in files: the upload routes, and S3's side of their signed URLs.

A file above `single_put_bytes` comes in parts. A signed URL is good for `signature_seconds`; S3
knows what is there, and the API asks S3.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

MIB = 1024 * 1024
UNTIL = "2026-01-01T01:00:00.000Z"


@dataclass
class Received:
    """One upload: what was asked for, and what S3 has of it."""

    file_id: str
    asked: dict[str, Any]
    part_bytes: int | None
    parts: dict[int, bytes] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    status: str = "uploading"

    @property
    def bytes(self) -> int:
        return int(self.asked["bytes"])

    @property
    def part_count(self) -> int:
        return math.ceil(self.bytes / (self.part_bytes or self.bytes))

    def length(self, number: int) -> int:
        assert self.part_bytes
        return min(self.part_bytes, self.bytes - (number - 1) * self.part_bytes)

    @property
    def missing(self) -> list[int]:
        numbers = range(1, self.part_count + 1)
        return [each for each in numbers if len(self.parts.get(each, b"")) != self.length(each)]


class Signatures:
    """Good for so many seconds; a test may end all that were given."""

    def __init__(self) -> None:
        self.seconds = 3600.0
        self._until: dict[str, float] = {}

    def sign(self, url: str) -> str:
        name = uuid.uuid4().hex
        self._until[name] = time.monotonic() + self.seconds
        return f"{url}{'&' if '?' in url else '?'}signature={name}"

    def holds(self, path: str) -> bool:
        name = query(path).get("signature", "")
        return time.monotonic() < self._until.get(name, 0.0)

    def end_all(self) -> None:
        self._until.clear()


def upload_json(upload: Received, put: str | None) -> dict[str, Any]:
    is_there = upload.status == "completed"
    received = upload.bytes if is_there else sum(map(len, upload.parts.values()))
    return {
        "fileId": upload.file_id,
        "fileName": upload.asked["fileName"],
        "bytes": upload.bytes,
        "contentType": "audio/wav",
        "status": upload.status,
        "bytesReceived": received,
        "percent": 100.0 if is_there else 99.9 * received / upload.bytes,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "expiresAt": "2026-01-08T00:00:00.000Z",
        "deleteAfterDownload": upload.asked.get("deleteAfterDownload", False),
        "conversions": upload.asked["conversions"],
        "upload": put and signed_put(put, upload.bytes),
        "multipart": upload.part_bytes
        and {
            "partBytes": upload.part_bytes,
            "partCount": upload.part_count,
            "partsDone": sorted(upload.acknowledged),
        },
    }


def signed_put(url: str, size: int) -> dict[str, Any]:
    headers = {
        "content-length": str(size),
        "content-type": "application/octet-stream",
        "if-none-match": "*",
    }
    return {
        "method": "PUT",
        "url": url,
        "headers": headers,
        "expiresAt": UNTIL,
    }


def parts_json(upload: Received) -> dict[str, Any]:
    there = [
        {"partNumber": number, "bytes": len(content), "etag": f'"{number}"'}
        for number, content in sorted(upload.parts.items())
    ]
    return {
        "partBytes": upload.part_bytes,
        "partCount": upload.part_count,
        "parts": there,
        "missing": upload.missing,
    }


def signed_part(upload: Received, number: int, url: str) -> dict[str, Any]:
    assert upload.part_bytes
    return {
        "partNumber": number,
        "offset": (number - 1) * upload.part_bytes,
        "bytes": upload.length(number),
        "method": "PUT",
        "url": url,
        "headers": {"content-length": str(upload.length(number))},
        "expiresAt": UNTIL,
    }


class Receiving:
    """The part of the handler that this page is about."""

    service: Any
    path: str
    take_body: Callable[[], bytes]
    json: Callable[..., None]
    problem: Callable[..., None]
    answer: Callable[..., None]

    def upload_json(self, upload: Received) -> dict[str, Any]:
        is_open = upload.status == "uploading" and upload.part_bytes is None
        return upload_json(upload, self.signed(upload.file_id) if is_open else None)

    def signed(self, file_id: str, number: int | None = None) -> str:
        url = f"{self.service.origin}/bucket/{file_id}"
        return self.service.signatures.sign(f"{url}?partNumber={number}" if number else url)

    def on_upload(self, file_id: str, act: Callable[..., None], *arguments: Any) -> None:
        upload = self.service.received.get(file_id)
        if upload is None:
            return self.problem(404, "FILE_NOT_FOUND", "There is no such file: check the id.")
        if upload.status == "expired":
            return self.problem(410, "FILE_EXPIRED", "The file has expired: upload it again.")
        return act(upload, *arguments)

    def upload(self, upload: Received) -> None:
        if upload.part_bytes is None and upload.file_id in self.service.objects:
            upload.status = "completed"
        self.json(200, self.upload_json(upload))

    def sign_parts(self, upload: Received, numbers: list[int]) -> None:
        if upload.status != "uploading":
            return self.problem(409, "UPLOAD_FINISHED", "Nothing more can be sent.")
        parts = [signed_part(upload, each, self.signed(upload.file_id, each)) for each in numbers]
        return self.json(200, {"parts": parts})

    def acknowledge(self, upload: Received, number: int) -> None:
        self.take_body()
        upload.acknowledged.add(number)
        self.json(200, self.upload_json(upload))

    def list_parts(self, upload: Received) -> None:
        self.json(200, parts_json(upload))

    def complete(self, upload: Received) -> None:
        if upload.missing:
            detail = f"These parts are missing: {upload.missing[:20]}."
            return self.problem(409, "PARTS_MISSING", detail)
        if upload.status == "uploading":
            upload.status = "completed"
            whole = b"".join(content for _, content in sorted(upload.parts.items()))
            self.service.store(upload.file_id, whole)
        return self.json(200, self.upload_json(upload))

    def abort(self, upload: Received) -> None:
        if upload.status == "completed":
            return self.problem(409, "UPLOAD_FINISHED", "It is completed.")
        upload.status = "aborted"
        upload.parts.clear()
        return self.answer(204, b"")

    def put_part(self) -> None:
        upload = self.service.received[urlsplit(self.path).path.rpartition("/")[2]]
        number = int(query(self.path)["partNumber"])
        self.service.coming(1)
        content = self.take_body()
        self.service.part_came(number)
        self.service.coming(-1)
        if not self.service.signatures.holds(self.path):
            return self.expired()
        if upload.status != "uploading":
            return self.answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")
        if len(content) == upload.length(number) and number not in self.service.never_kept:
            upload.parts[number] = content
        return self.answer(200, b"")

    def expired(self) -> None:
        message = "<Code>AccessDenied</Code><Message>Request has expired</Message>"
        self.answer(403, f"<Error>{message}</Error>".encode())


def query(path: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
