"""The routes of batches: what is asked of the state machine, and what is told of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from botocore.stub import Stubber

from conversion.settings import ManageBatchesSettings
from lambdas.openapi.document import DOCUMENT
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET
from tests.unit.lambdas.conftest import Answer, Deployment, asking, load

FUNCTION = "manage_batches"
MACHINE = f"arn:aws:states:{pretend.REGION}:{pretend.ACCOUNT}:stateMachine:batch"
BATCH_ID = "3f2b8c1e9a7d4f60b5c3e1a2d4f6b8c0"
MAP_RUN = f"{MACHINE.replace('stateMachine', 'mapRun')}/listing:1"
SETTINGS = ManageBatchesSettings(
    BUCKET, tables.IDEMPOTENCY, MACHINE, "archive/talks,lists", auth="none"
)
BODY = {"source": "s3://archive/talks/2024/", "conversions": [{"format": "mp3"}]}
OPERATOR = "arn:aws:sts::123456789012:assumed-role/Operators"
STARTED = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def module() -> Any:
    with pretend.aws():
        return load(FUNCTION, SETTINGS.to_env())


@pytest.fixture
def world(deployment: Deployment, module: Any) -> Deployment:
    deployment.functions = deployment.functions | {FUNCTION: module}
    return deployment


class Machine:
    """Step Functions, of which moto has no Map Runs: each batch that was started, as it is told."""

    def __init__(self, stub: Stubber) -> None:
        self._stub = stub
        self.given: Any = None

    def starts(self) -> Machine:
        answer = {"executionArn": "arn", "startDate": STARTED}
        self._stub.add_response("start_execution", answer)
        return self

    def tells(self, status: str = "RUNNING", counts: Any = None, **more: Any) -> Machine:
        given = more.pop("given", None) or {
            "reader": "listing",
            "bucket": "archive",
            "at": "talks/2024/",
            "filesEach": 10,
            "atOnce": 60,
            "asked": {"conversions": [{"format": "mp3"}], "dryRun": False, "owner": None},
        }
        self._stub.add_response(
            "describe_execution",
            {
                "executionArn": "arn",
                "stateMachineArn": MACHINE,
                "status": status,
                "startDate": STARTED,
                "input": json.dumps(given),
                **more,
            },
        )
        self._stub.add_response("list_map_runs", {"mapRuns": [_run()] if counts else []})
        if counts:
            self._stub.add_response("describe_map_run", _described(counts))
        return self


def _run() -> dict[str, Any]:
    return {
        "executionArn": "arn",
        "mapRunArn": MAP_RUN,
        "stateMachineArn": MACHINE,
        "startDate": STARTED,
    }


def _described(counts: dict[str, int]) -> dict[str, Any]:
    names = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total")
    whole = dict.fromkeys((*names, "resultsWritten"), 0)
    return {
        "mapRunArn": MAP_RUN,
        "executionArn": "arn",
        "status": "RUNNING",
        "startDate": STARTED,
        "maxConcurrency": 60,
        "toleratedFailurePercentage": 100.0,
        "toleratedFailureCount": 0,
        "itemCounts": whole | counts,
        "executionCounts": whole,
    }


@pytest.fixture
def machine(module: Any) -> Any:
    with Stubber(module.runs._client) as stub:
        yield Machine(stub)
        stub.assert_no_pending_responses()


def ask(world: Deployment, event: Any, method: str, path: str, body: Any = None) -> Answer:
    asked = asking(event("http_create_job"), method, path)
    return world.call(FUNCTION, asked | {"body": json.dumps(body)})


def test_a_batch_is_begun(world: Deployment, event: Any, machine: Machine, module: Any) -> None:
    started: list[Any] = []
    module.runs._client.meta.events.register(
        "before-parameter-build.sfn.StartExecution", lambda params, **_: started.append(params)
    )
    machine.starts()

    answer = ask(world, event, "POST", "/v1/batches", BODY)

    assert answer.status == 202
    (given,) = started
    assert answer.headers["location"] == f"/v1/batches/{given['name']}"
    assert answer.json["batchId"] == given["name"]
    assert json.loads(given["input"]) == {
        "reader": "listing",
        "bucket": "archive",
        "at": "talks/2024/",
        "filesEach": 10,
        "atOnce": 60,  # 100 that run, and half of 1,000 that wait, ten a child
        "asked": {
            "bucket": "archive",
            "reader": "listing",
            "conversions": [{"format": "mp3"}],
            "dryRun": False,
            "owner": None,
        },
    }


@pytest.fixture
def told_apart(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "settings", replace(SETTINGS, auth="iam", operators=OPERATOR))


def by_role(event: Any, session: str) -> Any:
    event["requestContext"]["authorizer"] = {"iam": {"userArn": session}}
    return event


def test_a_batch_is_its_callers(
    world: Deployment, event: Any, machine: Machine, module: Any, told_apart: None
) -> None:
    started: list[Any] = []
    module.runs._client.meta.events.register(
        "before-parameter-build.sfn.StartExecution", lambda params, **_: started.append(params)
    )
    machine.starts()
    asked = by_role(asking(event("http_create_job"), "POST", "/v1/batches"), f"{OPERATOR}/me")
    world.call(FUNCTION, asked | {"body": json.dumps(BODY)})
    assert json.loads(started[0]["input"])["asked"]["owner"] == OPERATOR


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/batches"),
        ("GET", f"/v1/batches/{BATCH_ID}"),
        ("DELETE", f"/v1/batches/{BATCH_ID}"),
    ],
)
def test_who_is_no_operator_has_no_batches(
    world: Deployment, event: Any, machine: Machine, told_apart: None, method: str, path: str
) -> None:
    """Whoever has one reads everybody's uploads, by `s3://OUR-BUCKET/uploads/`."""
    other = OPERATOR.replace("Operators", "Callers")
    asked = by_role(asking(event("http_create_job"), method, path), f"{other}/me")
    answer = world.call(FUNCTION, asked | {"body": json.dumps(BODY)})
    assert answer.is_problem(403, "OPERATORS_ONLY")
    assert other in answer.json["detail"]
    assert "-c operators=" in answer.json["detail"]


