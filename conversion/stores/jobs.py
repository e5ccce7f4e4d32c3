"""Jobs in DynamoDB, every change a conditional write.

Permissions: PutItem (put_if_absent), GetItem (get), Query on the index (of_file), UpdateItem
(claim, complete, fail). Leaves behind: items that TTL removes after `expiresAt`.
"""

from __future__ import annotations

from typing import Any

from conversion.clock import expiry, timestamp, utc_now
from conversion.errors import JobExpired, JobNotFound, JobOver, SupersededAttempt
from conversion.fields import Item
from conversion.job import Job, Status
from conversion.outcome import Failure, Output
from conversion.stores.attributes import (
    ConditionFailed,
    can_be_key,
    dynamodb_errors,
    from_attributes,
    to_attributes,
)

BY_FILE = "byFile"
BY_STATUS = "byStatus"


class Jobs:
    """A `conversion.job.JobStore`."""

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
            raise JobNotFound(f"There is no job {job_id}. Check the id, or create the job again.")
        job = Job.from_item(item)
        if job.has_expired:
            raise JobExpired(f"Job {job_id} has expired and its files are gone; convert again.")
        return job

    def _read(self, job_id: str) -> Item | None:
        with dynamodb_errors():
            answer = self._client.get_item(
                TableName=self._table, Key=_key(job_id), ConsistentRead=True
            )
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def of_file(self, file_id: str) -> list[Job]:
        if not can_be_key(file_id):
            return []
        with dynamodb_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=BY_FILE,
                KeyConditionExpression="fileId = :file",
                ExpressionAttributeValues=to_attributes({":file": file_id}),
            )
            items = [from_attributes(each) for page in pages for each in page["Items"]]
        jobs = [Job.from_item(item) for item in items]
        return [job for job in jobs if not job.has_expired]

    def claim(self, job_id: str, retention_days: int) -> Job:
        """The attempt number, not Step Functions' retry count, fences: a redrive resets that."""
        now = utc_now()
        update = {
            "UpdateExpression": (
                "SET #status = :processing, updatedAt = :now, expiresAt = :expires ADD attempt :one"
            ),
            "ConditionExpression": "#status IN (:created, :processing)",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {
                ":created": Status.CREATED.value,
                ":processing": Status.PROCESSING.value,
                ":now": timestamp(now),
                ":expires": expiry(now, retention_days),
                ":one": 1,
            },
        }
        try:
            return Job.from_item(self._update(job_id, update))
        except ConditionFailed as failed:
            if failed.item is None:
                raise JobNotFound(f"There is no job {job_id} to claim.") from None
            raise JobOver(f"Job {job_id} is {failed.item['status']} already.") from None

    def complete(self, job_id: str, attempt: int, output: Output) -> None:
        self._finish(job_id, attempt, Status.COMPLETED, "output", output.to_item())

    def fail(self, job_id: str, attempt: int, failure: Failure) -> None:
        self._finish(job_id, attempt, Status.FAILED, "failure", failure.to_item())

    def _finish(self, job_id: str, attempt: int, status: Status, field: str, outcome: Item) -> None:
        update = {
            "UpdateExpression": "SET #status = :status, #field = :outcome, updatedAt = :now",
            "ConditionExpression": "attempt = :attempt AND #status = :processing",
            "ExpressionAttributeNames": {"#status": "status", "#field": field},
            "ExpressionAttributeValues": {
                ":status": status.value,
                ":outcome": outcome,
                ":now": timestamp(utc_now()),
                ":attempt": attempt,
                ":processing": Status.PROCESSING.value,
            },
        }
        try:
            self._update(job_id, update)
        except ConditionFailed as failed:
            self._explain(job_id, attempt, failed.item, outcome, field)

    def _explain(
        self, job_id: str, attempt: int, stands: Item | None, outcome: Item, field: str
    ) -> None:
        """Raise what the failed condition means; our own outcome written twice is no error
        (the answer to the first write was lost)."""
        if stands is None:
            raise JobNotFound(f"Job {job_id} is gone.")
        if stands["attempt"] != attempt:
            raise SupersededAttempt(
                f"Attempt {attempt} of job {job_id} was superseded by attempt {stands['attempt']}."
            )
        if stands.get(field) != outcome:
            raise JobOver(f"Job {job_id} is {stands['status']} already.")

    def _update(self, job_id: str, update: dict[str, Any]) -> Item:
        values = to_attributes(update["ExpressionAttributeValues"])
        with dynamodb_errors():
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(job_id),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **{**update, "ExpressionAttributeValues": values},
            )
        return from_attributes(answer["Attributes"])


def _key(job_id: str) -> dict[str, Any]:
    return to_attributes({"jobId": job_id})
