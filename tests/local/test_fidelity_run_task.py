"""ecs:runTask.sync as AWS has it: see local/fidelity/run_task.py and local/fidelity/ecs.py."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.child import Engine
from tests.local.conftest import CAPACITY, Machines, eventually

Definition = Callable[..., str]
State = Callable[..., dict[str, Any]]
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
SLEEPS = "import time; time.sleep(60)"


def test_a_task_that_ends_well_is_the_states_result_in_pascal_case(
    machines: Machines, run_task_state: State, task_definition: Definition
) -> None:
    definition = task_definition("print('done')")

    ended = machines.run({"Convert": run_task_state(definition)})

    task = json.loads(ended["output"])
    assert ended["status"] == "SUCCEEDED"
    assert task["LastStatus"] == "STOPPED"
    assert task["Containers"][0]["ExitCode"] == 0
    assert task["CapacityProviderName"] == "FARGATE_SPOT"
    assert task["StartedBy"] == "AWS Step Functions"
    assert abs(task["StoppedAt"] / 1000 - time.time()) < 60


def test_a_container_that_fails_fails_the_state_with_the_task_for_a_cause(
    machines: Machines, run_task_state: State, task_definition: Definition
) -> None:
    definition = task_definition("raise SystemExit(75)")

    ended = machines.run({"Convert": run_task_state(definition)})

    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(ended["cause"])["Containers"][0]["ExitCode"] == 75
    assert "output" not in ended


def test_a_failed_task_is_caught_and_its_exit_code_read_from_the_cause(
    machines: Machines, run_task_state: State, task_definition: Definition
) -> None:
    definition = task_definition("raise SystemExit(3)")
    code = "{% $parse($states.errorOutput.Cause).Containers[0].ExitCode %}"
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Seen", "Output": code}]
    states = {"Convert": run_task_state(definition, Catch=catch), "Seen": {"Type": "Succeed"}}

    assert machines.run(states)["output"] == "3"


def test_a_task_that_cannot_start_fails_the_state(
    machines: Machines, run_task_state: State, task_definition: Definition
) -> None:
    definition = task_definition("", entryPoint=["/no/such/program"])

    ended = machines.run({"Convert": run_task_state(definition)})

    assert ended["error"] == "States.TaskFailed"
    assert json.loads(ended["cause"])["StopCode"] == "TaskFailedToStart"


def test_the_container_gets_the_entry_point_and_the_command_of_the_override(
    machines: Machines, run_task_state: State, task_definition: Definition
) -> None:
    code = "import sys; raise SystemExit(0 if sys.argv[1:] == ['job-7'] else 9)"
    state = run_task_state(task_definition(code))
    command = {"Name": "main", "Command": "{% [$states.input.jobId] %}"}
    state["Arguments"]["Overrides"] = {"ContainerOverrides": [command]}

    assert machines.run({"Convert": state}, {"jobId": "job-7"})["status"] == "SUCCEEDED"


def test_stopping_the_execution_stops_the_task(
    machines: Machines,
    run_task_state: State,
    task_definition: Definition,
    tmp_path: Path,
) -> None:
    pid = running_pid(tmp_path)
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}]
    machine = machines.create(
        {"Convert": run_task_state(leaves_pid(task_definition, pid), Retry=retry)}
    )
    execution = machines.start(machine)
    process = eventually(lambda: read_pid(pid))

    machines.client.stop_execution(executionArn=execution, error="Cancelled", cause="by a test")

    eventually(lambda: not alive(process))
    time.sleep(0.3)  # long enough for an attempt that must not come
    ended = machines.ended(execution)
    assert (ended["status"], ended["error"]) == ("ABORTED", "Cancelled")
    assert machines.history(execution)[-1]["type"] == "ExecutionAborted"
    assert starts(machines, execution) == 1


def test_the_states_timeout_stops_the_task_and_is_caught(
    machines: Machines,
    run_task_state: State,
    task_definition: Definition,
    tmp_path: Path,
) -> None:
    pid = running_pid(tmp_path)
    state = run_task_state(
        leaves_pid(task_definition, pid),
        TimeoutSeconds="{% $states.input.seconds %}",
        Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Late"}],
    )
    execution = machines.start(
        machines.create({"Convert": state, "Late": {"Type": "Succeed"}}), {"seconds": 1}
    )
    process = eventually(lambda: read_pid(pid))

    assert machines.ended(execution)["status"] == "SUCCEEDED"
    eventually(lambda: not alive(process))
    assert "TaskTimedOut" in [event["type"] for event in machines.history(execution)]


def test_the_state_machines_timeout_ends_the_execution_and_stops_the_task(
    machines: Machines,
    run_task_state: State,
    task_definition: Definition,
    tmp_path: Path,
) -> None:
    pid = running_pid(tmp_path)
    state = run_task_state(leaves_pid(task_definition, pid))
    execution = machines.start(machines.create({"Convert": state}, TimeoutSeconds=1))
    process = eventually(lambda: read_pid(pid))

    ended = machines.ended(execution)

    assert (ended["status"], ended["error"]) == ("TIMED_OUT", "States.Timeout")
    eventually(lambda: not alive(process))
    assert machines.history(execution)[-1]["type"] == "ExecutionTimedOut"


def test_no_capacity_fails_a_sync_state_with_the_error_aws_gives(
    engine: Engine,
    cluster: str,
    machines: Machines,
    run_task_state: State,
    task_definition: Definition,
) -> None:
    ecs = engine.client("ecs")
    sleeper = task_definition(SLEEPS)
    run = {"cluster": cluster, "taskDefinition": sleeper, "networkConfiguration": NETWORK}
    tasks = [ecs.run_task(**run)["tasks"][0]["taskArn"] for _ in range(CAPACITY)]
    try:
        ended = machines.run({"Convert": run_task_state(sleeper)})
        refused = ecs.run_task(**run)
    finally:
        for task in tasks:
            ecs.stop_task(cluster=cluster, task=task)
        eventually(lambda: not ecs.list_tasks(cluster=cluster)["taskArns"])

    assert refused["tasks"] == []
    assert "Capacity is unavailable" in refused["failures"][0]["reason"]
    assert ended["error"] == "AmazonECS.Unknown"
    assert json.loads(ended["cause"])["Failures"][0]["Reason"] == refused["failures"][0]["reason"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cluster": "nowhere"}, "ClusterNotFoundException"),
        ({"networkConfiguration": {}}, "InvalidParameterException"),
        ({"capacityProviderStrategy": [{"capacityProvider": "mine"}]}, "InvalidParameterException"),
    ],
)
def test_run_task_refuses_what_aws_refuses(
    engine: Engine, cluster: str, task_definition: Definition, change: dict[str, Any], code: str
) -> None:
    run = {"cluster": cluster, "networkConfiguration": NETWORK, **change}

    with pytest.raises(ClientError) as refused:
        engine.client("ecs").run_task(taskDefinition=task_definition("pass"), **run)

    assert refused.value.response["Error"]["Code"] == code


def test_an_error_of_run_task_reaches_the_state_under_its_own_name(
    machines: Machines, run_task_state: State, task_definition: Definition
) -> None:
    state = run_task_state(task_definition("pass"))
    state["Arguments"]["Cluster"] = "nowhere"

    assert machines.run({"Convert": state})["error"] == "ECS.ClusterNotFoundException"


def test_stop_task_waits_for_the_container_and_reports_its_own_exit_code(
    engine: Engine, cluster: str, task_definition: Definition, tmp_path: Path
) -> None:
    ecs, ready = engine.client("ecs"), tmp_path / "ready"
    code = (
        "import signal, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), sys.exit(75)))\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(60)"
    )
    task = ecs.run_task(
        cluster=cluster, taskDefinition=task_definition(code), networkConfiguration=NETWORK
    )["tasks"][0]["taskArn"]
    eventually(ready.exists)

    ecs.stop_task(cluster=cluster, task=task, reason="enough")

    def stopped() -> dict[str, Any] | None:
        found = ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0]
        return found if found["lastStatus"] == "STOPPED" else None

    assert stopped() is None
    ended = eventually(stopped)
    assert ended["containers"][0]["exitCode"] == 75
    assert (ended["stopCode"], ended["stoppedReason"]) == ("UserInitiated", "enough")


def test_a_container_that_ignores_sigterm_is_killed_after_its_stop_timeout(
    engine: Engine, cluster: str, task_definition: Definition, tmp_path: Path
) -> None:
    ecs, ready = engine.client("ecs"), tmp_path / "ready"
    code = (
        "import signal, time, pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(60)"
    )
    definition = task_definition(code, stopTimeout=2)
    task = ecs.run_task(cluster=cluster, taskDefinition=definition, networkConfiguration=NETWORK)[
        "tasks"
    ][0]["taskArn"]
    eventually(ready.exists)

    ecs.stop_task(cluster=cluster, task=task)

    def exit_code() -> int | None:
        return ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0]["containers"][0].get(
            "exitCode"
        )

    assert eventually(exit_code, seconds=5) == 137


def leaves_pid(task_definition: Definition, file: Path) -> str:
    write = f"pathlib.Path({str(file)!r}).write_text(str(os.getpid()))"
    return task_definition(f"import os, pathlib, time; {write}; time.sleep(60)")


def running_pid(directory: Path) -> Path:
    return directory / "pid"


def read_pid(file: Path) -> int | None:
    return int(file.read_text()) if file.exists() and file.read_text() else None


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def starts(machines: Machines, execution: str) -> int:
    return [event["type"] for event in machines.history(execution)].count("TaskSubmitted")
