"""A deployment in moto and its functions, called as AWS calls them."""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest

from conversion import settings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.progress import ProgressTable
from conversion.stores.progress_store import progress_store, seconds_remembered
from conversion.stores.recent import RecentProgress, RecentStandings
from conversion.stores.uploads import Uploads
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET

STATE_MACHINE = f"arn:aws:states:{pretend.REGION}:{pretend.ACCOUNT}:stateMachine:conversion"
CLUSTER = f"arn:aws:ecs:{pretend.REGION}:{pretend.ACCOUNT}:cluster/sluice"
TASK_DEFINITION = f"arn:aws:ecs:{pretend.REGION}:{pretend.ACCOUNT}:task-definition/converter:1"
CONVERTER_LOGS = "/sluice/converter"

SETTINGS: dict[str, settings.Settings] = {
    "create_upload": settings.CreateUploadSettings(
        BUCKET, tables.UPLOADS, tables.JOBS, tables.SLOTS, tables.IDEMPOTENCY
    ),
    "receive_upload": settings.ReceiveUploadSettings(BUCKET, tables.UPLOADS),
    "start_jobs": settings.StartJobsSettings(
        BUCKET,
        tables.UPLOADS,
        tables.JOBS,
        tables.SLOTS,
        STATE_MACHINE,
        default_conversions="mp3, opus@96",
    ),
    "create_job": settings.CreateJobSettings(
        BUCKET, tables.UPLOADS, tables.JOBS, tables.SLOTS, tables.IDEMPOTENCY, STATE_MACHINE
    ),
    "cancel_job": settings.CancelJobSettings(tables.JOBS, STATE_MACHINE),
    "recover_jobs": settings.RecoverJobsSettings(
        BUCKET,
        tables.UPLOADS,
        tables.JOBS,
        tables.PROGRESS,
        tables.SLOTS,
        STATE_MACHINE,
        CLUSTER,
        default_conversions="mp3, opus@96",
    ),
    "get_job": settings.GetJobSettings(tables.JOBS),
    "get_progress": settings.GetProgressSettings(tables.JOBS, tables.PROGRESS),
    "get_output": settings.GetOutputSettings(BUCKET, tables.JOBS),
    "get_history": settings.GetHistorySettings(tables.JOBS, STATE_MACHINE, CONVERTER_LOGS),
    "check_health": settings.CheckHealthSettings(
        BUCKET,
        tables.UPLOADS,
        tables.JOBS,
        tables.PROGRESS,
        tables.SLOTS,
        STATE_MACHINE,
        CLUSTER,
        TASK_DEFINITION,
    ),
    "describe_api": settings.DescribeApiSettings(),
}

# As deployed with auth=none: events without an authorizer are answered.
for name, each in SETTINGS.items():
    if isinstance(each, settings.TellsCallersApart):
        SETTINGS[name] = replace(each, auth="none")

FUNCTIONS = tuple(SETTINGS)


class Context:
    """What Lambda hands a function beside the event."""

    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:function"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    def is_problem(self, status: int, code: str) -> bool:
        """Whether this is the problem, in the form that every problem has."""
        problem = self.json
        assert sorted(problem) == ["code", "detail", "status", "title", "type"]
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["cache-control"] == "no-store"
        assert (problem["type"], problem["status"]) == ("about:blank", self.status)
        assert problem["detail"].endswith(".")
        return (self.status, problem["code"]) == (status, code)


def asking(event: Any, method: str, path: str, **query: str) -> Any:
    """The event as the request of another route: each function has several."""
    event["routeKey"] = event["requestContext"]["routeKey"] = f"{method} {path}"
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event.pop("pathParameters", None)
    event["queryStringParameters"] = query
    return event


def by(event: Any, identity: str) -> Any:
    """The event as API Gateway passes it on of whoever has shown this subject's token."""
    event["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": identity}, "scopes": None}}
    return event


class Deployment:
    """Tables, bucket and state machine, each empty; `call` runs a function on an HTTP event."""

    def __init__(self, functions: dict[str, ModuleType]) -> None:
        self.functions = functions
        self.dynamodb, self.s3 = clients.dynamodb(), clients.s3()
        self._step_functions = clients.step_functions()
        self.jobs = Jobs(self.dynamodb, tables.JOBS)
        self.progress = ProgressTable(self.dynamodb, tables.PROGRESS)
        self.uploads = Uploads(self.dynamodb, tables.UPLOADS)

    def create(self) -> None:
        tables.create_tables(self.dynamodb)
        self.s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": pretend.REGION}
        )
        self._step_functions.create_state_machine(
            name="conversion",
            definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
            roleArn=f"arn:aws:iam::{pretend.ACCOUNT}:role/flow",
        )

    def invoke(self, function: str, event: Any) -> Any:
        return self.functions[function].handler(event, Context())

    def call(self, function: str, event: Any) -> Answer:
        answered = self.invoke(function, event)
        assert answered["isBase64Encoded"] is False
        headers = {name.lower(): value for name, value in answered["headers"].items()}
        if function != "describe_api":  # which tells what is so until the next deployment
            assert headers["cache-control"] == "no-store"
        assert type(answered["statusCode"]) is int
        return Answer(answered["statusCode"], headers, answered["body"])

    def post(self, function: str, event: Any, body: Any) -> Answer:
        return self.call(function, event | {"body": json.dumps(body)})

    def executions(self) -> list[str]:
        """The names of the executions that were started, each with its job id as its input."""
        listed = self._step_functions.list_executions(stateMachineArn=STATE_MACHINE)
        for each in listed["executions"]:
            described = self._step_functions.describe_execution(executionArn=each["executionArn"])
            assert json.loads(described["input"]) == {"jobId": each["name"]}
        return sorted(each["name"] for each in listed["executions"])


@pytest.fixture(scope="session")
def functions() -> dict[str, ModuleType]:
    """Each handler, imported once as at a cold start."""
    with pretend.aws():
        return {name: load(name, each.to_env()) for name, each in SETTINGS.items()}


def load(function: str, environment: dict[str, str]) -> ModuleType:
    """The function's handler, imported anew under this environment and no other settings."""
    module = f"lambdas.{function}.handler"
    sys.modules.pop(module, None)
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(settings.PREFIX):
                patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        return importlib.import_module(module)


@pytest.fixture
def deployment(aws: None, functions: dict[str, ModuleType]) -> Deployment:
    made = Deployment(functions)
    made.create()
    return made


class Clock:
    """A reader's clock, which moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(functions: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> Clock:
    """get_progress, as after a cold start: what it remembers lives as long as its process."""
    module, clock = functions["get_progress"], Clock()
    store = progress_store(module.settings, module.dynamodb)
    seconds = seconds_remembered(module.settings)
    monkeypatch.setattr(module, "standings", RecentStandings(module.jobs, clock=clock))
    monkeypatch.setattr(module, "recent", RecentProgress(store, seconds, clock=clock))
    return clock


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the functions have logged since, line by line."""
    from lambdas.observability import logger

    stream = io.StringIO()
    before = logger.registered_handler.setStream(stream)  # type: ignore[attr-defined]
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.registered_handler.setStream(before)  # type: ignore[attr-defined]
