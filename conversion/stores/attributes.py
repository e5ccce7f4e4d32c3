"""Items to DynamoDB's typed attributes and back, and its errors into our tree.

boto3's serialiser does the work; it takes Decimals for floats and gives Decimals for every number,
which nothing outside this folder should have to know.

An answer can also break off. http.client takes half a head for a whole one, and out of half a body
botocore reads an empty object: of a write without what it wrote, of a read without what it found,
of an error without its reason. None of these may pass for an answer.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from conversion.errors import RecordsUnavailable
from conversion.stores.answers import code_of, outages

_serialise = TypeSerializer().serialize
_deserialise = TypeDeserializer().deserialize


def to_attributes(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _serialise(_storable(value)) for name, value in item.items()}


def from_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(_deserialise(value)) for name, value in attributes.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {name: _storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, set):
        return {_plain(each) for each in value}
    return value


def can_be_key(value: str) -> bool:
    """Whether an item of this key could exist: 1 to 2,048 bytes of UTF-8 (DynamoDB quotas). What
    cannot exist is not found; asked for, DynamoDB would call it an error."""
    try:
        return 1 <= len(value.encode()) <= 2048
    except UnicodeEncodeError:
        return False


class ConditionFailed(Exception):
    """A conditional write did not hold; `item` is what stood there, None when nothing did."""

    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__("a conditional write did not hold")
        self.item = item


def found(answer: dict[str, Any]) -> dict[str, Any] | None:
    """The item of a GetItem; None when there is none. To be called inside `dynamodb_errors`.

    "None" is believed only where DynamoDB's checksum says that it is what was sent: botocore does
    not hold a body to its length (its httpsession.py), and a job could be called unknown that is
    not.
    """
    if "Item" in answer:
        return from_attributes(answer["Item"])
    if answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-crc32") != _CRC32_OF_NOTHING:
        raise RecordsUnavailable("DynamoDB's answer broke off; try again.")
    return None


_CRC32_OF_NOTHING = str(zlib.crc32(b"{}"))


@contextmanager
def dynamodb_errors() -> Generator[None]:
    """Raise ConditionFailed for a failed condition, RecordsUnavailable for everything that is
    left after botocore's own retries; programming errors (validation, access) stay as they are."""
    try:
        with outages("DynamoDB", RecordsUnavailable, _PASSING, numbers=True):
            yield
    except ClientError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise
        item = error.response.get("Item")
        raise ConditionFailed(from_attributes(item) if item else None) from error


# "Error handling with DynamoDB", the errors marked OK to retry.
_PASSING = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
    }
)
