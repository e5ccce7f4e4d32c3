"""A deployment that has chosen: small tasks, on demand, in private subnets, with narrow limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.ffmpeg import Ffmpeg
from local.pipeline import Pipeline
from tests.end_to_end import journey
from tests.end_to_end.conftest import make_tone

pytestmark = pytest.mark.long

CHOSEN = {
    "egress": "endpoints",
    "taskCpu": 512,
    "taskMemory": 1024,
    "spotPercent": 0,
    "maxDurationSeconds": 8,
    "maxOutputBytes": 400_000,
    "urlSeconds": 120,
}
HALF_A_MINUTE = 30.0  # of a vCPU: what Fargate bills at least


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with Pipeline(options=CHOSEN) as pipeline:
        yield pipeline


def test_a_file_is_converted_and_costs_what_a_small_task_does(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    job = converted(pipeline, music["wav"], "mp3")
    assert (job["status"], job["estimate"]["vcpuSeconds"]) == ("completed", HALF_A_MINUTE)
    assert (job["cost"]["vcpuSeconds"], job["cost"]["gbSeconds"]) == (HALF_A_MINUTE, 60.0)


def test_what_is_signed_is_good_for_as_long_as_was_chosen(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    upload = journey.ask_for_upload(pipeline.api, "a.wav", 10, {"format": "mp3"}).json()
    job = converted(pipeline, music["wav"], "mp3")
    sent = httpx.get(f"{pipeline.api}/jobs/{job['jobId']}/output", timeout=30)

    for url in (upload["upload"]["url"], sent.headers["location"]):
        assert re.search(r"[?&]X-Amz-Expires=120(&|$)", url)


def test_a_longer_sound_than_was_chosen_is_not_converted(
    pipeline: Pipeline, ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    make_tone(ffmpeg, tmp_path / "long.wav", seconds=9)
    job = converted(pipeline, tmp_path / "long.wav", "mp3")
    assert (job["status"], job["error"]["code"]) == ("failed", "INPUT_TOO_LONG")


def test_a_larger_output_than_was_chosen_is_not_made(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    job = converted(pipeline, music["wav"], "wav")
    assert (job["status"], job["error"]["code"]) == ("failed", "OUTPUT_TOO_LARGE")


def converted(pipeline: Pipeline, path: Path, target: str) -> dict[str, Any]:
    file_id = journey.send(pipeline.api, path, {"format": target})
    [job] = journey.jobs_of(pipeline.api, file_id)
    return journey.finished(pipeline.api, job["jobId"])
