"""The load: so many requests to each route, a few at once, each answer looked at."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.polls import percentile
from benchmarks.scene import Scene

# What each client asks of a route before it is measured, so that its processes are there.
FIRST = 2


@dataclass(frozen=True)
class Route:
    """A request as it is sent, and the status it should be answered with."""

    name: str
    method: str
    path: str
    status: int = 200
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Load:
    """Seconds each request took, and all of them together; `wrong` are those with another status
    than they should have."""

    route: str
    requests: list[float]
    seconds: float
    wrong: int

    @property
    def rate(self) -> float:
        return len(self.requests) / self.seconds

    @property
    def p50(self) -> float:
        return percentile(self.requests, 0.5)

    @property
    def p99(self) -> float:
        return percentile(self.requests, 0.99)


def loaded(scene: Scene, requests: int, at_once: int) -> Generator[Load]:
    with httpx.Client(base_url=scene.api, timeout=60) as client:
        for route in _routes(scene):
            _asked(client, route, FIRST * at_once, at_once)
            yield _asked(client, route, requests, at_once)


def _routes(scene: Scene) -> list[Route]:
    upload, job = f"/uploads/{scene.upload_id}", f"/jobs/{scene.over}"
    new_upload = {"fileName": "a.wav", "bytes": 1000}
    new_job = {"fileId": scene.file_id, "conversion": {"format": "flac"}}
    again = {"idempotency-key": uuid.uuid4().hex}
    return [
        Route("POST /v1/uploads", "POST", "/uploads", 201, new_upload),
        Route("GET /v1/uploads/{fileId}", "GET", upload),
        Route("POST …/parts, two signed", "POST", f"{upload}/parts", 200, {"partNumbers": [1, 2]}),
        Route("PUT …/parts/{partNumber}", "PUT", f"{upload}/parts/1"),
        Route("GET …/parts", "GET", f"{upload}/parts"),
        Route("POST /v1/jobs, sent again", "POST", "/jobs", 202, new_job, again),
        Route("GET /v1/jobs/{jobId}", "GET", job),
        Route("GET /v1/jobs?fileId=", "GET", f"/jobs?fileId={scene.file_id}"),
        Route("GET /v1/jobs", "GET", "/jobs"),
        Route("GET …/progress, over", "GET", f"{job}/progress"),
        Route("GET …/progress, at work", "GET", f"/jobs/{scene.at_work}/progress"),
        Route("GET /v1/progress?jobId=A,B", "GET", f"/progress?jobId={scene.over},{scene.at_work}"),
        Route("GET …/output", "GET", f"{job}/output", 303),
        Route("GET …/history", "GET", f"{job}/history"),
        Route("GET /v1/health", "GET", "/health"),
        Route("GET /v1/formats", "GET", "/formats"),
        Route("GET /v1/openapi.json", "GET", "/openapi.json"),
    ]


def _asked(client: httpx.Client, route: Route, requests: int, at_once: int) -> Load:
    took, wrong, lock = list[float](), list[int](), threading.Lock()

    def ask(_: int) -> None:
        began = time.perf_counter()
        answer = client.request(
            route.method, route.path.removeprefix("/"), json=route.body, headers=route.headers
        )
        seconds = time.perf_counter() - began
        with lock:
            took.append(seconds)
            if answer.status_code != route.status:
                wrong.append(answer.status_code)

    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as clients:
        list(clients.map(ask, range(requests)))
    return Load(route.name, took, time.perf_counter() - began, len(wrong))
