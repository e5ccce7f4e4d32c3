"""Uploads that were asked for, in DynamoDB.

Permissions: PutItem (put), GetItem (find), DeleteItem (remove). Leaves behind: items that TTL
removes after `expiresAt`.
"""

from __future__ import annotations

from typing import Any

from conversion.clock import utc_now
from conversion.stores.attributes import (
    ConditionFailed,
    can_be_key,
    dynamodb_errors,
    found,
    to_attributes,
)
from conversion.uploads import Upload


class Uploads:
    """A `conversion.uploads.UploadStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, upload: Upload) -> None:
        with dynamodb_errors():
            self._client.put_item(TableName=self._table, Item=to_attributes(upload.to_item()))

    def find(self, file_id: str, expired_too: bool = False) -> Upload | None:
        if not can_be_key(file_id):
            return None
        with dynamodb_errors():
            item = found(
                self._client.get_item(TableName=self._table, Key=_key(file_id), ConsistentRead=True)
            )
        if item is None:
            return None
        upload = Upload.from_item(item)
        return None if upload.has_expired and not expired_too else upload

    def remove(self, file_id: str) -> bool:
        if not can_be_key(file_id):
            return False
        try:
            with dynamodb_errors():
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(file_id),
                    ConditionExpression="expiresAt <= :seconds",
                    ExpressionAttributeValues=to_attributes({":seconds": utc_now().timestamp()}),
                )
        except ConditionFailed:
            return False
        return True


def _key(file_id: str) -> dict[str, Any]:
    return to_attributes({"fileId": file_id})
