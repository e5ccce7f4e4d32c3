"""Executions outlive the engine they run in: see local/fidelity/restarts.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from local.child import Engine
from local.ffmpeg import Ffmpeg
from tests.local.conftest import Machines, eventually


@pytest.fixture
def start_engine(ffmpeg: Ffmpeg, tmp_path: Path) -> Callable[[], Engine]:
    """An engine on the same data each time."""
    return lambda: Engine(data=tmp_path / "data", ffmpeg=ffmpeg)


def test_an_execution_that_waits_goes_on_after_a_restart(
    start_engine: Callable[[], Engine],
) -> None:
    wait = {"Type": "Wait", "Seconds": 3, "Next": "Done"}
    with start_engine() as engine:
        machines = Machines(engine)
        machine = machines.create({"Pause": wait, "Done": {"Type": "Succeed"}})
        waiting = machines.start(machine, {"jobId": "1"})
        stopped = machines.start(machine)
        eventually(lambda: kinds(machines, waiting)[1:] and kinds(machines, stopped)[1:])
        machines.client.stop_execution(executionArn=stopped)

    with start_engine() as engine:
        machines = Machines(engine)
        ended = machines.ended(waiting)
        told = machines.history(waiting)
        before = machines.client.describe_execution(executionArn=stopped)

    assert (ended["status"], ended["output"]) == ("SUCCEEDED", '{"jobId": "1"}')
    assert "error" not in ended
    assert [event["type"] for event in told] == [
        "ExecutionStarted",
        "WaitStateEntered",
        "WaitStateEntered",
        "WaitStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    assert all(after["previousEventId"] == before["id"] for before, after in pairwise(told))
    assert before["status"] == "ABORTED"  # what was over stays as it ended


def test_the_engines_end_is_no_failure_of_the_task_in_flight(
    start_engine: Callable[[], Engine], tmp_path: Path
) -> None:
    """Two tasks end with 75 on SIGTERM, as a converter does; without a Retry, each fails its state.
    One lingers, so that there is time for the other's execution to go on."""
    marks = [tmp_path / "prompt", tmp_path / "lingering"]
    with start_engine() as engine:
        machines = Machines(engine)
        states = [task(engine, ends_with_75(mark, i)) for i, mark in enumerate(marks)]
        executions = [machines.start(machines.create({"Run": state})) for state in states]
        eventually(lambda: all(mark.exists() for mark in marks))

    with start_engine() as engine:
        machines = Machines(engine)
        ended = [machines.ended(each)["status"] for each in executions]
        told = [kinds(machines, each) for each in executions]

    assert ended == ["SUCCEEDED", "SUCCEEDED"]
    for each in told:
        assert each.count("TaskSubmitted") == 2
        assert "TaskFailed" not in each
        assert "ExecutionRedriven" not in each


def test_an_execution_goes_on_in_the_state_it_was_in_after_each_restart(
    start_engine: Callable[[], Engine],
) -> None:
    with start_engine() as engine:
        machines = Machines(engine)
        states = {
            "Count": {"Type": "Pass", "Assign": {"tries": 7}, "Output": "told", "Next": "Pause"},
            "Pause": {"Type": "Wait", "Seconds": 2, "Next": "Tell"},
            "Tell": {
                "Type": "Pass",
                "Output": "{% $states.input & ' ' & $string($tries) %}",
                "End": True,
            },
        }
        execution = machines.start(machines.create(states))
        eventually(lambda: "WaitStateEntered" in kinds(machines, execution))
    with start_engine():
        time.sleep(0.5)

    with start_engine() as engine:
        machines = Machines(engine)
        ended = machines.ended(execution)
        told = kinds(machines, execution)

    assert (ended["status"], ended["output"]) == ("SUCCEEDED", '"told 7"')
    assert told.count("WaitStateEntered") == 3
    assert told.count("PassStateEntered") == 2  # Count was not run again
    assert ended["redriveCount"] == 0


def kinds(machines: Machines, execution: str) -> list[str]:
    return [event["type"] for event in machines.history(execution)]


def ends_with_75(mark: Path, after_seconds: float) -> str:
    """A program that waits for SIGTERM when it runs first, and is done at once the second time."""
    return (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (time.sleep({after_seconds}), sys.exit(75)))\n"
        f"mark = pathlib.Path({str(mark)!r})\n"
        "if not mark.exists():\n"
        "    mark.touch()\n"
        "    time.sleep(60)\n"
    )


def task(engine: Engine, code: str) -> dict[str, Any]:
    """A state that runs this Python as a task to its end."""
    ecs = engine.client("ecs")
    ecs.create_cluster(clusterName="work", capacityProviders=["FARGATE"])
    container = {"name": "main", "image": "none", "entryPoint": ["python", "-c", code]}
    definition = ecs.register_task_definition(
        family="restarted",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{**container, "essential": True}],
    )
    vpc = {"Subnets": ["subnet-1"], "AssignPublicIp": "ENABLED"}
    arguments = {
        "Cluster": "work",
        "TaskDefinition": definition["taskDefinition"]["taskDefinitionArn"],
        "NetworkConfiguration": {"AwsvpcConfiguration": vpc},
    }
    resource = "arn:aws:states:::ecs:runTask.sync"
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}
