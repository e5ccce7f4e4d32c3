"""How often a poll of progress reads DynamoDB: the function get_progress itself, in this process,
on the records of the local pipeline, with what it remembers and without."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from benchmarks.scene import Scene
from conversion.stores.progress_store import progress_store
from conversion.stores.recent import Recent
from local.child import REGION, client_of

_FUNCTION = "-GetProgress"


@dataclass(frozen=True)
class Reads:
    """Of DynamoDB, for each poll."""

    job: str
    polls: int
    cached: float
    uncached: float


def counted(scene: Scene, seconds: int) -> list[Reads]:
    handler = _handler(scene)
    found = list[Reads]()
    for name, job_id in (("at work", scene.at_work), ("over", scene.over)):
        polls, cached = _polled(handler, job_id, seconds)
        with _without_memory(handler):
            _, uncached = _polled(handler, job_id, seconds)
        found.append(Reads(name, polls, cached / polls, uncached / polls))
    return found


def _handler(scene: Scene) -> Any:
    """The module as it is deployed: with the environment of the function in the pipeline."""
    functions = client_of(scene.engine, "lambda")
    pages = functions.get_paginator("list_functions").paginate()
    [name] = [
        each["FunctionName"]
        for page in pages
        for each in page["Functions"]
        if _FUNCTION in each["FunctionName"]
    ]
    told = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    os.environ |= told | {
        "AWS_ENDPOINT_URL": scene.engine,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # pragma: allowlist secret
        "AWS_DEFAULT_REGION": REGION,
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_SERVICE_NAME": "benchmark",
        "POWERTOOLS_METRICS_NAMESPACE": "benchmark",
        "POWERTOOLS_METRICS_DISABLED": "true",
    }
    return import_module("lambdas.get_progress.handler")


@contextmanager
def _without_memory(handler: Any) -> Generator[None]:
    before = handler.recent, handler.standings
    store = progress_store(handler.settings, handler.dynamodb)
    handler.recent = Recent("progress", store.read, _never)
    handler.standings = Recent("jobs", handler.jobs.standings, _never)
    yield
    handler.recent, handler.standings = before


def _never(*_: object) -> bool:
    return False


def _polled(handler: Any, job_id: str, seconds: int) -> tuple[int, int]:
    """Polls by five clients who wait a second, out of step, and by one who asks twenty times; and
    the reads they took."""
    patient = [second + who / 5 for second in range(seconds) for who in range(5)]
    eager = [tick / 20 for tick in range(seconds * 20)]
    polls = sorted([*patient, *eager])
    event, context = _event(job_id), _context()
    with _reads_of(handler.dynamodb) as reads:
        began = time.monotonic()
        for moment in polls:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            answer = handler.handler(event, context)
            assert answer["statusCode"] == 200, answer
        return len(polls), reads()


@contextmanager
def _reads_of(client: Any) -> Generator[Callable[[], int]]:
    asked = list[str]()

    def hear(model: Any, **_: Any) -> None:
        asked.append(model.name)

    client.meta.events.register("before-call.dynamodb", hear)
    yield lambda: len(asked)
    client.meta.events.unregister("before-call.dynamodb", hear)


def _event(job_id: str) -> dict[str, Any]:
    """As an HTTP API sends it (payload format 2.0), less what the function does not look at."""
    path = f"/v1/jobs/{job_id}/progress"
    return {
        "version": "2.0",
        "routeKey": "GET /v1/jobs/{jobId}/progress",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "pathParameters": {"jobId": job_id},
        "requestContext": {
            "http": {"method": "GET", "path": path},
            "requestId": "benchmark",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


def _context() -> SimpleNamespace:
    return SimpleNamespace(
        function_name="get_progress",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:get_progress",
        aws_request_id="benchmark",
        get_remaining_time_in_millis=lambda: 10_000,
    )
