"""A file on its way in: what was asked for before the first byte is sent, and how far it has come.

The name a person gave lives here and never in an S3 key; the key is made of the file id.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Protocol

from conversion import declared
from conversion.clock import expiry, has_passed, timestamp, utc_now
from conversion.conversion import Conversion
from conversion.errors import FileExpired, FileNotFound, UploadFinished
from conversion.fields import Item, flag, object_of
from conversion.parts import Cut

PREFIX = "uploads/"

_FIELDS = ("fileName", "bytes", "contentType", "conversions", "deleteAfterDownload")


class UploadStatus(StrEnum):
    """`uploading → completed | aborted`, and nothing back."""

    UPLOADING = "uploading"
    COMPLETED = "completed"
    ABORTED = "aborted"


@dataclass(frozen=True)
class Multipart:
    """The multipart upload S3 knows as `upload_id`: parts of `part_bytes`, the last one as long as
    what is left. `done` are the numbers of those known to be there; S3 knows better."""

    upload_id: str
    part_bytes: int
    done: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Upload:
    """`bytes` and `media_type` are what the client declared, and what its signed requests are held
    to. Without `multipart` it is one PUT. `owner` and `delete_after_download` are its jobs' too."""

    file_id: str
    file_name: str
    bytes: int
    media_type: str
    conversions: tuple[Conversion, ...]
    created_at: str
    expires_at: int
    status: UploadStatus = UploadStatus.UPLOADING
    multipart: Multipart | None = None
    owner: str | None = None
    delete_after_download: bool = False

    @property
    def key(self) -> str:
        return f"{PREFIX}{self.file_id}.{declared.suffix_of(self.file_name)}"

    @property
    def has_expired(self) -> bool:
        return has_passed(self.expires_at)

    @property
    def cut(self) -> Cut:
        """One part where there is no multipart upload."""
        return Cut(self.bytes, self.multipart.part_bytes if self.multipart else self.bytes)

    @property
    def bytes_received(self) -> int:
        if self.status is UploadStatus.COMPLETED:
            return self.bytes
        return self.cut.length_of(self.multipart.done) if self.multipart else 0

    @property
    def percent(self) -> float:
        """By bytes; 100 is said only of what is completed."""
        if self.status is UploadStatus.COMPLETED:
            return 100.0
        return min(99.9, round(100 * self.bytes_received / self.bytes, 1))

    @classmethod
    def from_request(
        cls,
        body: Any,
        max_bytes: int,
        retention_days: int,
        max_conversions: int = declared.MOST_CONVERSIONS,
        owner: str | None = None,
    ) -> Upload:
        """Read and check a request `{fileName, bytes, contentType?, conversions?,
        deleteAfterDownload?}`. A conversion is a `format` or a `preset`, and what
        conversion/conversion.py takes beside it.

        Raises InvalidRequest, UnsupportedMediaType (415), EmptyUpload, UploadTooLarge (413) or
        UnsupportedOutputFormat; each says what to send instead.
        """
        body = object_of(body, "An upload", _FIELDS)
        now = utc_now()
        return cls(
            file_id=uuid.uuid4().hex,
            file_name=declared.file_name(body.get("fileName")),
            bytes=declared.length(body.get("bytes"), max_bytes),
            media_type=declared.media_type(body.get("contentType")),
            conversions=declared.conversions(body.get("conversions", []), max_conversions),
            created_at=timestamp(now),
            expires_at=expiry(now, retention_days),
            owner=owner,
            delete_after_download=flag(body, "deleteAfterDownload") or False,
        )

    def to_item(self) -> Item:
        """The numbers of the parts by themselves and as a set, which is added to in one write; one
        that is empty cannot be kept."""
        done = self.multipart.done if self.multipart else frozenset[int]()
        return ({"partsDone": set(done)} if done else {}) | {
            "fileId": self.file_id,
            "fileName": self.file_name,
            "bytes": self.bytes,
            "mediaType": self.media_type,
            "conversions": [each.to_item() for each in self.conversions],
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
            "status": self.status.value,
            "uploadId": self.multipart and self.multipart.upload_id,
            "partBytes": self.multipart and self.multipart.part_bytes,
            "owner": self.owner,
            "deleteAfterDownload": self.delete_after_download,
        }

    @classmethod
    def from_item(cls, item: Item) -> Upload:
        """A record of an older version is of one PUT, and says nothing of how far it is."""
        return cls(
            file_id=item["fileId"],
            file_name=item["fileName"],
            bytes=item["bytes"],
            media_type=item["mediaType"],
            conversions=tuple(Conversion.from_item(each) for each in item["conversions"]),
            created_at=item["createdAt"],
            expires_at=item["expiresAt"],
            status=UploadStatus(item.get("status", UploadStatus.UPLOADING)),
            multipart=_multipart(item) if item.get("uploadId") else None,
            owner=item.get("owner"),
            delete_after_download=item.get("deleteAfterDownload", False),
        )


def _multipart(item: Item) -> Multipart:
    return Multipart(item["uploadId"], item["partBytes"], frozenset(item.get("partsDone", ())))


class UploadStore(Protocol):
    """The contract of an upload store; conversion/stores/uploads.py keeps it in DynamoDB.

    Every change is one conditional write: of those that complete an upload and those that abort it,
    at the same moment or after the other's answer was lost, one kind wins for good.
    """

    def put(self, upload: Upload) -> None: ...

    def find(self, file_id: str, expired_too: bool = False) -> Upload | None:
        """The upload, or None when there is none or, unless `expired_too`, it has expired."""
        ...

    def acknowledge(
        self, file_id: str, parts: Collection[int], lost: Collection[int] = ()
    ) -> Upload:
        """Remember that these parts are there, and that the lost ones are not: one at least of
        either. Twice is as once.

        Raises FileNotFound, FileExpired, or UploadFinished when it is completed or aborted.
        """
        ...

    def complete(self, file_id: str, retention_days: int) -> Upload:
        """The file is there, and is kept for so many days from now on. Twice is as once. Raises as
        `acknowledge` does when it was aborted."""
        ...

    def abort(self, file_id: str) -> Upload:
        """Twice is as once. Raises as `acknowledge` does when it was completed."""
        ...

    def count_open(self, most: int) -> int:
        """How many uploads were asked for within the last day and are neither completed nor
        aborted, counted no further than `most`. One that takes longer, or is resumed after days, is
        not counted and goes on all the same: what was asked for and never sent must not keep others
        out for as long as anything is kept."""
        ...

    def remove(self, file_id: str) -> bool:
        """Delete the record of an upload that has expired; False when it has not, or is gone."""
        ...


def no_such_file(file_id: str) -> FileNotFound:
    return FileNotFound(f"There is no file {file_id}; upload it again, it may have expired.")


def expired(file_id: str) -> FileExpired:
    return FileExpired(f"File {file_id} has expired; upload it again.")


def finished(upload: Upload) -> UploadFinished:
    if upload.status is not UploadStatus.COMPLETED:
        return UploadFinished(f"Upload {upload.file_id} is {upload.status}; ask for another one.")
    until = timestamp(datetime.fromtimestamp(upload.expires_at, UTC))
    return UploadFinished(
        f"Upload {upload.file_id} is completed: nothing more can be sent or taken back, and the "
        f"file goes by itself when it expires, at {until}."
    )


def file_id_of(key: str) -> str:
    """The file id in `uploads/{fileId}.{ext}`; for an object dropped there under a name of its own,
    that name without its suffix, which no upload record answers to."""
    name = key.removeprefix(PREFIX)
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix)
