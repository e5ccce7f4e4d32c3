"""Where a batch may take files from: the buckets and prefixes that the deployment was given, and
nothing else, whatever a request, a manifest or an inventory names."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from conversion.errors import InvalidRequest, SourceNotAllowed

# "Bucket naming rules", Amazon S3 user guide.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# "Naming Amazon S3 objects", ibid.
_MOST_KEY_BYTES = 1024


@dataclass(frozen=True)
class Place:
    """A bucket, and the beginning of the keys that are meant; of a file, its key."""

    bucket: str
    prefix: str = ""

    def holds(self, bucket: str, key: str) -> bool:
        return bucket == self.bucket and key.startswith(self.prefix)

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @classmethod
    def from_url(cls, url: Any, field: str) -> Place:
        """Read `s3://bucket/prefix`. Raises InvalidRequest."""
        text = url if isinstance(url, str) else ""
        bucket, _, prefix = text.removeprefix("s3://").partition("/")
        wrong = not text.startswith("s3://") or not _BUCKET.fullmatch(bucket)
        if wrong or len(prefix.encode(errors="replace")) > _MOST_KEY_BYTES:
            raise InvalidRequest(f'"{field}" is an address like "s3://bucket/prefix/".')
        return cls(bucket, prefix)

    @classmethod
    def from_option(cls, text: str) -> Place:
        """Read `bucket` or `bucket/prefix`, as the option `batchSources` lists them."""
        bucket, _, prefix = text.strip().partition("/")
        return cls(bucket, prefix)


def places(listed: str) -> tuple[Place, ...]:
    """Of the option, with commas between them."""
    return tuple(Place.from_option(each) for each in listed.split(",") if each.strip())


def check_allowed(asked: Place, allowed: Collection[Place], field: str) -> None:
    """Raises SourceNotAllowed when not all that is asked for is within one of the allowed."""
    if any(each.holds(asked.bucket, asked.prefix) for each in allowed):
        return
    known = ", ".join(each.url for each in allowed)
    raise SourceNotAllowed(
        f'"{field}" is not among what this deployment may read in batches: {known}. Ask for one of '
        "these, or deploy with another -c batchSources=bucket/prefix."
    )
