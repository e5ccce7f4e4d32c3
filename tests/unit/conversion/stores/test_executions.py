"""Executions, whatever Step Functions answers: started once for each job, stopped, looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from conversion.errors import RecordsUnavailable
from conversion.execution import Execution, ExecutionStatus
from conversion.stores import clients
from conversion.stores.executions import Executions
from conversion.traces import INPUT, VARIABLE
from tests.contract.examples import JOB_ID
from tests.unit.conversion.test_traces import PARENT, ROOT

ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:conversion"
EXECUTION = f"arn:aws:states:eu-west-1:123456789012:execution:conversion:{JOB_ID}"
SENT = {"stateMachineArn": ARN, "name": JOB_ID, "input": json.dumps({"jobId": JOB_ID})}
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
TASK = "arn:aws:ecs:eu-west-1:123456789012:task/sluice/1dc5c17a422b4dc4b493371970c6c4d6"

CALLS: dict[str, Callable[[Executions], object]] = {
    "start_execution": lambda each: each.start(JOB_ID),
    "stop_execution": lambda each: each.stop(JOB_ID, "CANCELLED", "Cancelled."),
    "describe_execution": lambda each: each.status(JOB_ID),
    "list_executions": lambda each: each.running(),
    "get_execution_history": lambda each: each.newest_task(JOB_ID),
}
# What a job's history asks, by the same operations.
ASKED_BY_HISTORY: dict[str, Callable[[Executions], object]] = {
    "describe_execution": lambda each: each.describe(JOB_ID),
    "get_execution_history": lambda each: each.events(JOB_ID, always),
}


def always() -> bool:
    return True


@pytest.fixture
def client(aws: None) -> Any:
    return clients.step_functions()


@pytest.fixture
def executions(client: Any) -> Executions:
    return Executions(client, ARN)


@pytest.fixture
def flow(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def test_the_execution_is_named_by_the_job(executions: Executions, flow: Stubber) -> None:
    flow.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, SENT)
    executions.start(JOB_ID)


def test_it_goes_on_in_the_trace_of_the_request(
    executions: Executions, flow: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step Functions is told by its own parameter; the input is for the converter."""
    header = f"Root={ROOT};Parent={PARENT};Sampled=1"
    monkeypatch.setenv(VARIABLE, f"{header};Lineage=a87bd80c:1|68fd508a:5")
    told = json.dumps({"jobId": JOB_ID, INPUT: header})
    asked = {**SENT, "input": told, "traceHeader": header}
    flow.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, asked)
    executions.start(JOB_ID)


def test_one_that_is_there_already_is_what_was_wanted(
    executions: Executions, flow: Stubber
) -> None:
    flow.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=SENT)
    executions.start(JOB_ID)


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ExecutionLimitExceeded", 400),
        ("InternalFailure", 500),
        ("400", 400),  # what botocore makes of an error whose reason broke off
    ],
)
def test_what_passes_is_transient(
    executions: Executions, flow: Stubber, operation: str, code: str, status: int
) -> None:
    flow.add_client_error(operation, code, http_status_code=status)
    with pytest.raises(RecordsUnavailable, match=code):
        CALLS[operation](executions)


