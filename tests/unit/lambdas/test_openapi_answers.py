"""The functions, held to the OpenAPI document: as tests/end_to_end/test_openapi.py holds the whole
API to it, without each bound of each field, and in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest
import requests

from conversion.job import Job, Status
from conversion.listing import Place
from conversion.outcome import WaveformKeys
from tests import documented
from tests.contract import pretend
from tests.contract.examples import BUCKET, COST, FAILURE, JOB, LONG_AGO, OUTPUT
from tests.unit.conftest import EVENTS
from tests.unit.lambdas.conftest import Deployment
from tests.unit.lambdas.functions import Gateway

API = (
    documented.api(examples=12, every_bound=False)
    .exclude(path="/v1/cleanup")
    .exclude(path_regex="^/v1/batches")
)
BASE = "http://functions"


def _jobs(salt: int) -> list[Job]:
    """In every state there is."""
    waveform = WaveformKeys("conversions/x.json", "conversions/x.png")
    completed = replace(JOB, status=Status.COMPLETED, attempt=1, output=OUTPUT, cost=COST)
    varied = (
        replace(JOB, estimate=COST),
        replace(JOB, status=Status.PROCESSING, attempt=2),
        completed,
        replace(completed, output=replace(OUTPUT, waveform=waveform)),
        replace(completed, delete_after_download=True),
        replace(JOB, status=Status.FAILED, failure=FAILURE),
        replace(JOB, status=Status.CANCELLED),
        replace(completed, expires_at=LONG_AGO),
    )
    return [replace(each, job_id=f"{salt:08x}{number:024x}") for number, each in enumerate(varied)]


def _uploads(deployment: Deployment, gateway: requests.Session) -> list[str]:
    """One to be sent in one piece, one that is there, and one in parts."""
    asked = [{"fileName": "a.wav", "bytes": length} for length in (8, 8, documented.IN_PARTS)]
    ids = [gateway.post(f"{BASE}/v1/uploads", json=each).json()["fileId"] for each in asked]
    deployment.s3.put_object(Bucket=BUCKET, Key=f"uploads/{ids[1]}.wav", Body=b"RIFF1234")
    return ids


class World:
    """A deployment for all examples, with things in it to ask for: others for each route, since
    some take away what they are asked for."""

    def __init__(self, deployment: Deployment, gateway: requests.Session) -> None:
        self._deployment = deployment
        self.gateway = gateway
        self._known: dict[str, dict[str, list[str]]] = {}

    def known(self, route: str) -> dict[str, list[str]]:
        if route not in self._known:
            jobs = _jobs(crc32(route.encode()))
            for each in jobs:
                self._deployment.jobs.put_if_absent(each)
            self._known[route] = {
                "jobId": [each.job_id for each in jobs],
                "fileId": _uploads(self._deployment, self.gateway),
                "cursor": [Place(JOB.created_at, JOB.job_id).to_cursor()],
            }
        return self._known[route]


@pytest.fixture(scope="module")
def world(functions) -> Iterator[World]:
    with pretend.aws():
        deployment = Deployment(functions)
        deployment.create()
        session = requests.Session()
        event = json.loads((EVENTS / "http_get_job.json").read_text())
        session.mount(BASE, Gateway(deployment, event))
        yield World(deployment, session)


@API.parametrize()
def test_every_answer_is_as_the_document_says(case: Any, world: World) -> None:
    documented.point_at(case, world.known(case.operation.label))

    case.call_and_validate(base_url=BASE, session=world.gateway, allow_redirects=False)
