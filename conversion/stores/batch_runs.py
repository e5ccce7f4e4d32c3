"""Batches, as executions of their state machine named by the batch's id, and what each has written.

Permissions: StartExecution on the machine (start), DescribeExecution and ListMapRuns on its
executions (find), StopExecution on them (stop), DescribeMapRun on its Map Runs (find); GetObject on
`batches/*` (results). Leaves behind: the execution's history, 90 days (Step Functions quotas), and
its results, until the bucket's lifecycle rule removes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from conversion.batches.request import Batch
from conversion.batches.runs import Counts, Run
from conversion.errors import RecordsUnavailable, SourceMissing
from conversion.execution import ExecutionStatus
from conversion.fields import Item
from conversion.stores.answers import code_of, outages
from conversion.stores.objects import s3_errors

_PASSING = frozenset({"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"})
_UNKNOWN = frozenset({"ExecutionDoesNotExist", "InvalidArn", "ResourceNotFound"})
_CANCELLED = "Cancelled"
_ID = re.compile("[0-9a-f]{32}")


class BatchRuns:
    """A `conversion.batches.runs.Runs`. Every method raises RecordsUnavailable when Step Functions
    does not answer after botocore's retries."""

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self._machine = state_machine_arn

    def start(self, batch_id: str, given: Item) -> Run | None:
        """Twice is as once: an execution of that name was started with the same input."""
        try:
            with _asked():
                started_at = self._client.start_execution(
                    stateMachineArn=self._machine, name=batch_id, input=json.dumps(given)
                )["startDate"]
        except ClientError as error:
            if code_of(error) == "ExecutionAlreadyExists":
                return None
            raise
        return Run(
            batch_id=batch_id,
            batch=Batch.from_item(given),
            execution=ExecutionStatus.RUNNING,
            created_at=started_at,
            ended_at=None,
            counts=Counts(),
        )

    def find(self, batch_id: str) -> Run | None:
        if not _ID.fullmatch(batch_id):  # which DescribeExecution may refuse as no name at all
            return None
        try:
            with _asked():
                told = self._client.describe_execution(executionArn=self._arn(batch_id))
        except ClientError as error:
            if code_of(error) in _UNKNOWN:
                return None
            raise
        return Run(
            batch_id=batch_id,
            batch=Batch.from_item(json.loads(told["input"])),
            execution=ExecutionStatus(told["status"]),
            created_at=told["startDate"],
            ended_at=told.get("stopDate"),
            counts=self._counts(batch_id),
            summary=json.loads(told["output"]) if told.get("output") else None,
            error=told.get("error"),
            cause=told.get("cause"),
        )

    def stop(self, batch_id: str) -> datetime | None:
        """Stops its child executions too ("StopExecution" of a Map Run's parent, Step Functions
        guide), but no invocation that is under way. One that has ended in this moment stays as it
        ended."""
        try:
            with _asked():
                return self._client.stop_execution(
                    executionArn=self._arn(batch_id),
                    error=_CANCELLED,
                    cause="Somebody cancelled the batch.",
                )["stopDate"]
        except ClientError as refused:
            if code_of(refused) != "ValidationException":
                raise
        return None

    def _counts(self, batch_id: str) -> Counts:
        """Of its one Map Run; a batch that has just begun has none yet, or none that is told of."""
        try:
            with _asked():
                runs = self._client.list_map_runs(executionArn=self._arn(batch_id))["mapRuns"]
                if not runs:
                    return Counts()
                told = self._client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]
        except ClientError as error:
            if code_of(error) in _UNKNOWN:
                return Counts()
            raise
        over = ("succeeded", "failed", "timedOut", "aborted")
        done = sum(told.get(each, 0) for each in over)
        return Counts(told["total"], told["pending"], told["running"], done)

    def _arn(self, batch_id: str) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:', 1)}:{batch_id}"


class BatchResults:
    """What a Map Run's ResultWriter has written: a manifest that names files, each with one line of
    JSON a child execution ("ResultWriter", Step Functions guide)."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def lines(self, manifest: str) -> Iterator[Any]:
        """Read as they are needed; none where there is no manifest, because nothing was found.
        Raises StorageUnavailable."""
        for key in self._files(manifest):
            with s3_errors():
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
                for line in body.iter_lines():
                    if line.strip():
                        yield from _parsed(line)

    def _files(self, manifest: str) -> list[str]:
        try:
            with s3_errors():
                body = self._client.get_object(Bucket=self._bucket, Key=manifest)["Body"].read()
        except SourceMissing:
            return []
        found = json.loads(body)["ResultFiles"]
        return [each["Key"] for status in sorted(found) for each in found[status]]


def _parsed(line: bytes) -> list[Any]:
    """One value a line; where the whole file is one list of them, each of these."""
    value = json.loads(line)
    return value if isinstance(value, list) else [value]


def _asked() -> Any:
    return outages("Step Functions", RecordsUnavailable, _PASSING, numbers=True)
