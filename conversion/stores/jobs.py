"""Jobs in DynamoDB, every change a conditional write.

Permissions: PutItem (put_if_absent), GetItem (get), BatchGetItem (standings), Query on the indexes
(of_file, of_status), UpdateItem (claim, complete, fail, give_up, record_cost, cancel,
keep_alive), DeleteItem
(remove). Leaves behind: items that TTL removes after `expiresAt`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from conversion.cost import Cost
from conversion.fields import Item
from conversion.job import Job, Standing, Status
from conversion.outcome import Failure, Output
from conversion.stores import job_changes
from conversion.stores.attributes import (
    ConditionFailed,
    can_be_key,
    dynamodb_errors,
    found,
    from_attributes,
    to_attributes,
)
from conversion.stores.batches import read_batches
from conversion.stores.job_changes import Change
from conversion.stores.job_refusals import (
    cancelled_before,
    expired,
    is_done,
    not_found,
    unclaimable,
    unfinishable,
)

log = logging.getLogger(__name__)

BY_FILE = "byFile"
BY_STATUS = "byStatus"

# What a standing is made of: the rest of a record needs not travel, although DynamoDB charges for
# the whole item ("Capacity unit consumption for reads", DynamoDB developer guide). `output` is null
# until there is one, and moto cannot follow a path into that.
_OF_A_STANDING = {
    "ProjectionExpression": (
        "jobId, #status, attempt, updatedAt, expiresAt, #source.#bytes, #output, failure"
    ),
    "ExpressionAttributeNames": {
        "#status": "status",
        "#source": "source",
        "#output": "output",
        "#bytes": "bytes",
    },
}

# Whoever asks for the oldest jobs of a status often wants a few of thousands: a page is about what
# one Query reads for 12 read units, where the 1 MB of a full one would cost 128.
_PAGE = 100


class Jobs:
    """A `conversion.job_store.JobStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put_if_absent(self, job: Job) -> bool:
        try:
            with dynamodb_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item=to_attributes(job.to_item()),
                    ConditionExpression="attribute_not_exists(jobId)",
                )
        except ConditionFailed:
            return False
        return True

    def get(self, job_id: str) -> Job:
        item = self._read(job_id) if can_be_key(job_id) else None
        if item is None:
            raise not_found(job_id)
        job = Job.from_item(item)
        if job.has_expired:
            raise expired(job_id)
        return job

    def _read(self, job_id: str) -> Item | None:
        with dynamodb_errors():
            return found(
                self._client.get_item(TableName=self._table, Key=_key(job_id), ConsistentRead=True)
            )

    def standings(self, job_ids: Iterable[str]) -> dict[str, Standing]:
        """Consistent reads: of a completed job, a replica that lags would show 99 percent again."""
        keys = [_key(each) for each in dict.fromkeys(job_ids) if can_be_key(each)]
        items = read_batches(self._client, self._table, keys, **_OF_A_STANDING)
        standings = [_standing(item) for item in items]
        return {each.job_id: each for each in standings if not each.has_expired}

    def of_file(self, file_id: str) -> list[Job]:
        if not can_be_key(file_id):
            return []
        jobs = (_job(each) for each in self._indexed(BY_FILE, "fileId", file_id))
        return [job for job in jobs if not job.has_expired]

    def of_status(self, status: Status) -> Iterator[Job]:
        """Without what this release cannot read (another one wrote it): it must not stand in the
        way of all that come behind it. Whoever deletes what nobody wants asks `of_file`, too."""
        for each in self._indexed(BY_STATUS, "status", status.value):
            try:
                job = _job(each)
            except Exception:  # of whatever kind: the record is as it is
                log.exception("a job's record cannot be read", extra={"job_id": each["jobId"]["S"]})
            else:
                yield job

    def _indexed(self, index: str, key: str, value: str) -> Iterator[dict[str, Any]]:
        """Ascending by the index's sort key, `createdAt`."""
        pages = iter(
            self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=index,
                KeyConditionExpression="#key = :value",
                ExpressionAttributeNames={"#key": key},
                ExpressionAttributeValues=to_attributes({":value": value}),
                PaginationConfig={"PageSize": _PAGE},
            )
        )
        while True:
            with dynamodb_errors():
                page = next(pages, None)
                items = [] if page is None else page["Items"]
            if page is None:
                return
            yield from items

    def claim(self, job_id: str, retention_days: int, redrive: int = 0) -> Job:
        try:
            return self._change(job_id, job_changes.claiming(retention_days, redrive))
        except ConditionFailed as failed:
            raise unclaimable(job_id, redrive, failed.item) from None

    def complete(self, job_id: str, attempt: int, output: Output, cost: Cost | None = None) -> None:
        self._finish(job_id, attempt, job_changes.completing(attempt, output, cost))

    def fail(self, job_id: str, attempt: int, failure: Failure, cost: Cost | None = None) -> None:
        self._finish(job_id, attempt, job_changes.failing(attempt, failure, cost))

    def _finish(self, job_id: str, attempt: int, change: Change) -> None:
        """Our own outcome written twice is no error: the answer to the first write was lost."""
        try:
            self._change(job_id, change)
        except ConditionFailed as failed:
            if not is_done(change, attempt, failed.item):
                raise unfinishable(job_id, attempt, failed.item) from None

    def give_up(self, job_id: str, attempt: int, failure: Failure) -> bool:
        return self._changed(job_id, job_changes.giving_up(attempt, failure))

    def record_cost(self, job_id: str, cost: Cost) -> bool:
        return self._changed(job_id, job_changes.costing(cost))

    def cancel(self, job_id: str) -> Job:
        if not can_be_key(job_id):
            raise not_found(job_id)
        try:
            return self._change(job_id, job_changes.cancelling())
        except ConditionFailed as failed:
            return cancelled_before(job_id, failed.item)

    def keep_alive(self, job_id: str, retention_days: int) -> None:
        self._changed(job_id, job_changes.keeping_alive(retention_days))

    def remove(self, job_id: str) -> bool:
        change = job_changes.removing()
        try:
            with dynamodb_errors():
                self._client.delete_item(
                    TableName=self._table, Key=_key(job_id), **_conditions(change)
                )
        except ConditionFailed:
            return False
        return True

    def _changed(self, job_id: str, change: Change) -> bool:
        try:
            self._change(job_id, change)
        except ConditionFailed:
            return False
        return True

    def _change(self, job_id: str, change: Change) -> Job:
        """The job as the write has left it."""
        with dynamodb_errors():
            attributes = self._client.update_item(
                TableName=self._table,
                Key=_key(job_id),
                UpdateExpression=change.update,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **_conditions(change),
            )["Attributes"]
        return Job.from_item(from_attributes(attributes))


def _job(attributes: dict[str, Any]) -> Job:
    return Job.from_item(from_attributes(attributes))


def _key(job_id: str) -> dict[str, Any]:
    return to_attributes({"jobId": job_id})


def _conditions(change: Change) -> dict[str, Any]:
    return {
        "ConditionExpression": change.condition,
        "ExpressionAttributeNames": change.names,
        "ExpressionAttributeValues": to_attributes(change.values),
    }


def _standing(item: Item) -> Standing:
    output, failure = item.get("output") or {}, item.get("failure")
    seconds = output.get("durationSeconds")
    return Standing(
        job_id=item["jobId"],
        status=Status(item["status"]),
        attempt=item["attempt"],
        updated_at=item["updatedAt"],
        expires_at=item["expiresAt"],
        source_bytes=item["source"]["bytes"],
        output_bytes=output.get("bytes"),
        output_seconds=None if seconds is None else float(seconds),
        failure=Failure.from_item(failure) if failure else None,
    )
