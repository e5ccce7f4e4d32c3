"""Starting an execution: once for each job, whatever Step Functions answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from conversion.errors import RecordsUnavailable
from conversion.stores import clients
from conversion.stores.executions import Executions
from tests.contract.examples import JOB_ID

ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:conversion"
SENT = {"stateMachineArn": ARN, "name": JOB_ID, "input": json.dumps({"jobId": JOB_ID})}


@pytest.fixture
def client(aws: None) -> Any:
    return clients.step_functions()


@pytest.fixture
def flow(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def test_the_execution_is_named_by_the_job(client: Any, flow: Stubber) -> None:
    flow.add_response("start_execution", {"executionArn": "a" * 20, "startDate": 0}, SENT)
    Executions(client, ARN).start(JOB_ID)


def test_one_that_is_there_already_is_what_was_wanted(client: Any, flow: Stubber) -> None:
    flow.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=SENT)
    Executions(client, ARN).start(JOB_ID)


@pytest.mark.parametrize(
    ("code", "status"),
    [("ThrottlingException", 400), ("ExecutionLimitExceeded", 400), ("InternalFailure", 500)],
)
def test_what_passes_is_transient(client: Any, flow: Stubber, code: str, status: int) -> None:
    flow.add_client_error("start_execution", code, http_status_code=status)
    with pytest.raises(RecordsUnavailable, match=code):
        Executions(client, ARN).start(JOB_ID)


@pytest.mark.parametrize("code", ["AccessDeniedException", "StateMachineDoesNotExist"])
def test_what_is_our_own_fault_stays_as_it_is(client: Any, flow: Stubber, code: str) -> None:
    flow.add_client_error("start_execution", code)
    with pytest.raises(ClientError, match=code):
        Executions(client, ARN).start(JOB_ID)


def test_a_flow_that_cannot_be_reached_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # nothing listens there
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with pytest.raises(RecordsUnavailable, match="cannot be reached"):
        Executions(clients.step_functions(clients.BRISK), ARN).start(JOB_ID)
