"""Uploads that were asked for, in DynamoDB, every change a conditional write.

A record of an older version has no `status`: it counts as one that is uploading. It is in no index,
so that it is not counted among the open ones.

Permissions: PutItem (put), GetItem (find), UpdateItem (acknowledge, complete, abort), Query on the
index (count_open), DeleteItem (remove). Leaves behind: items that TTL removes after `expiresAt`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from conversion.clock import expiry, timestamp, utc_now
from conversion.errors import RequestError
from conversion.fields import Item
from conversion.stores.attributes import (
    ConditionFailed,
    can_be_key,
    dynamodb_errors,
    found,
    from_attributes,
    to_attributes,
)
from conversion.uploads import Upload, UploadStatus, expired, finished, no_such_file

BY_STATUS = "byStatus"

# How long an upload that nobody completes or aborts takes the room of another. The least that a
# deployment keeps anything is a day, so that none of these has expired.
_COUNTED_FOR = timedelta(days=1)

_NAMES = {"#status": "status"}
_OPEN = (
    "attribute_exists(fileId) AND expiresAt > :seconds "
    "AND (attribute_not_exists(#status) OR #status = :uploading)"
)


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

    def acknowledge(
        self, file_id: str, parts: Collection[int], lost: Collection[int] = ()
    ) -> Upload:
        """Two writes where there is both: none adds to a set and takes from it."""
        try:
            if lost:
                upload = self._change(file_id, "DELETE partsDone :parts", {":parts": set(lost)})
                if not parts:
                    return upload
            return self._change(file_id, "ADD partsDone :parts", {":parts": set(parts)})
        except ConditionFailed as failed:
            raise _refusal(file_id, failed.item) from None

    def complete(self, file_id: str, retention_days: int) -> Upload:
        update = "SET #status = :completed, expiresAt = :expires"
        values = {":expires": expiry(utc_now(), retention_days)}
        return self._finish(file_id, UploadStatus.COMPLETED, update, values)

    def abort(self, file_id: str) -> Upload:
        return self._finish(file_id, UploadStatus.ABORTED, "SET #status = :aborted", {})

    def count_open(self, most: int) -> int:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": BY_STATUS,
            "Select": "COUNT",
            "KeyConditionExpression": "#status = :uploading AND createdAt > :since",
            "ExpressionAttributeNames": _NAMES,
            "ExpressionAttributeValues": to_attributes(
                _uploading() | {":since": timestamp(utc_now() - _COUNTED_FOR)}
            ),
        }
        counted = 0
        while counted < most:
            with dynamodb_errors():
                answer = self._client.query(**asked, Limit=most - counted)
                counted += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                break
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return counted

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

    def _finish(self, file_id: str, finished: UploadStatus, update: str, values: Item) -> Upload:
        try:
            return self._change(file_id, update, values | {f":{finished.value}": finished.value})
        except ConditionFailed as failed:
            if failed.item and failed.item.get("status") == finished.value:
                return Upload.from_item(failed.item)
            raise _refusal(file_id, failed.item) from None

    def _change(self, file_id: str, update: str, values: Item) -> Upload:
        """The upload as the write has left it. Raises ConditionFailed when it is not open."""
        if not can_be_key(file_id):
            raise ConditionFailed(None)
        open_values = _uploading() | {":seconds": utc_now().timestamp()}
        with dynamodb_errors():
            attributes = self._client.update_item(
                TableName=self._table,
                Key=_key(file_id),
                UpdateExpression=update,
                ConditionExpression=_OPEN,
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues=to_attributes(values | open_values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        return Upload.from_item(from_attributes(attributes))


def _refusal(file_id: str, item: Item | None) -> RequestError:
    """Why an upload that is not open cannot be changed."""
    if item is None:
        return no_such_file(file_id)
    upload = Upload.from_item(item)
    return expired(file_id) if upload.has_expired else finished(upload)


def _uploading() -> Item:
    return {":uploading": UploadStatus.UPLOADING.value}


def _key(file_id: str) -> dict[str, Any]:
    return to_attributes({"fileId": file_id})
