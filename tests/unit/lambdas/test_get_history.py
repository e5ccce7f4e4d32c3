"""GET /v1/jobs/{jobId}/history: the whole story, to whoever may see the job."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from conversion.history import Log
from conversion.job import Status
from lambdas import represent
from tests.contract import pretend
from tests.contract.examples import BUCKET, JOB, JOB_ID, LONG_AGO, a_job, failed
from tests.unit.lambdas.conftest import STATE_MACHINE, asking, by

FIELDS = [
    "attempts", "execution", "job", "jobId", "log", "logIsWhole", "states", "statesAreWhole",
]  # fmt: skip
EXECUTION = f"{STATE_MACHINE.replace(':stateMachine:', ':execution:')}:{JOB_ID}"
STARTED = datetime(2026, 11, 21, 9, 30, 13, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs' own day, whenever the tests run."""
    now = datetime.fromisoformat(JOB.created_at) + timedelta(hours=1)
    monkeypatch.setattr("conversion.stores.logs.utc_now", lambda: now)


@pytest.fixture
def ask(deployment, event) -> Any:
    def asked(identity: str | None = None) -> Any:
        path = f"/v1/jobs/{JOB_ID}/history"
        request = asking(event("http_get_job"), "GET", path)
        return deployment.call("get_history", by(request, identity) if identity else request)

    return asked


class Services:
    """Step Functions and CloudWatch Logs, as the function meets them."""

    def __init__(self, flow: Stubber, logs: Stubber) -> None:
        self.flow = flow
        self.logs = logs

    def describe(self, status: str, **more: Any) -> None:
        told = {"executionArn": EXECUTION, "stateMachineArn": STATE_MACHINE, "status": status}
        self.flow.add_response("describe_execution", {**told, "startDate": STARTED, **more})

    def tell(self, events: list[dict[str, Any]], **more: Any) -> None:
        newest_first = [_whole(each) for each in reversed(events)]
        self.flow.add_response("get_execution_history", {"events": newest_first, **more})

    def say(self, *lines: dict[str, Any]) -> None:
        events = [
            {"timestamp": 1795253412345, "message": json.dumps({"jobId": JOB_ID, **line})}
            for line in lines
        ]
        self.logs.add_response("filter_log_events", {"events": events})


def _whole(event: dict[str, Any]) -> dict[str, Any]:
    """With what AWS always says, and the engine leaves out."""
    name = "taskScheduledEventDetails"
    if name not in event:
        return event
    return {**event, name: {**event[name], "region": pretend.REGION, "parameters": "{}"}}


@pytest.fixture
def services(deployment, monkeypatch) -> Iterator[Services]:
    module = deployment.functions["get_history"]
    with ExitStack() as opened:
        flow = opened.enter_context(Stubber(module.executions._client))
        logs = opened.enter_context(Stubber(module.logs._client))
        monkeypatch.setattr(module, "ThreadPoolExecutor", _OneAfterTheOther)
        yield Services(flow, logs)


class _OneAfterTheOther:
    """Stubber answers in an order, which threads do not keep."""

    def __init__(self, _: int) -> None: ...
    def __enter__(self) -> _OneAfterTheOther:
        return self

    def __exit__(self, *_: object) -> None: ...
    def submit(self, ask: Any, *arguments: Any) -> Any:
        done: Future[Any] = Future()
        try:
            done.set_result(ask(*arguments))
        except Exception as error:
            done.set_exception(error)
        return done


@pytest.fixture
def told(event) -> list[dict[str, Any]]:
    """What the engine has told of a job that failed."""
    events = event("states_history_failed")
    return [{**each, "timestamp": datetime.fromisoformat(each["timestamp"])} for each in events]


def test_a_failed_job_is_told_from_beginning_to_end(deployment, services, ask, told) -> None:
    deployment.jobs.put_if_absent(failed())
    stopped = told[-1]["timestamp"]
    services.describe("FAILED", stopDate=stopped, redriveCount=1)
    services.tell(told)
    services.say({"level": "WARNING", "message": "failed", "code": "UNSUPPORTED_INPUT", "pid": 7})

    answer = ask()

    assert answer.status == 200
    assert sorted(answer.json) == FIELDS
    assert answer.json["jobId"] == JOB_ID
    assert answer.json["job"] == represent.job(failed())
    assert answer.json["execution"] == {
        "status": "FAILED",
        "startedAt": "2026-11-21T09:30:13.000Z",
        "stoppedAt": "2026-11-21T22:31:27.057Z",
        "redrives": 1,
    }
    last = answer.json["states"][-1]
    assert (last["name"], last["error"]["code"]) == ("Failed", "UNSUPPORTED_INPUT")
    assert last["seconds"] == 0.509
    assert answer.json["attempts"] == [
        {
            "number": 1,
            "startedAt": "2026-11-21T22:31:25.492Z",
            "stoppedAt": "2026-11-21T22:31:26.495Z",
            "seconds": 1.003,
            "exitCode": 0,
            "reason": "The converter ended, and the job's outcome is recorded.",
        }
    ]
    assert answer.json["log"] == [
        {
            "at": "2026-11-21T09:30:12.345Z",
            "level": "warning",
            "message": "failed",
            "fields": {"code": "UNSUPPORTED_INPUT"},
        }
    ]
    assert answer.json["logIsWhole"] is True
    assert answer.json["statesAreWhole"] is True
    assert "retry-after" not in answer.headers