def test_where_nobody_is_asked_who_they_are_everybody_has_batches(
    world: Deployment, event: Any, machine: Machine
) -> None:
    machine.tells()
    assert ask(world, event, "GET", f"/v1/batches/{BATCH_ID}").status == 200


def test_a_repeat_under_its_key_is_told_of_the_batch_as_it_is_by_then(
    world: Deployment, event: Any, machine: Machine
) -> None:
    machine.starts().tells("SUCCEEDED", output="{}", stopDate=STARTED)
    asked = asking(event("http_create_job"), "POST", "/v1/batches")
    asked["headers"] |= {"idempotency-key": "again"}
    first, again = (world.call(FUNCTION, asked | {"body": json.dumps(BODY)}) for _ in range(2))
    assert (first.status, first.json["status"]) == (202, "running")
    assert first.json["createdAt"] == "2026-11-22T02:00:00.000Z"
    assert (again.json["batchId"], again.json["status"]) == (first.json["batchId"], "completed")


REFUSED = [
    ({}, 400, "INVALID_REQUEST"),
    (BODY | {"manifest": "s3://lists/a.csv"}, 400, "INVALID_REQUEST"),
    (BODY | {"source": "archive/talks"}, 400, "INVALID_REQUEST"),
    (BODY | {"source": "s3://A/x"}, 400, "INVALID_REQUEST"),
    (BODY | {"conversions": []}, 400, "INVALID_REQUEST"),
    (BODY | {"conversions": [{"format": "mp9"}]}, 400, "UNSUPPORTED_OUTPUT_FORMAT"),
    (BODY | {"dryRun": "yes"}, 400, "INVALID_REQUEST"),
    (BODY | {"sources": 1}, 400, "INVALID_REQUEST"),
    (BODY | {"source": "s3://archive/"}, 403, "SOURCE_NOT_ALLOWED"),
    (BODY | {"source": "s3://elsewhere/talks/"}, 403, "SOURCE_NOT_ALLOWED"),
    (BODY | {"source": f"s3://{BUCKET}/conversions/"}, 403, "SOURCE_NOT_ALLOWED"),
    ({"manifest": "s3://lists/a.txt", "conversions": [{"format": "mp3"}]}, 400, "INVALID_REQUEST"),
    (
        {"manifest": "s3://elsewhere/a.csv", "conversions": [{"format": "mp3"}]},
        403,
        "SOURCE_NOT_ALLOWED",
    ),
]


@pytest.mark.parametrize(("body", "status", "code"), REFUSED)
def test_what_cannot_be_done_is_refused(
    world: Deployment, event: Any, machine: Machine, body: Any, status: int, code: str
) -> None:
    assert ask(world, event, "POST", "/v1/batches", body).is_problem(status, code)


READERS = [
    ("source", f"s3://{BUCKET}/uploads/", "listing"),
    ("manifest", "s3://lists/daily/manifest.json", "inventory"),
    ("manifest", f"s3://{BUCKET}/batches/mine/chosen.csv", "keys"),
]


@pytest.mark.parametrize(("field", "url", "reader"), READERS)
def test_the_reader_follows_from_what_is_named(
    world: Deployment, event: Any, machine: Machine, module: Any, field: str, url: str, reader: str
) -> None:
    started: list[Any] = []
    module.runs._client.meta.events.register(
        "before-parameter-build.sfn.StartExecution", lambda params, **_: started.append(params)
    )
    machine.starts()
    body = {field: url, "conversions": [{"format": "mp3"}]}
    assert ask(world, event, "POST", "/v1/batches", body).status == 202
    assert json.loads(started[0]["input"])["reader"] == reader


