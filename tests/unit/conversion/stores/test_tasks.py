"""Stopping an ECS task, whatever has become of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from conversion.errors import RecordsUnavailable
from conversion.stores import clients
from conversion.stores.tasks import Tasks

ARN = "arn:aws:ecs:eu-west-1:123456789012:task/sluice/1dc5c17a422b4dc4b493371970c6c4d6"
SENT = {"cluster": "sluice", "task": ARN, "reason": "It is silent."}


@pytest.fixture
def client(aws: None) -> Any:
    return clients.ecs()


@pytest.fixture
def tasks(client: Any) -> Tasks:
    return Tasks(client, "sluice")


@pytest.fixture
def ecs(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("status", ["RUNNING", "STOPPED"])
def test_a_task_is_stopped_with_a_reason(tasks: Tasks, ecs: Stubber, status: str) -> None:
    ecs.add_response("stop_task", {"task": {"lastStatus": status}}, SENT)
    tasks.stop(ARN, "It is silent.")


def test_a_task_that_is_gone_is_no_error(tasks: Tasks, ecs: Stubber) -> None:
    ecs.add_client_error(
        "stop_task", "InvalidParameterException", "The referenced task was not found."
    )
    tasks.stop(ARN, "It is silent.")


@pytest.mark.parametrize(
    ("code", "status"),
    [("ThrottlingException", 400), ("ServerException", 500), ("ServiceUnavailable", 503)],
)
def test_what_passes_is_transient(tasks: Tasks, ecs: Stubber, code: str, status: int) -> None:
    ecs.add_client_error("stop_task", code, http_status_code=status)
    with pytest.raises(RecordsUnavailable, match=code):
        tasks.stop(ARN, "It is silent.")


def test_an_answer_that_broke_off_is_transient(tasks: Tasks, ecs: Stubber) -> None:
    ecs.add_response("stop_task", {})
    with pytest.raises(RecordsUnavailable, match="broke off"):
        tasks.stop(ARN, "It is silent.")


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ClusterNotFoundException", "InvalidParameterException"]
)
def test_what_is_our_own_fault_stays_as_it_is(tasks: Tasks, ecs: Stubber, code: str) -> None:
    ecs.add_client_error("stop_task", code, "Wrong.")
    with pytest.raises(ClientError, match=code):
        tasks.stop(ARN, "It is silent.")


def test_ecs_that_cannot_be_reached_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # nothing listens there
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with pytest.raises(RecordsUnavailable, match="cannot be reached"):
        Tasks(clients.ecs(clients.BRISK), "sluice").stop(ARN, "It is silent.")
