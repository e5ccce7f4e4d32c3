"""One real engine for the whole folder, and small things to build in it. Nothing here is a mock."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from local.child import Engine
from local.ffmpeg import Ffmpeg, find_ffmpeg

ROLE = "arn:aws:iam::000000000000:role/any"
CAPACITY = 6
T = TypeVar("T")


@pytest.fixture(scope="session")
def ffmpeg() -> Ffmpeg:
    return find_ffmpeg()


@pytest.fixture(scope="session")
def engine(ffmpeg: Ffmpeg) -> Iterator[Engine]:
    environment = {"SLUICE_LOCAL_CAPACITY": str(CAPACITY)}
    with Engine(ffmpeg=ffmpeg, environment=environment) as engine:
        yield engine


@pytest.fixture(scope="session")
def cluster(engine: Engine) -> str:
    ecs = engine.client("ecs")
    ecs.create_cluster(clusterName="conversions", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    return "conversions"


@pytest.fixture
def task_definition(engine: Engine) -> Callable[..., str]:
    """Register a task whose one container runs this Python; returns its ARN."""
    ecs = engine.client("ecs")

    def register(code: str, **container: Any) -> str:
        definition = {
            "name": "main",
            "image": "none",
            "essential": True,
            "entryPoint": ["python", "-c", code],
            **container,
        }
        answer = ecs.register_task_definition(
            family=f"t{uuid4().hex[:8]}",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[definition],
        )
        return answer["taskDefinition"]["taskDefinitionArn"]

    return register


class Machines:
    """State machines made, run and watched in the engine."""

    def __init__(self, engine: Engine) -> None:
        self.client = engine.client("stepfunctions")

    def create(self, states: dict[str, Any], **top: Any) -> str:
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), **top}
        definition["States"] = states
        return self.client.create_state_machine(
            name=f"m{uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]

    def start(self, machine: str, given: Any = None, **options: Any) -> str:
        answer = self.client.start_execution(
            stateMachineArn=machine, input=json.dumps(given or {}), **options
        )
        return answer["executionArn"]

    def run(self, states: dict[str, Any], given: Any = None, **top: Any) -> dict[str, Any]:
        return self.ended(self.start(self.create(states, **top), given))

    def ended(self, execution: str, seconds: float = 15) -> dict[str, Any]:
        def over() -> dict[str, Any] | None:
            found = self.client.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return eventually(over, seconds)

    def history(self, execution: str) -> list[dict[str, Any]]:
        return self.client.get_execution_history(executionArn=execution)["events"]


@pytest.fixture(scope="session")
def machines(engine: Engine) -> Machines:
    return Machines(engine)


@pytest.fixture
def run_task_state(cluster: str) -> Callable[..., dict[str, Any]]:
    """A state that runs a task to its end, as statemachine/conversion.asl.json does."""

    def state(definition: str, **more: Any) -> dict[str, Any]:
        vpc = {"Subnets": ["subnet-1"], "AssignPublicIp": "ENABLED"}
        arguments = {
            "Cluster": cluster,
            "TaskDefinition": definition,
            "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}],
            "NetworkConfiguration": {"AwsvpcConfiguration": vpc},
        }
        resource = "arn:aws:states:::ecs:runTask.sync"
        task = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}
        return {**task, **more}

    return state


@pytest.fixture
def function(engine: Engine) -> Callable[..., str]:
    """Create a Lambda function of this source; returns its name."""
    client = engine.client("lambda")

    def create(source: str, **options: Any) -> str:
        name = f"f{uuid4().hex[:8]}"
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler="main.handler",
            Code={"ZipFile": zipped({"main.py": source})},
            Timeout=5,
            **options,
        )
        return name

    return create


def zipped(files: dict[str, str]) -> bytes:
    """The same bytes for the same files: an entry made by its name alone carries the time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


def eventually(ask: Callable[[], T | None], seconds: float = 10) -> T:
    """The first answer that is not None or empty; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"nothing after {seconds} s")