def test_a_batch_under_way_is_told_with_its_counts(
    world: Deployment, event: Any, machine: Machine
) -> None:
    machine.tells(counts={"total": 100, "pending": 70, "running": 20, "succeeded": 8, "failed": 2})

    answer = ask(world, event, "GET", f"/v1/batches/{BATCH_ID}")

    assert answer.status == 200
    assert answer.headers["retry-after"] == "5"
    told = answer.json
    assert told["files"] == {"total": 100, "pending": 70, "running": 20, "done": 10}
    assert (told["status"], told["source"]) == ("running", "s3://archive/talks/2024/")
    schema = {"$ref": "#/components/schemas/Batch", "components": DOCUMENT["components"]}
    jsonschema.validate(told, schema)


def test_a_batch_that_is_over_is_told_with_its_summary(
    world: Deployment, event: Any, machine: Machine
) -> None:
    summary = {"files": 1, "skipped": {}}
    machine.tells("SUCCEEDED", output=json.dumps(summary), stopDate=STARTED)

    answer = ask(world, event, "GET", f"/v1/batches/{BATCH_ID}")

    assert (answer.json["status"], answer.json["summary"]) == ("completed", summary)
    assert answer.json["endedAt"] == "2026-11-22T02:00:00.000Z"
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_a_batch_that_failed_says_why(
    world: Deployment, event: Any, machine: Machine, status: str
) -> None:
    machine.tells(status, error="States.ItemReaderFailed", cause="no such key", stopDate=STARTED)
    told = ask(world, event, "GET", f"/v1/batches/{BATCH_ID}").json
    assert (told["status"], told["error"]["code"]) == ("failed", "States.ItemReaderFailed")


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    paused: list[float] = []
    monkeypatch.setattr("conversion.batches.runs.time.sleep", paused.append)
    return paused


def test_a_batch_that_nobody_knows_is_404(
    world: Deployment, event: Any, machine: Machine, paused: list[float]
) -> None:
    for _ in range(4):
        machine._stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    answer = ask(world, event, "GET", f"/v1/batches/{BATCH_ID}")
    assert answer.is_problem(404, "BATCH_NOT_FOUND")
    assert 1 < sum(paused) < 2


def test_a_batch_that_is_not_told_of_yet_is_asked_for_again(
    world: Deployment, event: Any, machine: Machine, paused: list[float]
) -> None:
    machine._stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    machine.tells()
    assert ask(world, event, "GET", f"/v1/batches/{BATCH_ID}").json["status"] == "running"


@pytest.mark.parametrize("batch_id", ["unknown", "x" * 300, f"{BATCH_ID}:1", BATCH_ID.upper()])
def test_what_is_no_batchs_id_is_not_asked_for(
    world: Deployment, event: Any, machine: Machine, batch_id: str
) -> None:
    answer = ask(world, event, "GET", f"/v1/batches/{batch_id}")
    assert answer.is_problem(404, "BATCH_NOT_FOUND")


def test_a_batch_is_cancelled_once_and_no_more(
    world: Deployment, event: Any, machine: Machine
) -> None:
    machine.tells()
    machine._stub.add_response("stop_execution", {"stopDate": STARTED})
    machine.tells("ABORTED", stopDate=STARTED)
    answer = ask(world, event, "DELETE", f"/v1/batches/{BATCH_ID}")
    assert (answer.status, answer.json["status"]) == (202, "cancelled")

    machine.tells("ABORTED", stopDate=STARTED)
    assert ask(world, event, "DELETE", f"/v1/batches/{BATCH_ID}").status == 202


def test_a_batch_that_was_stopped_is_cancelled_though_it_is_told_as_running(
    world: Deployment, event: Any, machine: Machine
) -> None:
    """DescribeExecution may not know of the stop yet."""
    machine.tells()
    machine._stub.add_response("stop_execution", {"stopDate": STARTED})
    machine.tells()
    answer = ask(world, event, "DELETE", f"/v1/batches/{BATCH_ID}")
    assert (answer.status, answer.json["status"]) == (202, "cancelled")
    assert answer.json["endedAt"] == "2026-11-22T02:00:00.000Z"


def test_a_batch_that_ended_just_before_its_stop_is_not_told_as_cancelled(
    world: Deployment, event: Any, machine: Machine
) -> None:
    machine.tells()
    machine._stub.add_response("stop_execution", {"stopDate": STARTED})
    machine.tells("SUCCEEDED", stopDate=STARTED)
    answer = ask(world, event, "DELETE", f"/v1/batches/{BATCH_ID}")
    assert answer.is_problem(409, "BATCH_FINISHED")


def test_a_batch_that_is_over_cannot_be_cancelled(
    world: Deployment, event: Any, machine: Machine
) -> None:
    machine.tells("SUCCEEDED", stopDate=STARTED)
    answer = ask(world, event, "DELETE", f"/v1/batches/{BATCH_ID}")
    assert answer.is_problem(409, "BATCH_FINISHED")


def test_a_deployment_without_sources_says_that_it_has_no_batches(
    deployment: Deployment, event: Any
) -> None:
    asked = asking(event("http_create_job"), "POST", "/v1/batches")
    answer = deployment.call("describe_api", asked | {"body": json.dumps(BODY)})
    assert answer.is_problem(404, "NO_BATCHES")
    assert "batchSources" in answer.json["detail"]