def test_nothing_leaves_that_names_a_resource(deployment, services, ask, told) -> None:
    deployment.jobs.put_if_absent(failed())
    services.describe("FAILED")
    services.tell(told)
    services.say({"message": f"{EXECUTION} in {BUCKET} of {pretend.ACCOUNT}", "reason": BUCKET})

    text = ask().text

    for secret in ("arn:", pretend.ACCOUNT, "000000000000", BUCKET, "amazonaws", "sluice-dev"):
        assert secret not in text


def test_a_job_that_waits_has_no_execution_yet(deployment, services, ask) -> None:
    deployment.jobs.put_if_absent(JOB)
    for operation in ("describe_execution", "get_execution_history"):
        services.flow.add_client_error(operation, "ExecutionDoesNotExist")
    services.say()

    answer = ask()

    assert answer.status == 200
    assert answer.json["execution"] is None
    assert answer.json["states"] == answer.json["attempts"] == answer.json["log"] == []
    assert answer.headers["retry-after"] == "5"


def test_a_running_converter_has_no_end(deployment, services, ask, told) -> None:
    deployment.jobs.put_if_absent(a_job(status=Status.PROCESSING))
    services.describe("RUNNING")
    services.tell(told[:7])
    services.say()

    body = ask().json

    assert body["execution"]["stoppedAt"] is None
    assert body["states"][-1] == {
        "name": "Convert",
        "enteredAt": "2026-11-21T22:31:25.475Z",
        "leftAt": None,
        "seconds": None,
        "error": None,
    }
    (run,) = body["attempts"]
    assert run["startedAt"] is not None
    assert [run[name] for name in ("stoppedAt", "seconds", "exitCode", "reason")] == [None] * 4


@pytest.mark.parametrize("code", ["InternalFailure", "AccessDeniedException"])
def test_without_the_log_there_is_the_rest(deployment, services, ask, told, log, code) -> None:
    deployment.jobs.put_if_absent(failed())
    services.describe("FAILED")
    services.tell(told)
    for _ in range(2):  # SWIFT's tries
        services.logs.add_client_error("filter_log_events", code, http_status_code=500)

    answer = ask()

    assert answer.status == 200
    assert len(answer.json["states"]) == 5
    assert (answer.json["log"], answer.json["logIsWhole"]) == ([], False)
    assert any(each["level"] == "ERROR" for each in log())


def test_without_step_functions_there_is_no_history(deployment, services, ask, monkeypatch) -> None:
    deployment.jobs.put_if_absent(failed())
    services.say()

    def down(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://states.eu-west-1.amazonaws.com")

    client = deployment.functions["get_history"].executions._client
    monkeypatch.setattr(client, "get_execution_history", down)
    monkeypatch.setattr(client, "describe_execution", down)

    assert ask().is_problem(503, "RECORDS_UNAVAILABLE")


def test_an_unknown_job_is_not_found(deployment, ask) -> None:
    assert ask().is_problem(404, "JOB_NOT_FOUND")


def test_an_expired_job_is_gone(deployment, ask) -> None:
    deployment.jobs.put_if_absent(a_job(expires_at=LONG_AGO))
    assert ask().is_problem(410, "JOB_EXPIRED")


def test_anothers_job_is_as_good_as_not_there(deployment, services, ask) -> None:
    unknown = ask("somebody else")
    deployment.jobs.put_if_absent(a_job(owner="its owner"))

    answer = ask("somebody else")

    assert answer.is_problem(404, "JOB_NOT_FOUND")
    assert answer.json == unknown.json


def test_its_owner_sees_it(deployment, services, ask) -> None:
    deployment.jobs.put_if_absent(a_job(owner="its owner"))
    services.describe("RUNNING")
    services.tell([])
    services.say()

    assert ask("its owner").status == 200


def test_what_it_asks_is_asked_side_by_side(deployment, ask, monkeypatch) -> None:
    """Each waits for the others: one after the other, none would ever be answered."""
    deployment.jobs.put_if_absent(JOB)
    together = threading.Barrier(3, timeout=10)

    def answering(answer: Any) -> Any:
        def asked(*_: Any) -> Any:
            together.wait()
            return answer

        return asked

    module = deployment.functions["get_history"]
    monkeypatch.setattr(module.executions, "describe", answering(None))
    monkeypatch.setattr(module.executions, "events", answering(([], True)))
    monkeypatch.setattr(module.logs, "of", answering(Log()))

    assert ask().json["logIsWhole"] is True


def test_it_ends_within_its_time(functions) -> None:
    """The job, and then what is asked side by side: the function has 10 s (infra/)."""
    module = functions["get_history"]
    config = module.logs._client.meta.config
    tries = config.retries["total_max_attempts"]
    page = tries * max(config.connect_timeout, config.read_timeout) + 2 ** (tries - 1) - 1

    assert module.READING_SECONDS + page < 10
