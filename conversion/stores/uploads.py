"""Uploads that were asked for, in DynamoDB.

Permissions: PutItem (put), GetItem (get). Leaves behind: items that TTL removes after `expiresAt`.
"""

from __future__ import annotations

from typing import Any

from conversion.stores.attributes import (
    can_be_key,
    dynamodb_errors,
    from_attributes,
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

    def find(self, file_id: str) -> Upload | None:
        if not can_be_key(file_id):
            return None
        with dynamodb_errors():
            answer = self._client.get_item(
                TableName=self._table, Key=to_attributes({"fileId": file_id}), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        upload = Upload.from_item(from_attributes(answer["Item"]))
        return None if upload.has_expired else upload
