"""What an operator types: a job is cancelled, and what has expired is removed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey, records
from tests.end_to_end.conftest import Pipeline

_HOURS = 2


@pytest.fixture(scope="module")
def long_tone(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to be still at work when some commands have been typed: a minute, repeated."""
    folder = tmp_path_factory.mktemp("long")
    minute, path = folder / "minute.mp3", folder / "tone.mp3"
    tone = ["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=44100:duration=60"]
    again = ["-stream_loop", str(_HOURS * 60 - 1), "-i", str(minute), "-c", "copy"]
    for command in ([*tone, "-b:a", "32k", str(minute)], [*again, str(path)]):
        subprocess.run([ffmpeg.ffmpeg, "-v", "error", "-nostdin", *command], check=True)
    return path


def sluice(pipeline: Pipeline, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and what it said in JSON."""
    command = [sys.executable, "-m", "client", *arguments, "--json", "--api", pipeline.api]
    run = subprocess.run(command, capture_output=True, text=True)
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines()]


def converting(pipeline: Pipeline, path: Path) -> str:
    """A job that is at work."""
    file_id = journey.send(pipeline.api, path, {"format": "opus"})
    [job] = journey.jobs_of(pipeline.api, file_id)
    journey.until(lambda: journey.progress(pipeline.api, job["jobId"])["stage"] == "converting")
    return job["jobId"]


def test_a_job_is_cancelled_and_stays_so(
    pipeline: Pipeline, long_tone: Path, music: dict[str, Path]
) -> None:
    job_id = converting(pipeline, long_tone)
    said = {"jobId": job_id, "status": "cancelled", "error": None}
    for _ in range(2):
        assert sluice(pipeline, "cancel", job_id) == (0, [said])
    assert journey.finished(pipeline.api, job_id)["status"] == "cancelled"
    assert pipeline.ended(job_id)["status"] == "ABORTED"
    no_output = httpx.get(f"{pipeline.api}/jobs/{job_id}/output", timeout=30)
    assert (no_output.status_code, no_output.json()["code"]) == (409, "NO_OUTPUT")

    [done] = journey.jobs_of(
        pipeline.api, journey.send(pipeline.api, music["wav"], {"format": "flac"})
    )
    assert journey.finished(pipeline.api, done["jobId"])["status"] == "completed"
    code, [late] = sluice(pipeline, "cancel", done["jobId"])
    assert (code, late["error"]["code"]) == (1, "JOB_FINISHED")


@pytest.mark.long
def test_what_has_expired_is_removed_and_a_job_that_lives_never_is(
    pipeline: Pipeline, long_tone: Path, music: dict[str, Path]
) -> None:
    file_id = journey.send(pipeline.api, music["wav"], {"format": "flac"})
    [old] = journey.jobs_of(pipeline.api, file_id)
    assert journey.finished(pipeline.api, old["jobId"])["status"] == "completed"
    [output] = records.objects(pipeline, old["jobId"])
    before = would_remove(pipeline)  # of others, who share the pipeline
    living = converting(pipeline, long_tone)
    records.expire(pipeline, old["jobId"])
    records.expire(pipeline, living)

    code, [would] = sluice(pipeline, "cleanup", "--dry-run")
    assert (code, would["dryRun"]) == (0, True)
    jobs, outputs = (more(would["removed"], before, kind) for kind in ("jobs", "outputs"))
    assert jobs == {"count": 1, "bytes": 0}
    assert outputs == {"count": 1, "bytes": output["Size"]}
    assert records.objects(pipeline, old["jobId"]) == [output]

    code, [removed] = sluice(pipeline, "cleanup")
    assert (code, removed["removed"], removed["failures"]) == (0, would["removed"], 0)
    assert records.objects(pipeline, old["jobId"]) == []
    assert records.record(pipeline, "Jobs", old["jobId"]) is None
    assert records.record(pipeline, "Progress", old["jobId"]) is None
    still = records.record(pipeline, "Jobs", living)
    assert still is not None
    assert still["status"]["S"] == "processing"
    records.keep(pipeline, living)  # as the recovery does with what lives, within minutes
    assert journey.progress(pipeline.api, living)["status"] == "processing"
    assert sluice(pipeline, "cancel", living)[0] == 0


def would_remove(pipeline: Pipeline) -> dict[str, dict[str, int]]:
    answer = httpx.post(f"{pipeline.api}/cleanup", json={"dryRun": True}, timeout=30)
    return answer.json()["removed"]


def more(
    now: dict[str, dict[str, int]], before: dict[str, dict[str, int]], kind: str
) -> dict[str, int]:
    return {name: now[kind][name] - before[kind][name] for name in ("count", "bytes")}
