"""The whole API, held to its OpenAPI document: whatever is asked of it, it answers as is written.

tests/unit/lambdas/test_openapi_answers.py does the same in one process and in seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from conversion.listing import Place
from tests import documented
from tests.end_to_end.conftest import Pipeline
from tests.end_to_end.journey import ask_for_upload, finished, jobs_of, send

API = documented.api(examples=15, every_bound=True)


# What a request line and its headers may have ("Quotas for HTTP APIs", API Gateway guide: 10,240
# bytes), less the headers; the local pipeline takes 8,190.
MOST_URL = 8_000


class World:
    """Things to ask for: others for each route, since some take away what they are asked for."""

    def __init__(self, api: str, file_id: str, job_id: str) -> None:
        self._api = api
        self._file_id, self._job_id = file_id, job_id
        self._known: dict[str, dict[str, list[str]]] = {}

    def known(self, route: str) -> dict[str, list[str]]:
        """A file with its job, one that is only announced, and one that is to come in parts."""
        if route not in self._known:
            announced = [
                ask_for_upload(self._api, "a.wav", size) for size in (8, documented.IN_PARTS)
            ]
            self._known[route] = {
                "fileId": [self._file_id, *(each.json()["fileId"] for each in announced)],
                "jobId": [self._job_id],
                "cursor": [self._cursor()],
            }
        return self._known[route]

    def _cursor(self) -> str:
        told = httpx.get(f"{self._api}/jobs/{self._job_id}", timeout=30).json()
        return Place(told["createdAt"], self._job_id).to_cursor()


@pytest.fixture(scope="module")
def world(pipeline: Pipeline, music: dict[str, Path]) -> World:
    file_id = send(pipeline.api, music["flac"], {"format": "mp3", "waveform": True})
    job_id = jobs_of(pipeline.api, file_id)[0]["jobId"]
    assert finished(pipeline.api, job_id)["status"] == "completed"
    return World(pipeline.api, file_id, job_id)


@pytest.mark.long
@API.parametrize()
def test_every_answer_is_as_the_document_says(case: Any, world: World, pipeline: Pipeline) -> None:
    documented.point_at(case, world.known(case.operation.label))
    if len(urlencode(case.query or {}, doseq=True)) > MOST_URL:
        return

    case.call_and_validate(base_url=pipeline.api.removesuffix("/v1"), allow_redirects=False)
