"""Requests that are sent again under their Idempotency-Key, as a client does that heard nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

_AT_ONCE = 8
KEY = "idempotency-key"


@pytest.fixture(scope="module")
def file_id(pipeline: Pipeline, music: dict[str, Path]) -> str:
    return journey.send(pipeline.api, music["flac"])


@dataclass(frozen=True)
class Asked:
    """A POST that makes something: its body, the field that names what it made, and its status."""

    url: str
    body: dict[str, Any]
    id_name: str
    status: int

    def __call__(self, key: str, **more: Any) -> httpx.Response:
        return httpx.post(self.url, json=self.body | more, headers={KEY: key}, timeout=60)

    def ids(self, *answers: httpx.Response) -> set[str]:
        return {each.json()[self.id_name] for each in answers}


@pytest.fixture
def ask_job(pipeline: Pipeline, file_id: str) -> Asked:
    return job_of(pipeline, file_id)


def job_of(pipeline: Pipeline, file_id: str) -> Asked:
    body = {"fileId": file_id, "conversion": {"format": "wav"}}
    return Asked(f"{pipeline.api}/jobs", body, "jobId", 202)


@pytest.fixture
def ask(request: pytest.FixtureRequest, pipeline: Pipeline, ask_job: Asked) -> Asked:
    if request.param == "jobs":
        return ask_job
    return Asked(f"{pipeline.api}/uploads", {"fileName": "a.wav", "bytes": 1000}, "fileId", 201)


@pytest.mark.parametrize("ask", ["jobs", "uploads"], indirect=True)
def test_a_request_sent_again_gives_what_the_first_one_made(ask: Asked) -> None:
    key = uuid4().hex
    answers = [ask(key) for _ in range(3)]
    assert [each.status_code for each in answers] == [ask.status] * 3
    assert len(ask.ids(*answers)) == 1
    assert len({each.headers["location"] for each in answers}) == 1
    others = [ask(uuid4().hex) for _ in range(2)]
    assert len(ask.ids(*answers, *others)) == 3


@pytest.mark.parametrize("ask", ["jobs", "uploads"], indirect=True)
def test_the_key_of_another_request_is_refused(ask: Asked) -> None:
    key = uuid4().hex
    first = ask(key)
    assert first.status_code == ask.status
    assert journey.refused(ask(key, deleteAfterDownload=True)) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert ask.ids(ask(key)) == ask.ids(first)


@pytest.mark.parametrize(
    "ask", [pytest.param("jobs", marks=pytest.mark.long), "uploads"], indirect=True
)
def test_of_requests_at_the_same_time_one_is_done_and_the_others_wait_or_get_its_answer(
    ask: Asked,
) -> None:
    key = uuid4().hex
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = list(threads.map(ask, [key] * _AT_ONCE))
    made = [each for each in answers if each.status_code == ask.status]
    waiting = [each for each in answers if each.status_code != ask.status]
    assert len(ask.ids(*made)) == 1
    for each in waiting:
        assert journey.refused(each) == (409, "REQUEST_IN_PROGRESS")
        assert int(each.headers["retry-after"]) > 0
    assert ask.ids(ask(key)) == ask.ids(*made)


def test_a_replay_tells_the_job_as_it_is_now(pipeline: Pipeline, ask_job: Asked) -> None:
    key = uuid4().hex
    first = ask_job(key).json()
    done = journey.finished(pipeline.api, first["jobId"])
    assert done["status"] == "completed"
    again = ask_job(key)
    assert (again.status_code, again.json()) == (202, done)
    assert pipeline.executions_named(first["jobId"]) == 1


def test_a_refusal_is_not_remembered(pipeline: Pipeline, music: dict[str, Path]) -> None:
    """What was wrong may be right the next time: here the file, which had not arrived yet."""
    content, key = music["flac"].read_bytes(), uuid4().hex
    upload = journey.ask_for_upload(pipeline.api, "late.flac", len(content)).json()
    ask = job_of(pipeline, upload["fileId"])
    assert journey.refused(ask(key)) == (404, "FILE_NOT_FOUND")
    assert journey.put(upload, content).status_code == 200
    answer = ask(key)
    assert answer.status_code == 202, answer.text
    journey.finished(pipeline.api, answer.json()["jobId"])


@pytest.mark.parametrize("key", ["", "k" * 256, "two words"])
def test_a_key_that_is_none_is_refused(ask_job: Asked, key: str) -> None:
    assert journey.refused(ask_job(key)) == (400, "INVALID_REQUEST")
