"""Jobs in DynamoDB, every change a conditional write.

Permissions: PutItem (put_if_absent), GetItem (get), BatchGetItem (standings), Query on the indexes
byFile (of_file, page), byStatus (of_status, page), byOwner (page) and byLeaving (leaving),
UpdateItem (claim, complete, fail, give_up, record_cost, cancel, keep_alive, leave), DeleteItem
(remove). Leaves behind: items that TTL removes after `expiresAt`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from conversion.callers import ANYBODY, Caller
from conversion.cost import Cost
from conversion.fields import Item
from conversion.job import Job, Standing, Status
from conversion.listing import Page, Place, Wanted
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
from conversion.stores.job_indexes import BY_FILE, BY_LEAVING, BY_STATUS, JobIndexes
from conversion.stores.job_pages import read_page, readable
from conversion.stores.job_refusals import (
    cancelled_before,
    expired,
    is_done,
    not_found,
    unclaimable,
    unfinishable,
)

# What a standing is made of: the rest of a record needs not travel, although DynamoDB charges for
# the whole item ("Capacity unit consumption for reads", DynamoDB developer guide). `output` is null
# until there is one, and moto cannot follow a path into that.
_OF_A_STANDING = {
    "ProjectionExpression": (
        "jobId, #owner, #status, attempt, updatedAt, expiresAt, #source.#bytes, #output, failure"
    ),
    "ExpressionAttributeNames": {
        "#owner": "owner",
        "#status": "status",
        "#source": "source",
        "#output": "output",
        "#bytes": "bytes",
    },
}


class Jobs:
    """A `conversion.job_store.JobStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._indexes = JobIndexes(client, table)

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

    def get(self, job_id: str, caller: Caller = ANYBODY) -> Job:
        item = self._read(job_id) if can_be_key(job_id) else None
        if item is None or not caller.may_see(item.get("owner")):
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
        found = self._indexes.oldest_first(BY_FILE, file_id)
        jobs = (Job.from_item(from_attributes(each)) for each in found)
        return [job for job in jobs if not job.has_expired]

    def of_status(self, status: Status) -> Iterator[Job]:
        """Without what cannot be read. Whoever deletes what nobody wants asks `of_file`, too."""
        found = self._indexes.oldest_first(BY_STATUS, status.value)
        return (job for each in found if (job := readable(each)))

    def page(self, wanted: Wanted, after: Place | None, most: int) -> Page:
        return read_page(self._indexes, wanted, after, most)

    def leaving(self) -> Iterator[Job]:
        """Without what cannot be read."""
        found = self._indexes.oldest_first(BY_LEAVING, job_changes.DOWNLOADED)
        return (job for each in found if (job := readable(each)))

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

    def leave(self, job_id: str, at: int) -> bool:
        return self._changed(job_id, job_changes.leaving(at))

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
        owner=item.get("owner"),
    )
