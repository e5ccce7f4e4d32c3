"""Executions of the state machine, named by the job id.

Permissions: StartExecution (start), StopExecution (stop), DescribeExecution (status, stop,
describe), ListExecutions (running), GetExecutionHistory (newest_task, events). Leaves behind: the
execution's history, 90 days (Step Functions quota).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from botocore.exceptions import ClientError

from conversion.errors import RecordsUnavailable
from conversion.execution import Execution, ExecutionStatus, SubmittedTask
from conversion.fields import Item
from conversion.stores.answers import code_of, outages
from conversion.traces import INPUT, VARIABLE, TraceHeader

# GetExecutionHistory and ListExecutions answer with at most 1,000 (Step Functions API reference).
# Of a history the end is wanted, which the first few events hold nearly always.
_MOST_LISTED, _EVENTS = 1000, 50
# All that an execution has without redrives, several times over (statemachine/conversion.asl.json).
_MOST_EVENTS = 5000
# The events after which an execution waits for its ECS task no more.
_TASK_ENDS = frozenset({"TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskSubmitFailed"})


class Executions:
    """A `conversion.execution.Executions` on Step Functions. Every method raises RecordsUnavailable
    when Step Functions does not answer after botocore's retries; access and validation errors stay
    as they are, they are ours."""

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, job_id: str) -> None:
        """Start the job's execution; one that exists already is what was wanted.

        A standard execution's name stays taken for 90 days (Step Functions API reference). It
        goes on in the trace of this process's request, where that has one.
        """
        header = TraceHeader.read(os.environ.get(VARIABLE))
        traced = {} if header is None else {INPUT: str(header)}
        try:
            with _asked():
                self._client.start_execution(
                    stateMachineArn=self._state_machine_arn,
                    name=job_id,
                    input=json.dumps({"jobId": job_id, **traced}),
                    **traced,
                )["executionArn"]
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise

    def stop(self, job_id: str, error: str, cause: str) -> None:
        """One that is over is told apart by asking: the API reference does not say what
        StopExecution answers then."""
        try:
            with _asked():
                self._client.stop_execution(
                    executionArn=self._arn(job_id), error=error, cause=cause
                )["stopDate"]
        except ClientError as refused:
            if code_of(refused) == _UNKNOWN:
                return
            if self.status(job_id) is ExecutionStatus.RUNNING:
                raise

    def status(self, job_id: str) -> ExecutionStatus | None:
        try:
            with _asked():
                answer = self._client.describe_execution(executionArn=self._arn(job_id))
                return ExecutionStatus(answer["status"])
        except ClientError as error:
            if code_of(error) == _UNKNOWN:
                return None
            raise

    def running(self) -> frozenset[str]:
        listed = self._pages(
            "list_executions",
            "executions",
            _MOST_LISTED,
            stateMachineArn=self._state_machine_arn,
            statusFilter=ExecutionStatus.RUNNING.value,
        )
        return frozenset(each["name"] for each in listed)

    def describe(self, job_id: str) -> Execution | None:
        """How the job's execution stands and since when, None when there is none."""
        try:
            with _asked():
                answer = self._client.describe_execution(executionArn=self._arn(job_id))
                return Execution(
                    ExecutionStatus(answer["status"]),
                    answer["startDate"],
                    answer.get("stopDate"),
                    answer.get("redriveCount") or 0,
                )
        except ClientError as error:
            if code_of(error) == _UNKNOWN:
                return None
            raise

    def events(self, job_id: str, in_time: Callable[[], bool]) -> tuple[list[Item], bool]:
        """The execution's events, oldest first, and whether these are all: the beginning of a long
        history is left out, and what cannot be read while `in_time`."""
        found: list[Item] = []
        asked = {"executionArn": self._arn(job_id), "maxResults": _MOST_LISTED}
        token: dict[str, str] | None = {}
        while token is not None and len(found) < _MOST_EVENTS and (not found or in_time()):
            page = self._history_page(**asked, **token)
            found += page["events"]
            token = {"nextToken": page["nextToken"]} if "nextToken" in page else None
        return found[::-1], token is None

    def newest_task(self, job_id: str) -> SubmittedTask | None:
        has_ended = False
        try:
            for event in self._history_backwards(job_id):
                if event["type"] == "TaskSubmitted":
                    return _submitted(event, has_ended)
                has_ended = has_ended or event["type"] in _TASK_ENDS or _ends_all(event)
        except ClientError as error:
            if code_of(error) != _UNKNOWN:
                raise
        return None

    def _history_page(self, **asked: Any) -> dict[str, Any]:
        """Newest first; no events where there is no execution."""
        try:
            with _asked():
                page = self._client.get_execution_history(**asked, reverseOrder=True)
                return {**page, "events": page["events"]}
        except ClientError as error:
            if code_of(error) == _UNKNOWN:
                return {"events": []}
            raise

    def _history_backwards(self, job_id: str) -> Iterator[Item]:
        return self._pages(
            "get_execution_history",
            "events",
            _EVENTS,
            executionArn=self._arn(job_id),
            reverseOrder=True,
        )

    def _pages(self, operation: str, field: str, size: int, **asked: Any) -> Iterator[Item]:
        asked["PaginationConfig"] = {"PageSize": size}
        pages = iter(self._client.get_paginator(operation).paginate(**asked))
        while True:
            with _asked():
                page = next(pages, None)
                found = [] if page is None else page[field]
            if page is None:
                return
            yield from found

    def _arn(self, job_id: str) -> str:
        """As the Step Functions guide forms it from the machine's ("Amazon Resource Names")."""
        return f"{self._state_machine_arn.replace(':stateMachine:', ':execution:', 1)}:{job_id}"


_UNKNOWN = "ExecutionDoesNotExist"


def _ends_all(event: Item) -> bool:
    return event["type"].startswith("Execution") and event["type"] not in (
        "ExecutionStarted",
        "ExecutionRedriven",
    )


def _submitted(event: Item, has_ended: bool) -> SubmittedTask | None:
    """RunTask's answer stands in the event as JSON; one that started nothing names no task."""
    answer = json.loads(event["taskSubmittedEventDetails"].get("output", "{}"))
    tasks = answer.get("Tasks", [])
    if not tasks:
        return None
    return SubmittedTask(tasks[0]["TaskArn"], event["timestamp"], has_ended)


def _asked() -> AbstractContextManager[None]:
    return outages("Step Functions", RecordsUnavailable, _PASSING, numbers=True)


# Errors that pass: the API's rates, and the quota of open executions (1,000,000).
_PASSING = frozenset({"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"})
