"""One file of a batch, as the listing, the inventory or the list of keys tells of it, and whether
it can be converted at all.

A file that cannot is skipped, with a code of conversion/errors.py or one of those here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote_plus

from conversion import declared
from conversion.batches.request import Reader
from conversion.batches.sources import Place
from conversion.conversion import Conversion
from conversion.errors import EmptyUpload, RequestError, SourceNotAllowed

# CopyObject copies up to 5 GB (Amazon S3 API reference), which its quotas page gives as 5 GiB.
MOST_COPIED_BYTES = 5 * 1024**3

# Why a file is skipped, beside what an upload would be refused with.
ARCHIVED, FORBIDDEN, NOT_CURRENT = "SOURCE_ARCHIVED", "SOURCE_FORBIDDEN", "NOT_CURRENT"
# What must be restored before it can be read ("Storage classes", Amazon S3 user guide); the class
# stays what it is when that is done.
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")


class OutOfReach(Exception):
    """S3 does not let us read the file; `code` says why. The next may be another matter."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Found:
    """`etag` (unquoted) and `bytes` are None where the list says nothing of them."""

    bucket: str
    key: str
    etag: str | None = None
    bytes: int | None = None
    skipped: str | None = None
    is_archived: bool = False

    @property
    def file_name(self) -> str:
        """Raises InvalidRequest or UnsupportedMediaType, as for an upload of that name."""
        return declared.file_name(PurePosixPath(self.key).name)

    @classmethod
    def from_row(cls, reader: Reader, bucket: str, row: dict[str, Any]) -> Found:
        """As the Map state reads it ("ItemReader", Step Functions guide): a listing's sizes are
        numbers, all of a CSV file is text, and its keys are URL-encoded ("Amazon S3 Inventory
        lists" and "Specifying a manifest", Amazon S3 user guide)."""
        is_listing = reader is Reader.LISTING
        etag, length = row.get("Etag") or row.get("ETag"), str(row.get("Size", ""))
        return cls(
            # Spreadsheets begin a file with a byte order mark.
            bucket=bucket if is_listing else row["Bucket"].removeprefix("\ufeff"),
            key=row["Key"] if is_listing else unquote_plus(row["Key"]),
            etag=etag.strip('"') if etag else None,
            bytes=int(length) if length.isdecimal() else None,
            skipped=None if _is_current(row) else NOT_CURRENT,
            is_archived=row.get("StorageClass") in ARCHIVES,
        )

    def refusal(self, allowed: Collection[Place], most_bytes: int) -> str | None:
        """Why it cannot be converted; None when nothing that is known speaks against it."""
        if self.skipped:
            return self.skipped
        try:
            self._check(allowed, most_bytes)
        except RequestError as refused:
            return refused.code
        return None

    def file_id(self, conversions: Sequence[Conversion], owner: str | None) -> str:
        """The same for the same content under the same key, asked for by the same caller to be made
        into the same, in any order: a batch that is repeated finds what it made."""
        made = sorted(each.identity for each in conversions)
        what = [self.bucket, self.key, self.etag, made, owner]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]

    def _check(self, allowed: Collection[Place], most_bytes: int) -> None:
        if not any(each.holds(self.bucket, self.key) for each in allowed):
            raise SourceNotAllowed(f"{self.bucket} is not among the sources.")
        if self.key.endswith("/"):
            raise EmptyUpload("It is a folder.")
        _ = self.file_name
        if self.bytes is not None:
            declared.length(self.bytes, most_bytes)


def _is_current(row: dict[str, Any]) -> bool:
    """Inventories may list old versions and delete markers."""
    return row.get("IsLatest") != "false" and row.get("IsDeleteMarker") != "true"
