"""A job's history: what an operator would have looked up in three consoles, by one request."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline, make_tone
from tests.end_to_end.test_interrupted import process_of

SECONDS = 300


def history(pipeline: Pipeline, job_id: str) -> dict[str, Any]:
    answer = httpx.get(f"{pipeline.api}/jobs/{job_id}/history", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def names_nothing(pipeline: Pipeline, told: dict[str, Any]) -> None:
    text = str(told)
    for secret in ("arn:", "000000000000", "http://", pipeline.bucket, "conversions/", "uploads/"):
        assert secret not in text


@pytest.fixture(scope="module")
def failed(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A job that has failed, and its execution with it."""
    path = tmp_path_factory.mktemp("bad") / "notes.mp3"
    path.write_text("Dear diary, this is not music.\n" * 200)
    [job] = journey.jobs_of(pipeline.api, journey.send(pipeline.api, path, {"format": "mp3"}))
    found = journey.finished(pipeline.api, job["jobId"])
    pipeline.ended(job["jobId"])
    return found


def test_a_failed_job_tells_where_it_failed_and_why(
    pipeline: Pipeline, failed: dict[str, Any]
) -> None:
    told = history(pipeline, failed["jobId"])

    assert told["job"] == failed
    assert (told["execution"]["status"], told["execution"]["redrives"]) == ("FAILED", 0)
    assert told["execution"]["startedAt"] < told["execution"]["stoppedAt"]
    names = [each["name"] for each in told["states"]]
    assert names == ["Begin", "Convert", "ReadOutcome", "Outcome", "Failed"]
    assert told["states"][-1]["error"] == failed["error"]
    assert [each["error"] for each in told["states"][:-1]] == [None] * 4
    [attempt] = told["attempts"]
    assert (attempt["number"], attempt["exitCode"]) == (1, 0)
    [said] = [each for each in told["log"] if each["message"] == "failed"]
    assert said["level"] == "warning"
    assert said["fields"]["code"] == failed["error"]["code"] == "UNSUPPORTED_INPUT"
    assert told["logIsWhole"]
    assert told["statesAreWhole"]
    names_nothing(pipeline, told)


def test_a_redrive_goes_on_in_the_same_story(pipeline: Pipeline, failed: dict[str, Any]) -> None:
    states = pipeline.client("stepfunctions")
    states.redrive_execution(executionArn=pipeline.execution_arn(failed["jobId"]))
    pipeline.ended(failed["jobId"])

    told = history(pipeline, failed["jobId"])

    assert (told["execution"]["status"], told["execution"]["redrives"]) == ("FAILED", 1)
    errors = [each["error"]["code"] for each in told["states"] if each["error"]]
    assert errors == ["UNSUPPORTED_INPUT"] * 2
    assert [each["number"] for each in told["attempts"]] == [1, 2]
    assert all(each["leftAt"] for each in told["states"])


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds processes in /proc: Linux only")
def test_a_converter_that_was_killed_is_an_attempt_of_its_own(
    pipeline: Pipeline, ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    path = tmp_path / "tone.wav"
    make_tone(ffmpeg, path, seconds=SECONDS)
    pipeline.client("s3").upload_file(str(path), pipeline.bucket, "uploads/history.wav")
    [job] = journey.jobs_of(pipeline.api, "history")
    told = once_it_converts(pipeline, job["jobId"])
    [running] = told["attempts"]
    assert running["startedAt"] is not None
    assert (running["stoppedAt"], running["exitCode"]) == (None, None)
    assert told["states"][-1]["name"] == "Convert"
    assert told["states"][-1]["leftAt"] is None

    os.kill(process_of(job["jobId"]), signal.SIGKILL)
    assert journey.finished(pipeline.api, job["jobId"])["status"] == "completed"
    pipeline.ended(job["jobId"])

    told = history(pipeline, job["jobId"])
    killed, done = told["attempts"]
    assert [each["exitCode"] for each in (killed, done)] == [137, 0]
    assert "killed" in killed["reason"]
    assert killed["stoppedAt"] <= done["startedAt"]
    assert done["seconds"] > 0
    assert told["execution"]["status"] == "SUCCEEDED"
    claims = [each["fields"]["attempt"] for each in told["log"] if each["message"] == "claimed"]
    assert claims == [1, 2]
    names_nothing(pipeline, told)


def once_it_converts(pipeline: Pipeline, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + journey.PATIENCE_SECONDS
    while time.monotonic() < deadline:
        told = history(pipeline, job_id)
        if any(each["message"] == "ffmpeg started" for each in told["log"]):
            return told
        time.sleep(0.1)
    raise AssertionError(f"job {job_id} does not begin to convert")


def test_a_job_that_is_not_there_has_no_history(pipeline: Pipeline) -> None:
    answer = httpx.get(f"{pipeline.api}/jobs/{'0' * 32}/history", timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (404, "JOB_NOT_FOUND")
