"""A batch as it is asked for: which files, what to make of each, and whether to make it at all.

It is one execution of statemachine/batch.asl.json, named by the batch's id; what is written here
as an item is its input, and all that there is to remember of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conversion import declared
from conversion.batches.sources import Place, check_allowed
from conversion.conversion import Conversion
from conversion.errors import InvalidRequest
from conversion.fields import Item, flag, object_of

# Where results are written, and where the bucket's owner may put a list of keys of their own.
PREFIX = "batches/"

_FIELDS = ("source", "manifest", "conversions", "dryRun")
# Files that one child execution works on. With more, one slow conversion keeps the others' results
# waiting; with fewer, each file costs more state transitions ($25 a million).
_FILES_EACH = 10
# To look is quicker. A child's input has at most 256 KiB (Step Functions quotas), a key 1 KiB.
_LOOKED_AT_EACH = 200
_LOOKS_AT_ONCE = 40
# Child executions of one Map Run at once (Step Functions quotas: 10,000); each holds an invocation
# of a function now and then, and an account has 1,000 of those at once (Lambda quotas).
_MOST_AT_ONCE = 500


class Reader(StrEnum):
    """What the state machine reads the files' keys from."""

    LISTING = "listing"
    INVENTORY = "inventory"
    KEYS = "keys"


@dataclass(frozen=True)
class Batch:
    """`at` is a prefix for a listing, else the key of the inventory's manifest or of the list."""

    reader: Reader
    at: Place
    conversions: tuple[Conversion, ...]
    dry_run: bool
    owner: str | None

    @classmethod
    def from_request(
        cls,
        body: Any,
        allowed: Collection[Place],
        own_bucket: str,
        max_conversions: int,
        owner: str | None,
    ) -> Batch:
        """Read `{source | manifest, conversions, dryRun?}`. Raises InvalidRequest,
        UnsupportedOutputFormat or SourceNotAllowed, each with what to send instead."""
        body = object_of(body, "A batch", _FIELDS)
        if (body.get("source") is None) is (body.get("manifest") is None):
            raise InvalidRequest(
                'A batch has either a "source", like "s3://bucket/prefix/", or a "manifest": the '
                "manifest.json of an S3 Inventory, or a .csv with a bucket and a key a line."
            )
        conversions = declared.conversions(body.get("conversions", []), max_conversions)
        if not conversions:
            raise InvalidRequest('"conversions" says what to make, like [{"format": "mp3"}].')
        reader, at = _where(body, allowed, own_bucket)
        return cls(reader, at, conversions, flag(body, "dryRun") or False, owner)

    def to_item(self, most_jobs: int) -> Item:
        """The execution's input. `most_jobs`: how many jobs of the batch may be there, waiting or
        running, at the same time."""
        each = _LOOKED_AT_EACH if self.dry_run else _FILES_EACH
        at_once = most_jobs // (_FILES_EACH * len(self.conversions))
        return {
            "reader": self.reader.value,
            "bucket": self.at.bucket,
            "at": self.at.prefix,
            "filesEach": each,
            "atOnce": _LOOKS_AT_ONCE if self.dry_run else min(max(at_once, 1), _MOST_AT_ONCE),
            "asked": {
                "bucket": self.at.bucket,
                "reader": self.reader.value,
                "conversions": [each.to_item() for each in self.conversions],
                "dryRun": self.dry_run,
                "owner": self.owner,
            },
        }

    @classmethod
    def from_item(cls, item: Item) -> Batch:
        asked = item["asked"]
        return cls(
            Reader(item["reader"]),
            Place(item["bucket"], item["at"]),
            tuple(Conversion.from_item(each) for each in asked["conversions"]),
            asked["dryRun"],
            asked["owner"],
        )


def share_of(max_waiting: int) -> int:
    """How many of the places to wait in all batches may fill; the other half is for those who
    upload meanwhile."""
    return max_waiting // 2


def room_for(max_running: int, max_waiting: int) -> int:
    """How many jobs one batch may have at a time: enough to keep every slot busy, and its share of
    the places to wait in."""
    return max_running + share_of(max_waiting)


def _where(body: Item, allowed: Collection[Place], own_bucket: str) -> tuple[Reader, Place]:
    own_uploads, own_lists = Place(own_bucket, "uploads/"), Place(own_bucket, PREFIX)
    if body.get("source") is not None:
        at = Place.from_url(body["source"], "source")
        check_allowed(at, (*allowed, own_uploads), "source")
        return Reader.LISTING, at
    at = Place.from_url(body["manifest"], "manifest")
    check_allowed(at, (*allowed, own_lists), "manifest")
    if at.prefix.endswith("manifest.json"):
        return Reader.INVENTORY, at
    if at.prefix.endswith(".csv"):
        return Reader.KEYS, at
    raise InvalidRequest(
        '"manifest" is the manifest.json of an S3 Inventory in CSV, or a .csv with a bucket and a '
        "URL-encoded key a line, as S3 Batch Operations takes it."
    )
