"""Lists of jobs: by file, by status, and page by page with a cursor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

_TARGETS = ("mp3", "flac", "opus", "wav", "ogg", "m4a", "aiff")


@dataclass(frozen=True)
class Listed:
    """A file, and the ids of its jobs in the order in which they were asked for."""

    file_id: str
    job_ids: list[str]


@pytest.fixture(scope="module")
def listed(pipeline: Pipeline, music: dict[str, Path]) -> Listed:
    file_id = journey.send(pipeline.api, music["flac"])
    answers = [journey.convert(pipeline.api, file_id, {"format": each}) for each in _TARGETS]
    assert [each.status_code for each in answers] == [202] * len(_TARGETS)
    job_ids = [each.json()["jobId"] for each in answers]
    for job_id in job_ids:
        assert journey.finished(pipeline.api, job_id)["status"] == "completed"
    return Listed(file_id, job_ids)


def page(pipeline: Pipeline, **asked: Any) -> dict[str, Any]:
    answer = httpx.get(f"{pipeline.api}/jobs", params=asked, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"jobs", "cursor"}
    return answer.json()


def pages(pipeline: Pipeline, **asked: Any) -> Iterator[list[dict[str, Any]]]:
    """Until there is no cursor: a page may be short of its limit, or empty, and not be the last."""
    found = page(pipeline, **asked)
    yield found["jobs"]
    while found["cursor"] is not None:
        found = page(pipeline, **asked, cursor=found["cursor"])
        yield found["jobs"]


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [each["jobId"] for each in found]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_the_pages_together_are_the_list_newest_first(
    pipeline: Pipeline, listed: Listed, limit: int
) -> None:
    found = list(pages(pipeline, fileId=listed.file_id, limit=limit))
    assert all(len(each) <= limit for each in found)
    assert ids([job for each in found for job in each]) == listed.job_ids[::-1]
    assert limit > 3 or len(found) > 2


def test_a_job_made_between_two_pages_moves_nothing(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    file_id = journey.send(pipeline.api, music["flac"])
    before = [made(pipeline, file_id, bitrate) for bitrate in (64, 96, 128)]
    first = page(pipeline, fileId=file_id, limit=2)
    newer = made(pipeline, file_id, 160)
    second = page(pipeline, fileId=file_id, limit=2, cursor=first["cursor"])
    assert ids(first["jobs"]) + ids(second["jobs"]) == before[::-1]
    assert ids(page(pipeline, fileId=file_id, limit=1)["jobs"]) == [newer]
    for job_id in (*before, newer):
        journey.finished(pipeline.api, job_id)


def made(pipeline: Pipeline, file_id: str, bitrate: int) -> str:
    conversion = {"format": "mp3", "bitrateKbps": bitrate}
    return journey.convert(pipeline.api, file_id, conversion).json()["jobId"]


def test_a_list_holds_the_jobs_of_the_status_asked_for_and_no_others(
    pipeline: Pipeline, listed: Listed
) -> None:
    both = pages(pipeline, fileId=listed.file_id, status="completed", limit=3)
    assert ids([job for each in both for job in each]) == listed.job_ids[::-1]
    assert not any(pages(pipeline, fileId=listed.file_id, status="failed"))
    completed = [job for each in pages(pipeline, status="completed", limit=100) for job in each]
    assert {each["status"] for each in completed} == {"completed"}
    assert set(listed.job_ids) <= set(ids(completed))
    made = [each["createdAt"] for each in completed]
    assert made == sorted(made, reverse=True)


def test_without_a_file_or_a_status_a_list_is_of_all_jobs(
    pipeline: Pipeline, listed: Listed
) -> None:
    found = [job for each in pages(pipeline, limit=5) for job in each]
    assert set(listed.job_ids) <= set(ids(found))
    assert len(ids(found)) == len(set(ids(found)))
    made = [each["createdAt"] for each in found]
    assert made == sorted(made, reverse=True)


def test_a_file_without_jobs_has_an_empty_list(pipeline: Pipeline) -> None:
    assert page(pipeline, fileId="nobody-sent-this") == {"jobs": [], "cursor": None}
