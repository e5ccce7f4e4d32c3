"""An execution's events become the states it went through and the tasks it has run.

`killed` and `failed` are what the local engine has told of two executions; what the engine never
tells is written here in the shapes of API_HistoryEvent and API_Task.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conversion.history import History, PassedState
from conversion.task_runs import TaskRun

EVENTS = Path(__file__).parents[2] / "events"
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
RUN = {"resourceType": "ecs", "resource": "runTask.sync"}
ACCOUNT = "123456789012"
TASK_ARN = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task/sluice/1dc5c17a422b4dc4b493371970c6c4d6"


def told_by_the_engine(name: str) -> list[dict[str, Any]]:
    events = json.loads((EVENTS / f"states_history_{name}.json").read_text())
    return [{**each, "timestamp": datetime.fromisoformat(each["timestamp"])} for each in events]


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def event(kind: str, seconds: float, **details: Any) -> dict[str, Any]:
    """With its details under the name that API_HistoryEvent gives them."""
    shape = kind.removeprefix("Pass").removeprefix("Wait").removeprefix("Choice")
    shape = shape if "State" not in shape else f"State{shape.rpartition('State')[2]}"
    name = f"{shape[0].lower()}{shape[1:]}EventDetails"
    return {"id": 0, "type": kind, "timestamp": at(seconds), name: details}


def entered(name: str, seconds: float, kind: str = "Task") -> dict[str, Any]:
    return event(f"{kind}StateEntered", seconds, name=name, input="{}")


def left(name: str, seconds: float, kind: str = "Task") -> dict[str, Any]:
    return event(f"{kind}StateExited", seconds, name=name, output="{}")


def submitted(seconds: float) -> dict[str, Any]:
    answer = {"Tasks": [{"TaskArn": TASK_ARN, "LastStatus": "PROVISIONING"}], "Failures": []}
    return event("TaskSubmitted", seconds, output=json.dumps(answer), **RUN)


def stopped(exit_code: int | None, **task: Any) -> str:
    """A stopped task as Step Functions writes it, in capitals and with times in milliseconds."""
    container = {"Name": "converter", "LastStatus": "STOPPED", "ContainerArn": TASK_ARN}
    if exit_code is not None:
        container["ExitCode"] = exit_code
    usual = {
        "TaskArn": TASK_ARN,
        "StopCode": "EssentialContainerExited",
        "StoppedReason": "Essential container in task exited",
        "StartedAt": int(at(20).timestamp() * 1000),
        "StoppedAt": int(at(65.5).timestamp() * 1000),
        "Containers": [container],
    }
    return json.dumps({key: value for key, value in (usual | task).items() if value is not None})


def failed_run(cause: str, error: str = "States.TaskFailed") -> History:
    return History.of(
        [
            entered("Convert", 0),
            submitted(1),
            event("TaskFailed", 70, error=error, cause=cause, **RUN),
            left("Convert", 70),
        ]
    )


def test_the_states_of_a_failed_job_are_told_in_order() -> None:
    history = History.of(told_by_the_engine("failed"))

    assert [each.name for each in history.states] == [
        "Begin", "Convert", "ReadOutcome", "Outcome", "Failed",
    ]  # fmt: skip
    assert all(each.left_at is not None for each in history.states)


def test_the_state_that_failed_has_the_jobs_code_and_message() -> None:
    *before, last = History.of(told_by_the_engine("failed")).states

    assert [each.error for each in before] == [None] * 4
    assert last.error is not None
    assert last.error.code == "UNSUPPORTED_INPUT"
    assert last.error.message.startswith("This is not audio that can be read here;")


def test_a_converter_that_was_killed_is_a_run_of_its_own() -> None:
    first, second = History.of(told_by_the_engine("killed")).runs

    assert (first.number, first.exit_code) == (1, 137)
    assert first.reason == ("The converter was killed, most often because its memory was used up.")
    assert (second.number, second.exit_code) == (2, 0)
    assert second.reason == "The converter ended, and the job's outcome is recorded."
    for run in (first, second):
        assert run.started_at is not None
        assert run.stopped_at is not None
        assert run.started_at < run.stopped_at


def test_a_state_that_was_caught_keeps_its_error_and_the_next_has_none() -> None:
    states = History.of(told_by_the_engine("killed")).states
    converts = [each for each in states if each.name == "Convert"]

    assert [each.name for each in states][:5] == [
        "Begin", "Convert", "TryAgain", "Pause", "Convert",
    ]  # fmt: skip
    assert [each.error and each.error.code for each in converts] == ["States.TaskFailed", None]


@pytest.mark.parametrize("name", ["failed", "killed"])
def test_nothing_is_told_that_names_a_resource(name: str) -> None:
    told = repr(History.of(told_by_the_engine(name)))

    for secret in ("arn:", "000000000000", "sluice-dev", "subnet", "amazonaws", "ip-"):
        assert secret not in told


def test_the_times_of_a_run_are_those_of_its_container() -> None:
    (run,) = failed_run(stopped(1)).runs
    reason = "The converter crashed with exit code 1; see its log."

    assert run == TaskRun(1, at(20), at(65.5), 1, reason)


def test_a_run_that_goes_on_began_when_it_was_taken() -> None:
    history = History.of([entered("Convert", 0), submitted(1)])

    assert history.runs == (TaskRun(1, at(1)),)
    assert history.states == (PassedState("Convert", at(0)),)


@pytest.mark.parametrize(
    ("cause", "exit_code", "reason"),
    [
        (stopped(75), 75, "asked to be tried again"),
        (stopped(143), 143, "told to stop before it could listen"),
        (stopped(None), None, "without an exit code"),
        (stopped(143, StopCode="SpotInterruption"), 143, "Fargate Spot needed its capacity back"),
        (stopped(137, StopCode="UserInitiated"), 137, "stopped by StopTask"),
        (stopped(1, StopCode="TerminationNotice"), 1, "AWS gave notice"),
    ],
)
def test_each_end_of_a_task_has_its_words(cause: str, exit_code: int | None, reason: str) -> None:
    history = failed_run(cause)
    (run,), (state,) = history.runs, history.states

    assert run.exit_code == exit_code
    assert reason in str(run.reason)
    assert state.error is not None
    assert state.error.message == run.reason


def test_a_task_without_memory_says_so() -> None:
    container = {"ExitCode": 137, "Reason": "OutOfMemoryError: Container killed due to memory"}
    (run,) = failed_run(stopped(137, Containers=[{"Name": "converter", **container}])).runs

    assert run.reason == "The container had no memory left, and was killed."


def test_a_task_that_never_ran_has_no_start_and_names_the_kind_of_error_alone() -> None:
    image = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/converter@sha256:ab"
    cause = stopped(
        None,
        StopCode="TaskFailedToStart",
        StoppedReason=f"CannotPullContainerError: failed to resolve ref {image}: unauthorized",
        StartedAt=None,
    )
    (run,) = failed_run(cause).runs

    assert run.started_at is None
    assert run.reason == "The task could not be started (CannotPullContainerError)."


def test_a_container_that_aws_put_beside_ours_is_not_the_converter() -> None:
    beside = {"Name": "aws-guardduty-agent-x7Kq", "ExitCode": 0}
    ours = {"Name": "converter", "ExitCode": 9}

    (run,) = failed_run(stopped(None, Containers=[beside, ours])).runs
    assert run.exit_code == 9


@pytest.mark.parametrize("cause", ["", "{", '{"Containers": 3}', "[" * 100_000, "null"])
def test_a_cause_that_was_cut_off_still_ends_the_run(cause: str) -> None:
    history = failed_run(cause)
    (run,), (state,) = history.runs, history.states

    assert (run.stopped_at, run.exit_code) == (at(70), None)
    assert state.error is not None
    assert state.error.message == "The task failed."


def test_a_task_that_could_not_be_placed_is_an_error_of_its_state_and_no_run() -> None:
    failures = json.dumps({"Tasks": [], "Failures": [{"Arn": TASK_ARN, "Reason": "RESOURCE:CPU"}]})
    history = History.of(
        [
            entered("Convert", 0),
            event("TaskFailed", 1, error="AmazonECS.Unknown", cause=failures, **RUN),
            left("Convert", 1),
        ]
    )
    (state,) = history.states

    assert history.runs == ()
    assert state.error is not None
    assert "want of capacity" in state.error.message


def test_a_state_that_took_too_long_says_so() -> None:
    events = [entered("Convert", 0), submitted(1), event("TaskTimedOut", 21600, **RUN)]
    (run,) = (history := History.of([*events, left("Convert", 21600)])).runs

    assert (run.stopped_at, run.exit_code) == (at(21600), None)
    assert "longer than a conversion may take" in str(run.reason)
    assert history.states[0].error is not None
    assert history.states[0].error.code == "States.Timeout"


def test_a_stopped_execution_ends_the_state_and_the_run_it_was_in() -> None:
    aborted = event("ExecutionAborted", 30, error="CANCELLED", cause="said by anybody")
    history = History.of([entered("Convert", 0), submitted(1), aborted])
    (state,), (run,) = history.states, history.runs

    assert (state.left_at, run.stopped_at) == (at(30), at(30))
    assert state.error is not None
    assert state.error.code == "ExecutionStopped"
    assert "said by anybody" not in repr(history)


def test_an_execution_that_took_too_long_says_so_of_its_last_state() -> None:
    history = History.of([entered("Pause", 0, "Wait"), event("ExecutionTimedOut", 172800)])

    assert history.states[0].error is not None
    assert history.states[0].error.code == "States.Timeout"


def test_a_try_that_works_takes_the_error_away() -> None:
    throttled = event("TaskFailed", 1, error="DynamoDB.ThrottlingException", cause="Rate exceeded")
    history = History.of(
        [
            entered("ReadOutcome", 0),
            throttled,
            event("TaskScheduled", 2),
            event("TaskSucceeded", 3, output="{}"),
            left("ReadOutcome", 3),
        ]
    )

    assert history.states == (PassedState("ReadOutcome", at(0), at(3)),)


def test_a_redriven_state_is_entered_once_more() -> None:
    """Step Functions does not say again that it enters it: the task is scheduled, and that is all
    ("Examining redriven executions", Step Functions developer guide)."""
    history = History.of(
        [
            entered("Failed", 0),
            event("TaskFailed", 1, error="TRUNCATED_INPUT", cause='{"errorMessage": "Half."}'),
            event("ExecutionFailed", 1, error="TRUNCATED_INPUT", cause="{}"),
            event("ExecutionRedriven", 60, redriveCount=1),
            event("TaskScheduled", 61),
            event("TaskSucceeded", 62, output="{}"),
            left("Failed", 62),
            entered("Begin", 62, "Pass"),
        ]
    )

    assert [(each.name, each.entered_at) for each in history.states] == [
        ("Failed", at(0)), ("Failed", at(61)), ("Begin", at(62)),
    ]  # fmt: skip
    assert [each.error and each.error.message for each in history.states] == ["Half.", None, None]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("ECS.AccessDeniedException", f"User: arn:aws:sts::{ACCOUNT}:assumed-role/Flow/x may not"),
        ("DynamoDB.ResourceNotFoundException", "Table: sluice-jobs-1X2Y3Z not found"),
        ("States.QueryEvaluationError", f"The expression about {TASK_ARN} has no value"),
        ("Lambda.Unknown", "The cause could not be determined because sluice-fail timed out"),
        (f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:x", "anything"),
        ("", ""),
    ],
)
def test_what_aws_says_of_an_error_is_not_passed_on(error: str, cause: str) -> None:
    (state,) = failed_run(cause, error).states

    assert state.error is not None
    assert state.error.message.endswith(".")
    for secret in (ACCOUNT, "arn:", "sluice", "Table"):
        assert secret not in repr(state.error)


def test_without_events_there_is_no_history() -> None:
    assert History.of([]) == History((), ())
