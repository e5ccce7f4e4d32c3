"""A converter that is killed or told to stop: the job goes on with the next attempt."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline, make_tone

MINUTES = 8


@pytest.fixture(scope="module")
def long_tone(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to be caught in the middle: 8 minutes of stereo, 85 MB of WAV."""
    path = tmp_path_factory.mktemp("long") / "tone.wav"
    make_tone(ffmpeg, path, seconds=MINUTES * 60)
    return path


def process_of(job_id: str) -> int:
    """The converter that runs as `… -m tasks.converter JOB_ID`, as the kernel lists it."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except (OSError, ValueError):
            continue
        if entry.name.isdecimal() and "tasks.converter" in words and job_id in words:
            return int(entry.name)
    raise LookupError(f"no converter runs for job {job_id}")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds processes in /proc: Linux only")
@pytest.mark.long  # tests/faults/test_kills does it at one moment of many, each time
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_attempt_finishes_and_the_bar_never_falls(
    pipeline: Pipeline, ffmpeg: Ffmpeg, long_tone: Path, tmp_path: Path, blow: signal.Signals
) -> None:
    file_id = journey.send(pipeline.api, long_tone, {"format": "mp3", "bitrateKbps": 128})
    [job] = journey.jobs_of(pipeline.api, file_id)
    seen = caught_in_the_middle(pipeline, job["jobId"])
    os.kill(process_of(job["jobId"]), blow)
    done = journey.finished(pipeline.api, job["jobId"], seen)
    assert (done["status"], done["attempt"]) == ("completed", 2), done["error"]
    assert seen == sorted(seen), "the percent fell"
    assert seen[-1] == 100
    path = tmp_path / "tone.mp3"
    journey.download(pipeline.api, job["jobId"], path)
    assert journey.decoded_seconds(ffmpeg, path) == pytest.approx(MINUTES * 60, abs=0.1)
    nothing_is_left_of_the_first(pipeline, job["jobId"])


def nothing_is_left_of_the_first(pipeline: Pipeline, job_id: str) -> None:
    """Moments after the job is over, what follows its record aborts what the killed task began."""
    s3, deadline = pipeline.client("s3"), time.monotonic() + journey.PATIENCE_SECONDS
    while time.monotonic() < deadline:
        listed = s3.list_multipart_uploads(Bucket=pipeline.bucket).get("Uploads", [])
        if not any(job_id in each["Key"] for each in listed):
            return
        time.sleep(0.2)
    raise AssertionError(f"a multipart upload of job {job_id} is still open")


def caught_in_the_middle(pipeline: Pipeline, job_id: str) -> list[float]:
    """Poll until the conversion shows some progress; returns the percents seen."""
    seen: list[float] = []
    deadline = time.monotonic() + journey.PATIENCE_SECONDS
    while time.monotonic() < deadline:
        progress = journey.progress(pipeline.api, job_id)
        assert progress["status"] in ("created", "processing"), "too quick to be interrupted"
        seen.append(progress["percent"])
        if progress["percent"] > 2:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"job {job_id} shows no progress")
