"""Bad input ends in a refused request or a failed job, with a stable code and a way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

FAILED_WAY = ["Begin", "Convert", "ReadOutcome", "Outcome", "Failed"]


@pytest.mark.parametrize(
    ("name", "size", "conversion", "status", "code"),
    [
        ("empty.wav", 0, {"format": "mp3"}, 400, "EMPTY_INPUT"),
        ("notes.txt", 10, {"format": "mp3"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("setup.exe", 10, {"format": "mp3"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("a.wav", 10, {"format": "mp8"}, 400, "UNSUPPORTED_OUTPUT_FORMAT"),
        ("a.wav", 10, {"format": "flac", "bitrateKbps": 128}, 400, "INVALID_REQUEST"),
        ("a.wav", 10, {"format": "mp3", "bitrateKbps": 9000}, 400, "INVALID_REQUEST"),
        ("a.wav", 6 * 1024**3, {"format": "mp3"}, 413, "INPUT_TOO_LARGE"),
    ],
)
def test_what_can_never_work_is_refused_before_a_byte_is_sent(
    pipeline: Pipeline, name: str, size: int, conversion: dict[str, Any], status: int, code: str
) -> None:
    answer = journey.ask_for_upload(pipeline.api, name, size, conversion)
    assert journey.refused(answer) == (status, code)
    if status == 415:
        assert all(f" {each}" in answer.json()["detail"] for each in ("flac", "m4a", "wav"))


def failed(pipeline: Pipeline, path: Path) -> dict[str, Any]:
    file_id = journey.send(pipeline.api, path, {"format": "mp3"})
    [job] = journey.jobs_of(pipeline.api, file_id)
    return journey.finished(pipeline.api, job["jobId"])


def assert_failed_with(pipeline: Pipeline, job: dict[str, Any], code: str) -> None:
    assert (job["status"], job["error"]["code"]) == ("failed", code)
    assert job["attempt"] == 1, "a permanent failure must not be tried again"
    assert pipeline.states(job["jobId"]) == FAILED_WAY
    described = pipeline.ended(job["jobId"])
    assert described["status"] == "FAILED"
    assert described["error"] == code
    assert json.loads(described["cause"])["errorMessage"] == job["error"]["message"]
    no_output = httpx.get(f"{pipeline.api}/jobs/{job['jobId']}/output", timeout=30)
    assert (no_output.status_code, no_output.json()["code"]) == (409, "NO_OUTPUT")


def test_a_text_file_renamed_to_mp3(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp3"
    path.write_text("Dear diary, this is not music.\n" * 200)
    assert_failed_with(pipeline, failed(pipeline, path), "UNSUPPORTED_INPUT")


@pytest.mark.parametrize(
    "suffix", ["m4a", *(pytest.param(each, marks=pytest.mark.long) for each in ("wav", "flac"))]
)
def test_a_truncated_file(
    pipeline: Pipeline, music: dict[str, Path], tmp_path: Path, suffix: str
) -> None:
    whole = music[suffix].read_bytes()
    path = tmp_path / f"half.{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    job = failed(pipeline, path)
    assert job["error"]["code"] in ("TRUNCATED_INPUT", "CORRUPT_INPUT", "UNSUPPORTED_INPUT")
    assert_failed_with(pipeline, job, job["error"]["code"])
    if suffix == "wav":
        assert job["error"]["code"] == "TRUNCATED_INPUT"


def test_an_empty_object_dropped_into_the_bucket(pipeline: Pipeline) -> None:
    pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key="uploads/nothing.wav", Body=b"")
    [job] = journey.jobs_of(pipeline.api, "nothing")
    assert_failed_with(pipeline, journey.finished(pipeline.api, job["jobId"]), "EMPTY_INPUT")


def test_bytes_other_than_the_declared_ones_are_refused_by_the_signature(
    pipeline: Pipeline,
) -> None:
    upload = journey.ask_for_upload(pipeline.api, "a.wav", 1000, {"format": "mp3"}).json()
    upload["upload"]["headers"]["content-length"] = "2000"
    assert journey.put(upload, b"x" * 2000).status_code == 403


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/jobs/0123456789abcdef0123456789abcdef", 404, "JOB_NOT_FOUND"),
        ("/jobs/0123456789abcdef0123456789abcdef/progress", 404, "JOB_NOT_FOUND"),
        ("/jobs/0123456789abcdef0123456789abcdef/output", 404, "JOB_NOT_FOUND"),
        ("/jobs/0123456789abcdef0123456789abcdef/waveform.json", 404, "JOB_NOT_FOUND"),
        ("/jobs/0123456789abcdef0123456789abcdef/waveform.png", 404, "JOB_NOT_FOUND"),
        ("/jobs?status=asleep", 400, "INVALID_REQUEST"),
        ("/jobs?limit=0", 400, "INVALID_REQUEST"),
        ("/jobs?limit=101", 400, "INVALID_REQUEST"),
        ("/jobs?cursor=nowhere", 400, "INVALID_REQUEST"),
        ("/uploads/0123456789abcdef0123456789abcdef", 404, "FILE_NOT_FOUND"),
        ("/uploads/0123456789abcdef0123456789abcdef/parts", 404, "FILE_NOT_FOUND"),
        ("/jobs/0123456789abcdef0123456789abcdef/history", 404, "JOB_NOT_FOUND"),
    ],
)
def test_reading_what_is_not_there(pipeline: Pipeline, path: str, status: int, code: str) -> None:
    answer = httpx.get(f"{pipeline.api}{path}", timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
