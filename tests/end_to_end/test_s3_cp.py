"""`aws s3 cp`, as somebody types it who has never heard of the API: what lands is converted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.child import ROOT
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

AWS = ROOT / ".venv-engine" / "bin" / "aws"


def copy(pipeline: Pipeline, source: Path, key: str, *options: str) -> None:
    target = f"s3://{pipeline.bucket}/{key}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",  # nobody's profile, and nobody's keys
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [AWS, "--endpoint-url", pipeline.engine, "s3", "cp", *options, source, target]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def converted(pipeline: Pipeline, file_id: str) -> dict[str, Any]:
    """By the conversions of a deployment that chose none: MP3."""
    [job] = journey.jobs_of(pipeline.api, file_id)
    done = journey.finished(pipeline.api, job["jobId"])
    assert done["status"] == "completed", done["error"]
    assert done["conversion"]["format"] == "mp3"
    return done


def test_a_small_file_is_converted(pipeline: Pipeline, music: dict[str, Path]) -> None:
    copy(pipeline, music["flac"], "uploads/a tune.flac")
    job = converted(pipeline, "a tune")
    assert job["source"]["bytes"] == music["flac"].stat().st_size
    assert job["output"]["fileName"] == "a tune.mp3"
    assert job["output"]["durationSeconds"] == pytest.approx(5, abs=0.1)


def test_a_file_that_the_cli_sends_in_parts_is_converted_once(
    pipeline: Pipeline, concert: Path
) -> None:
    copy(pipeline, concert, "uploads/by hand/concert.wav", "--content-type", "audio/wav")
    job = converted(pipeline, "by hand/concert")
    assert job["source"]["bytes"] == concert.stat().st_size
    assert job["output"]["durationSeconds"] == pytest.approx(120, abs=0.1)
    head = pipeline.client("s3").head_object(
        Bucket=pipeline.bucket, Key="uploads/by hand/concert.wav"
    )
    assert head["ETag"].strip('"').endswith("-3")  # it was a multipart upload of three parts
    assert len(journey.jobs_of(pipeline.api, "by hand/concert")) == 1


@pytest.mark.long
def test_a_folder_is_converted_file_by_file_and_what_lies_elsewhere_is_not(
    pipeline: Pipeline, music: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("one.wav", "two.wav"):
        (tmp_path / name).write_bytes(music["wav"].read_bytes())
    copy(pipeline, tmp_path, "elsewhere/", "--recursive")
    copy(pipeline, tmp_path, "uploads/folder/", "--recursive")
    names = {converted(pipeline, f"folder/{each}")["output"]["fileName"] for each in ("one", "two")}
    assert names == {"one.mp3", "two.mp3"}
    for file_id in ("one", "elsewhere/one"):
        assert journey.listing(pipeline.api, file_id) == []
