"""Progress in DynamoDB: fenced by attempt, never falling.

Beside what is shown, a record counts what its attempts have run: `runSeconds` of the one that
reports, `spentSeconds` of all before it.

Permissions: UpdateItem (begin, report), BatchGetItem (read), GetItem (seconds_run), DeleteItem
(remove). Leaves behind: items that TTL removes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conversion.clock import expiry, timestamp, utc_now
from conversion.errors import SupersededAttempt
from conversion.fields import Item
from conversion.progress import Mark, Progress, Stage
from conversion.stores.attributes import (
    ConditionFailed,
    can_be_key,
    dynamodb_errors,
    found,
    from_attributes,
    to_attributes,
)
from conversion.stores.batches import read_batches

# What is read: a whole progress, without what only the writing needs.
_NAMES = ("jobId", *Progress(0, Stage.QUEUED).to_item())
_SHOWN = {
    "ProjectionExpression": ", ".join(f"#{name}" for name in _NAMES),
    "ExpressionAttributeNames": {f"#{name}": name for name in _NAMES},
}

# Nobody writes here while a job waits for capacity, two days at most (`TimeoutSeconds` of the state
# machine). Its record is kept alive meanwhile; the percent that was shown must not go before it.
_WAITING_DAYS = 3


@dataclass(frozen=True)
class Record:
    """What stands in the table after a write."""

    progress: Progress
    seconds_spent: float

    @classmethod
    def from_item(cls, item: Item) -> Record:
        return cls(Progress.from_item(item), float(item.get("spentSeconds", 0)))

    @property
    def mark(self) -> Mark:
        return Mark(self.progress.percent, self.seconds_spent)


class ProgressTable:
    """A `conversion.progress.ProgressStore`."""

    def __init__(self, client: Any, table: str, retention_days: int = 7) -> None:
        self._client = client
        self._table = table
        self._days = retention_days + _WAITING_DAYS

    def begin(self, job_id: str, attempt: int) -> Mark:
        return self.take(job_id, attempt).mark

    def report(self, job_id: str, progress: Progress) -> None:
        self.write(job_id, progress)

    def take(self, job_id: str, attempt: int) -> Record:
        """`begin`, and the record as it stands. What the attempt before has run is added to what
        was spent; an attempt that begins again, its answer lost, finds that done."""
        stage = Stage.STARTING if attempt == 1 else Stage.RESTARTING
        return self._write(
            job_id,
            "SET attempt = :attempt, stage = :stage, updatedAt = :now, expiresAt = :expires, "
            "#percent = if_not_exists(#percent, :zero), "
            "spentSeconds = if_not_exists(spentSeconds, :zero) + if_not_exists(runSeconds, :zero), "
            "runSeconds = :zero REMOVE speed, etaSeconds",
            "attribute_not_exists(attempt) OR attempt < :attempt",
            {":attempt": attempt, ":stage": stage.value, ":zero": 0},
            {"#percent": "percent"},
        )

    def write(self, job_id: str, progress: Progress) -> Record:
        """`report`, and the record as it stands: a report that was dropped is not in it."""
        item = progress.to_item()
        item.pop("updatedAt")
        return self._write(
            job_id,
            "SET updatedAt = :now, expiresAt = :expires, "
            + ", ".join(f"#{name} = :{name}" for name in item),
            "attempt = :attempt AND #percent <= :percent",
            {f":{name}": value for name, value in item.items()},
            {f"#{name}": name for name in item},
        )

    def seconds_run(self, job_id: str) -> float:
        """By all attempts of the job together, as far as they have reported."""
        with dynamodb_errors():
            item = found(
                self._client.get_item(
                    TableName=self._table,
                    Key=to_attributes({"jobId": job_id}),
                    ConsistentRead=True,
                )
            )
        names = ("runSeconds", "spentSeconds")
        return sum(float((item or {}).get(name) or 0) for name in names)

    def read(self, job_ids: Iterable[str]) -> dict[str, Progress]:
        keys = [_key(each) for each in dict.fromkeys(job_ids) if can_be_key(each)]
        items = read_batches(self._client, self._table, keys, **_SHOWN)
        return {item["jobId"]: Progress.from_item(item) for item in items}

    def remove(self, job_id: str) -> None:
        with dynamodb_errors():
            self._client.delete_item(TableName=self._table, Key=_key(job_id))

    def _write(
        self, job_id: str, update: str, condition: str, values: Item, names: dict[str, str]
    ) -> Record:
        now = utc_now()
        values = values | {":now": timestamp(now), ":expires": expiry(now, self._days)}
        try:
            with dynamodb_errors():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(job_id),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=to_attributes(values),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
                return Record.from_item(from_attributes(answer["Attributes"]))
        except ConditionFailed as failed:
            if failed.item is None or failed.item["attempt"] != values[":attempt"]:
                raise SupersededAttempt(
                    f"Attempt {values[':attempt']} may not report on job {job_id} any more."
                ) from None
            return Record.from_item(failed.item)


def _key(job_id: str) -> Item:
    return to_attributes({"jobId": job_id})
