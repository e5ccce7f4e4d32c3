"""Executions, retries and histories as AWS has them: see local/fidelity/states.py."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Machines

WAIT: dict[str, Any] = {"Type": "Wait", "Seconds": 60, "End": True}
# Refused each time with ConditionalCheckFailed or ResourceNotFound, at once: a task to retry.
FAILING: dict[str, Any] = {
    "Type": "Task",
    "Resource": "arn:aws:states:::dynamodb:getItem",
    "Arguments": {"TableName": "none", "Key": {"id": {"S": "1"}}},
    "End": True,
}


def test_starting_a_running_execution_again_with_its_input_is_no_error(machines: Machines) -> None:
    machine = machines.create({"Pause": WAIT})
    first = machines.start(machine, {"jobId": "1"}, name="job-1")

    assert machines.start(machine, {"jobId": "1"}, name="job-1") == first
    with pytest.raises(ClientError) as other_input:
        machines.start(machine, {"jobId": "2"}, name="job-1")
    machines.client.stop_execution(executionArn=first)
    with pytest.raises(ClientError) as ended:
        machines.start(machine, {"jobId": "1"}, name="job-1")

    for refused in (other_input, ended):
        assert refused.value.response["Error"]["Code"] == "ExecutionAlreadyExists"


def test_stopping_ends_a_wait_and_nothing_follows_it(machines: Machines) -> None:
    execution = machines.start(machines.create({"Pause": {**WAIT, "Seconds": 1}}))
    time.sleep(0.3)

    machines.client.stop_execution(executionArn=execution, error="Cancelled", cause="asked")

    time.sleep(1)  # the wait would be over by now
    ended = machines.client.describe_execution(executionArn=execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "Cancelled", "asked")
    assert machines.history(execution)[-1]["type"] == "ExecutionAborted"


def test_stopping_ends_the_pause_before_a_retry(machines: Machines) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 50}]
    execution = machines.start(machines.create({"Read": {**FAILING, "Retry": retry}}))
    time.sleep(0.5)

    machines.client.stop_execution(executionArn=execution)

    time.sleep(1.2)
    assert machines.ended(execution)["status"] == "ABORTED"
    assert attempts(machines, execution) == 1


def test_a_retrys_pause_is_no_longer_than_its_maximum(machines: Machines) -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 30}
    longest = {**retry, "MaxDelaySeconds": 2, "MaxAttempts": 2}
    started = time.monotonic()

    ended = machines.run({"Read": {**FAILING, "Retry": [longest]}})

    assert ended["error"] == "DynamoDB.ResourceNotFoundException"
    assert 3 <= time.monotonic() - started < 4.5


def test_a_retrys_pause_with_full_jitter_is_drawn_up_to_its_length(machines: Machines) -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "BackoffRate": 1}
    jittered = {**retry, "MaxAttempts": 1, "JitterStrategy": "FULL"}
    machine = machines.create({"Read": {**FAILING, "Retry": [jittered]}})
    executions = [machines.start(machine) for _ in range(12)]

    pauses = [pause_of(machines, each) for each in executions]

    assert max(pauses) < 2.3
    assert min(pauses) < 1.2  # all twelve in the upper half: once in 4,000 runs
    assert max(pauses) - min(pauses) > 0.1


@pytest.mark.parametrize("names", [["States.ALL"], ["States.TaskFailed"]])
def test_a_runtime_error_cannot_be_caught(machines: Machines, names: list[str]) -> None:
    unknown = {**FAILING, "Resource": "arn:aws:states:::batch:nothing"}
    caught = {**unknown, "Catch": [{"ErrorEquals": names, "Next": "Caught"}]}

    ended = machines.run({"Run": caught, "Caught": {"Type": "Succeed"}})

    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_the_history_reads_as_aws_writes_it(machines: Machines) -> None:
    read = {**FAILING, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]}
    execution = machines.start(machines.create({"Read": read, "Caught": {"Type": "Succeed"}}))
    machines.ended(execution)

    events = machines.history(execution)

    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskFailed",
        "TaskStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    assert all(after["previousEventId"] == before["id"] for before, after in pairwise(events))
    scheduled = events[2]["taskScheduledEventDetails"]
    assert (scheduled["resourceType"], scheduled["resource"]) == ("dynamodb", "getItem")
    assert events[4]["taskFailedEventDetails"]["error"] == "DynamoDB.ResourceNotFoundException"


def test_the_history_of_a_task_names_it(
    machines: Machines,
    run_task_state: Callable[..., dict[str, Any]],
    task_definition: Callable[..., str],
) -> None:
    execution = machines.start(machines.create({"Run": run_task_state(task_definition("pass"))}))
    machines.ended(execution)

    [submitted] = [e for e in machines.history(execution) if e["type"] == "TaskSubmitted"]

    details = submitted["taskSubmittedEventDetails"]
    assert (details["resourceType"], details["resource"]) == ("ecs", "runTask.sync")
    assert ":task/conversions/" in json.loads(details["output"])["Tasks"][0]["TaskArn"]


def attempts(machines: Machines, execution: str) -> int:
    return [event["type"] for event in machines.history(execution)].count("TaskScheduled")


def pause_of(machines: Machines, execution: str) -> float:
    machines.ended(execution)
    first, second = (
        event["timestamp"]
        for event in machines.history(execution)
        if event["type"] == "TaskScheduled"
    )
    return (second - first).total_seconds()
