"""Redrives as AWS has them: see local/fidelity/redrive.py and local/fidelity/walk.py."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from local.child import Engine
from tests.local.conftest import Machines, eventually

READ: dict[str, Any] = {
    "Type": "Task",
    "Resource": "arn:aws:states:::dynamodb:getItem",
    "Arguments": {"TableName": "{% $table %}", "Key": {"id": {"S": "1"}}},
    "Output": "{% $states.input & ' ' & $string($states.context.Execution.RedriveCount) %}",
    "End": True,
}


def states(table: str) -> dict[str, Any]:
    first = {"Type": "Pass", "Assign": {"table": table}, "Output": "told", "Next": "Read"}
    return {"First": first, "Read": READ}


def make_table(engine: Engine, name: str) -> None:
    engine.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def event_log(engine: Engine, pattern: dict[str, Any]) -> Callable[[int], list[dict[str, Any]]]:
    """A rule that keeps what matches; the result waits for so many events, as they came."""
    name = f"q{uuid4().hex[:8]}"
    sqs, events = engine.client("sqs"), engine.client("events")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn["QueueArn"]}])
    found: list[dict[str, Any]] = []

    def has(number: int) -> bool:
        for message in sqs.receive_message(QueueUrl=queue).get("Messages", []):
            found.append(json.loads(message["Body"]))
        return len(found) >= number

    def read(number: int) -> list[dict[str, Any]]:
        eventually(lambda: has(number))
        return found

    return read


def kinds(machines: Machines, execution: str) -> list[str]:
    return [event["type"] for event in machines.history(execution)]


def test_a_redrive_goes_on_in_the_failed_state_with_its_input_and_variables(
    engine: Engine, machines: Machines
) -> None:
    execution = machines.start(machines.create(states("later")))
    failed = machines.ended(execution)

    machines.client.redrive_execution(executionArn=execution)
    again = machines.ended(execution)
    make_table(engine, "later")
    answer = machines.client.redrive_execution(executionArn=execution)
    ended = machines.ended(execution)

    assert [each["status"] for each in (failed, again, ended)] == ["FAILED", "FAILED", "SUCCEEDED"]
    assert [each["redriveCount"] for each in (failed, again, ended)] == [0, 1, 2]
    assert [each["redriveStatus"] for each in (failed, ended)] == ["REDRIVABLE", "NOT_REDRIVABLE"]
    assert ended["output"] == '"told 2"'
    assert "error" not in ended
    assert ended["redriveDate"] == answer["redriveDate"]
    told = machines.history(execution)
    assert [each["type"] for each in told].count("PassStateEntered") == 1
    counts = [
        each["executionRedrivenEventDetails"]["redriveCount"]
        for each in told
        if each["type"] == "ExecutionRedriven"
    ]
    assert counts == [1, 2]


def test_the_context_tells_of_redrives_only_once_there_is_one(machines: Machines) -> None:
    count = "{% $exists($states.context.Execution.RedriveCount) %}"

    ended = machines.run({"Ask": {"Type": "Pass", "Output": count, "End": True}})

    assert ended["output"] == "false"


def test_what_runs_or_has_succeeded_cannot_be_redriven(machines: Machines) -> None:
    wait = {"Type": "Wait", "Seconds": "{% $states.input %}", "End": True}
    machine = machines.create({"Pause": wait})
    running, done = machines.start(machine, 60), machines.start(machine, 1)
    machines.ended(done)

    for execution in (running, done):
        with pytest.raises(ClientError) as refused:
            machines.client.redrive_execution(executionArn=execution)
        assert refused.value.response["Error"]["Code"] == "ExecutionNotRedrivable"
    machines.client.stop_execution(executionArn=running)
    with pytest.raises(ClientError) as refused:
        machines.client.redrive_execution(executionArn=running + "x")
    assert refused.value.response["Error"]["Code"] == "ExecutionDoesNotExist"


def test_a_redrive_at_once_after_a_stop_is_one_run_and_not_two(
    machines: Machines,
    run_task_state: Callable[..., dict[str, Any]],
    task_definition: Callable[..., str],
    tmp_path: Path,
) -> None:
    """What was stopped notices it some milliseconds later, and must not go on beside the redrive:
    its task is ended."""
    note = f"pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch()"
    state = run_task_state(task_definition(f"import os, pathlib, time; {note}; time.sleep(2)"))
    execution = machines.start(machines.create({"Run": state}))
    eventually(lambda: list(tmp_path.iterdir()))

    machines.client.stop_execution(executionArn=execution)
    machines.client.redrive_execution(executionArn=execution)
    ended = machines.ended(execution)

    assert ended["status"] == "SUCCEEDED"
    told = kinds(machines, execution)
    assert told.count("TaskSucceeded") == 1
    assert told.count("ExecutionSucceeded") == 1
    assert told[-1] == "ExecutionSucceeded"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_redriven_execution_has_its_whole_time_again(machines: Machines) -> None:
    wait = {"Type": "Wait", "Seconds": 2, "End": True}
    execution = machines.start(machines.create({"Pause": wait}, TimeoutSeconds=3))
    time.sleep(1.5)
    machines.client.stop_execution(executionArn=execution)

    machines.client.redrive_execution(executionArn=execution)

    assert machines.ended(execution)["status"] == "SUCCEEDED"


def test_a_timed_out_execution_can_be_redriven(machines: Machines) -> None:
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    execution = machines.start(machines.create({"Pause": wait}, TimeoutSeconds=1))

    assert machines.ended(execution)["status"] == "TIMED_OUT"
    machines.client.redrive_execution(executionArn=execution)
    assert machines.ended(execution)["status"] == "TIMED_OUT"

    assert kinds(machines, execution).count("ExecutionTimedOut") == 2


def test_the_status_events_tell_of_the_stop_and_the_redrive(
    engine: Engine, machines: Machines
) -> None:
    wait = {"Type": "Wait", "Seconds": 1, "End": True}
    machine = machines.create({"Pause": wait})
    events = event_log(engine, {"source": ["aws.states"], "detail": {"stateMachineArn": [machine]}})
    execution = machines.start(machine)
    machines.client.stop_execution(executionArn=execution, error="CANCELLED", cause="asked")
    machines.client.redrive_execution(executionArn=execution)
    machines.ended(execution)

    told = [each["detail"] for each in events(4)]

    assert [(each["status"], each["redriveCount"]) for each in told] == [
        ("RUNNING", 0),
        ("ABORTED", 0),
        ("RUNNING", 1),
        ("SUCCEEDED", 1),
    ]
    assert (told[1]["error"], told[1]["cause"]) == ("CANCELLED", "asked")
    assert told[1]["redriveStatus"] == "REDRIVABLE"
