"""Progress in DynamoDB: fenced by attempt, never falling.

Permissions: UpdateItem (begin, report), BatchGetItem (read). Leaves behind: items that TTL removes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conversion.clock import expiry, timestamp, utc_now
from conversion.errors import RecordsUnavailable, SupersededAttempt
from conversion.fields import Item
from conversion.progress import Progress, Stage
from conversion.stores.attributes import (
    ConditionFailed,
    dynamodb_errors,
    from_attributes,
    to_attributes,
)

# BatchGetItem takes at most 100 keys (DynamoDB API reference).
_BATCH = 100


class ProgressTable:
    """A `conversion.progress.ProgressStore`."""

    def __init__(self, client: Any, table: str, retention_days: int = 7) -> None:
        self._client = client
        self._table = table
        self._retention_days = retention_days

    def begin(self, job_id: str, attempt: int) -> float:
        stage = Stage.STARTING if attempt == 1 else Stage.RESTARTING
        stands = self._write(
            job_id,
            "SET attempt = :attempt, stage = :stage, updatedAt = :now, expiresAt = :expires, "
            "#percent = if_not_exists(#percent, :zero) REMOVE speed, etaSeconds",
            "attribute_not_exists(attempt) OR attempt <= :attempt",
            {":attempt": attempt, ":stage": stage.value, ":zero": 0},
            {"#percent": "percent"},
        )
        return float(stands["percent"])

    def report(self, job_id: str, progress: Progress) -> None:
        item = progress.to_item()
        item.pop("updatedAt")
        self._write(
            job_id,
            "SET updatedAt = :now, expiresAt = :expires, "
            + ", ".join(f"#{name} = :{name}" for name in item),
            "attempt = :attempt AND #percent <= :percent",
            {f":{name}": value for name, value in item.items()},
            {f"#{name}": name for name in item},
        )

    def read(self, job_ids: Iterable[str]) -> dict[str, Progress]:
        wanted = list(dict.fromkeys(job_ids))
        items: list[Item] = []
        for start in range(0, len(wanted), _BATCH):
            items += self._read_batch(wanted[start : start + _BATCH])
        return {item["jobId"]: Progress.from_item(item) for item in items}

    def _read_batch(self, job_ids: list[str]) -> list[Item]:
        keys = [to_attributes({"jobId": job_id}) for job_id in job_ids]
        with dynamodb_errors():
            answer = self._client.batch_get_item(
                RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}}
            )
        if answer.get("UnprocessedKeys"):
            raise RecordsUnavailable("DynamoDB read only a part of the progress asked for.")
        return [from_attributes(each) for each in answer["Responses"].get(self._table, [])]

    def _write(
        self, job_id: str, update: str, condition: str, values: Item, names: dict[str, str]
    ) -> Item:
        now = utc_now()
        values = values | {":now": timestamp(now), ":expires": expiry(now, self._retention_days)}
        try:
            with dynamodb_errors():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=to_attributes({"jobId": job_id}),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=to_attributes(values),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailed as failed:
            if failed.item is None or failed.item["attempt"] != values[":attempt"]:
                raise SupersededAttempt(
                    f"Attempt {values[':attempt']} may not report on job {job_id} any more."
                ) from None
            return failed.item
        return from_attributes(answer["Attributes"])
