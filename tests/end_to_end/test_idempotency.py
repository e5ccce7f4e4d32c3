"""Requests that are sent again under their Idempotency-Key, as a client does that heard nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


def ask(pipeline: Pipeline, path: str, body: dict[str, Any], key: str) -> httpx.Response:
    return httpx.post(f"{pipeline.api}{path}", json=body, headers={KEY: key}, timeout=60)


def wanted_job(file_id: str) -> dict[str, Any]:
    return {"fileId": file_id, "conversion": {"format": "wav"}}


def wanted_upload(_: str) -> dict[str, Any]:
    return {"fileName": "a.wav", "bytes": 1000}


BOTH = pytest.mark.parametrize(
    ("path", "wanted", "id_name", "status"),
    [("/jobs", wanted_job, "jobId", 202), ("/uploads", wanted_upload, "fileId", 201)],
    ids=["jobs", "uploads"],
)


@BOTH
def test_a_request_sent_again_gives_what_the_first_one_made(
    pipeline: Pipeline,
    file_id: str,
    path: str,
    wanted: Callable[[str], dict[str, Any]],
    id_name: str,
    status: int,
) -> None:
    key, body = uuid4().hex, wanted(file_id)
    answers = [ask(pipeline, path, body, key) for _ in range(3)]
    assert [each.status_code for each in answers] == [status] * 3
    assert len({each.json()[id_name] for each in answers}) == 1
    assert len({each.headers["location"] for each in answers}) == 1
    others = [ask(pipeline, path, body, uuid4().hex) for _ in range(2)]
    assert len({each.json()[id_name] for each in (*answers, *others)}) == 3


@BOTH
def test_the_key_of_another_request_is_refused(
    pipeline: Pipeline,
    file_id: str,
    path: str,
    wanted: Callable[[str], dict[str, Any]],
    id_name: str,
    status: int,
) -> None:
    key, body = uuid4().hex, wanted(file_id)
    first = ask(pipeline, path, body, key)
    assert first.status_code == status
    changed = ask(pipeline, path, body | {"deleteAfterDownload": True}, key)
    assert journey.refused(changed) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert ask(pipeline, path, body, key).json()[id_name] == first.json()[id_name]


@BOTH
def test_of_requests_at_the_same_time_one_is_done_and_the_others_wait_or_get_its_answer(
    pipeline: Pipeline,
    file_id: str,
    path: str,
    wanted: Callable[[str], dict[str, Any]],
    id_name: str,
    status: int,
) -> None:
    key, body = uuid4().hex, wanted(file_id)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        asked = [threads.submit(ask, pipeline, path, body, key) for _ in range(_AT_ONCE)]
    answers = [each.result() for each in asked]
    made = [each for each in answers if each.status_code == status]
    waiting = [each for each in answers if each.status_code != status]
    assert len({each.json()[id_name] for each in made}) == 1
    for each in waiting:
        assert journey.refused(each) == (409, "REQUEST_IN_PROGRESS")
        assert int(each.headers["retry-after"]) > 0
    assert ask(pipeline, path, body, key).json()[id_name] == made[0].json()[id_name]


def test_a_replay_tells_the_job_as_it_is_now(pipeline: Pipeline, file_id: str) -> None:
    key, body = uuid4().hex, wanted_job(file_id)
    first = ask(pipeline, "/jobs", body, key).json()
    done = journey.finished(pipeline.api, first["jobId"])
    assert done["status"] == "completed"
    again = ask(pipeline, "/jobs", body, key)
    assert (again.status_code, again.json()) == (202, done)
    assert pipeline.executions_named(first["jobId"]) == 1


def test_a_refusal_is_not_remembered(pipeline: Pipeline, music: dict[str, Path]) -> None:
    """What was wrong may be right the next time: here the file, which had not arrived yet."""
    content, key = music["flac"].read_bytes(), uuid4().hex
    upload = journey.ask_for_upload(pipeline.api, "late.flac", len(content)).json()
    body = wanted_job(upload["fileId"])
    assert journey.refused(ask(pipeline, "/jobs", body, key)) == (404, "FILE_NOT_FOUND")
    assert journey.put(upload, content).status_code == 200
    answer = ask(pipeline, "/jobs", body, key)
    assert answer.status_code == 202, answer.text
    journey.finished(pipeline.api, answer.json()["jobId"])


@pytest.mark.parametrize("key", ["", "k" * 256, "two words"])
def test_a_key_that_is_none_is_refused(pipeline: Pipeline, file_id: str, key: str) -> None:
    answer = ask(pipeline, "/jobs", wanted_job(file_id), key)
    assert journey.refused(answer) == (400, "INVALID_REQUEST")