@pytest.mark.parametrize("operation", CALLS)
def test_what_is_our_own_fault_stays_as_it_is(
    executions: Executions, flow: Stubber, operation: str
) -> None:
    flow.add_client_error(operation, "AccessDeniedException")
    if operation == "stop_execution":
        flow.add_response("describe_execution", described("RUNNING"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        CALLS[operation](executions)


@pytest.mark.parametrize("operation", CALLS)
def test_an_answer_that_broke_off_is_transient(
    client: Any, executions: Executions, operation: str
) -> None:
    name = "".join(each.capitalize() for each in operation.split("_"))
    empty = {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}}
    client.meta.events.register_first(
        f"before-call.sfn.{name}", lambda **_: (type("Answer", (), {"status_code": 200}), empty)
    )
    with pytest.raises(RecordsUnavailable, match="broke off"):
        CALLS[operation](executions)


@pytest.mark.parametrize("operation", CALLS)
def test_a_flow_that_cannot_be_reached_is_transient(
    monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # nothing listens there
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with pytest.raises(RecordsUnavailable, match="cannot be reached"):
        CALLS[operation](Executions(clients.step_functions(clients.BRISK), ARN))


def test_stopping_says_why(executions: Executions, flow: Stubber) -> None:
    sent = {"executionArn": EXECUTION, "error": "CANCELLED", "cause": "Cancelled."}
    flow.add_response("stop_execution", {"stopDate": 0}, sent)
    executions.stop(JOB_ID, "CANCELLED", "Cancelled.")


def test_stopping_what_never_was_is_no_error(executions: Executions, flow: Stubber) -> None:
    flow.add_client_error("stop_execution", "ExecutionDoesNotExist")
    executions.stop(JOB_ID, "CANCELLED", "Cancelled.")


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_stopping_what_is_over_is_no_error(
    executions: Executions, flow: Stubber, status: str
) -> None:
    flow.add_client_error("stop_execution", "ValidationException", "Execution is not running")
    flow.add_response("describe_execution", described(status))
    executions.stop(JOB_ID, "CANCELLED", "Cancelled.")


@pytest.mark.parametrize("status", ExecutionStatus)
def test_how_it_stands(executions: Executions, flow: Stubber, status: ExecutionStatus) -> None:
    flow.add_response("describe_execution", described(status.value), {"executionArn": EXECUTION})
    assert executions.status(JOB_ID) is status
    assert status.has_ended is (status.value not in ("RUNNING", "PENDING_REDRIVE"))


def test_every_status_of_the_service_is_known(client: Any) -> None:
    model = client.meta.service_model.shape_for("ExecutionStatus")
    assert set(model.enum) == {each.value for each in ExecutionStatus}


def test_what_was_never_started_has_no_status(executions: Executions, flow: Stubber) -> None:
    flow.add_client_error("describe_execution", "ExecutionDoesNotExist")
    assert executions.status(JOB_ID) is None


def test_those_that_run_are_listed_over_all_pages(executions: Executions, flow: Stubber) -> None:
    asked = {"stateMachineArn": ARN, "statusFilter": "RUNNING", "maxResults": 1000}
    flow.add_response("list_executions", {"executions": [a_listed("a")], "nextToken": "n"}, asked)
    flow.add_response(
        "list_executions", {"executions": [a_listed("b")]}, asked | {"nextToken": "n"}
    )
    assert executions.running() == {"a", "b"}


def test_its_newest_task_is_the_one_submitted_last(executions: Executions, flow: Stubber) -> None:
    tell(flow, submitted(TASK, 5), event("TaskStarted", 4), submitted("older", 1))
    task = executions.newest_task(JOB_ID)

    assert task is not None
    assert (task.arn, task.submitted_at, task.has_ended) == (TASK, at(5), False)


@pytest.mark.parametrize(
    "kind",
    ["TaskFailed", "TaskSucceeded", "TaskTimedOut", "ExecutionAborted", "ExecutionFailed"],
)
def test_a_task_that_the_execution_waits_for_no_more_has_ended(
    executions: Executions, flow: Stubber, kind: str
) -> None:
    later = [event("TaskScheduled", 9), event("WaitStateEntered", 8), event(kind, 7)]
    tell(flow, *later, submitted(TASK, 5))
    task = executions.newest_task(JOB_ID)

    assert task is not None
    assert (task.arn, task.has_ended) == (TASK, True)


def test_the_task_of_a_redrive_has_not_ended_with_the_run_before(
    executions: Executions, flow: Stubber
) -> None:
    tell(flow, submitted(TASK, 9), event("ExecutionRedriven", 8), event("ExecutionFailed", 7))
    task = executions.newest_task(JOB_ID)

    assert task is not None
    assert not task.has_ended


def test_a_long_history_is_read_back_to_the_task(executions: Executions, flow: Stubber) -> None:
    asked = {"executionArn": EXECUTION, "reverseOrder": True, "maxResults": ANY}
    page = {"events": [event("WaitStateEntered", 9)], "nextToken": "n"}
    flow.add_response("get_execution_history", page, asked)
    page = {"events": [submitted(TASK, 5)], "nextToken": "more"}
    flow.add_response("get_execution_history", page, asked | {"nextToken": "n"})

    task = executions.newest_task(JOB_ID)
    assert task is not None
    assert task.arn == TASK


def test_without_a_task_there_is_none(executions: Executions, flow: Stubber) -> None:
    tell(flow, event("TaskScheduled", 2), event("ExecutionStarted", 1))
    assert executions.newest_task(JOB_ID) is None

    refusal = json.dumps({"Tasks": [], "Failures": [{"Reason": "RESOURCE:CPU"}]})
    tell(flow, event("TaskSubmitted", 2, taskSubmittedEventDetails=details(refusal)))
    assert executions.newest_task(JOB_ID) is None

    flow.add_client_error("get_execution_history", "ExecutionDoesNotExist")
    assert executions.newest_task(JOB_ID) is None


@pytest.mark.parametrize("operation", ASKED_BY_HISTORY)
def test_an_outage_while_a_history_is_read_is_transient(
    executions: Executions, flow: Stubber, operation: str
) -> None:
    flow.add_client_error(operation, "InternalFailure", http_status_code=500)
    with pytest.raises(RecordsUnavailable):
        ASKED_BY_HISTORY[operation](executions)


@pytest.mark.parametrize("operation", ASKED_BY_HISTORY)
def test_what_we_may_not_read_is_ours_to_mend(
    executions: Executions, flow: Stubber, operation: str
) -> None:
    flow.add_client_error(operation, "AccessDeniedException")
    with pytest.raises(ClientError):
        ASKED_BY_HISTORY[operation](executions)


def test_an_execution_is_described_with_its_times_and_redrives(
    executions: Executions, flow: Stubber
) -> None:
    told = described("FAILED") | {"stopDate": at(5), "redriveCount": 2}
    flow.add_response("describe_execution", told, {"executionArn": EXECUTION})

    assert executions.describe(JOB_ID) == Execution(ExecutionStatus.FAILED, NOW, at(5), 2)


def test_one_that_runs_has_not_stopped(executions: Executions, flow: Stubber) -> None:
    flow.add_response("describe_execution", described("RUNNING"))
    assert executions.describe(JOB_ID) == Execution(ExecutionStatus.RUNNING, NOW, None, 0)


def test_a_job_that_waits_has_no_execution_and_no_events(
    executions: Executions, flow: Stubber
) -> None:
    for operation in ASKED_BY_HISTORY:
        flow.add_client_error(operation, "ExecutionDoesNotExist")

    assert executions.describe(JOB_ID) is None
    assert executions.events(JOB_ID, always) == ([], True)


def test_events_are_read_page_by_page_and_told_oldest_first(
    executions: Executions, flow: Stubber
) -> None:
    asked = {"executionArn": EXECUTION, "maxResults": 1000, "reverseOrder": True}
    page = {"events": [event("C", 3), event("B", 2)], "nextToken": "n"}
    flow.add_response("get_execution_history", page, asked)
    flow.add_response("get_execution_history", {"events": [event("A", 1)]}, asked | NEXT)

    found, is_whole = executions.events(JOB_ID, always)

    assert [each["type"] for each in found] == ["A", "B", "C"]
    assert is_whole


def test_without_time_the_beginning_is_left_out(executions: Executions, flow: Stubber) -> None:
    page = {"events": [event("C", 3), event("B", 2)], "nextToken": "n"}
    flow.add_response("get_execution_history", page)

    found, is_whole = executions.events(JOB_ID, lambda: False)

    assert [each["type"] for each in found] == ["B", "C"]
    assert not is_whole


def test_a_very_long_history_ends_somewhere(executions: Executions, flow: Stubber) -> None:
    page = {"events": [event("B", 2)] * 1000, "nextToken": "n"}
    for _ in range(5):
        flow.add_response("get_execution_history", page)

    found, is_whole = executions.events(JOB_ID, always)

    assert len(found) == 5000
    assert not is_whole


NEXT = {"nextToken": "n"}


def at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def described(status: str) -> dict[str, Any]:
    return {
        "executionArn": EXECUTION,
        "stateMachineArn": ARN,
        "status": status,
        "startDate": NOW,
    }


def a_listed(name: str) -> dict[str, Any]:
    return described("RUNNING") | {"name": name}


def event(kind: str, seconds: int, **told: Any) -> dict[str, Any]:
    return {"id": seconds, "type": kind, "timestamp": at(seconds), **told}


def submitted(arn: str, seconds: int) -> dict[str, Any]:
    """With RunTask's answer as Step Functions writes it, in capitals."""
    output = json.dumps({"Tasks": [{"TaskArn": arn, "LastStatus": "PROVISIONING"}], "Failures": []})
    return event("TaskSubmitted", seconds, taskSubmittedEventDetails=details(output))


def details(output: str) -> dict[str, Any]:
    return {"resourceType": "ecs", "resource": "runTask.sync", "output": output}


def tell(flow: Stubber, *newest_first: dict[str, Any]) -> None:
    flow.add_response("get_execution_history", {"events": list(newest_first)})
