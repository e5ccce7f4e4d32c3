"""A trace goes with a job, from the request's function through the execution into its task."""

from __future__ import annotations

import json
from pathlib import Path

from conversion.traces import INPUT, VARIABLE, TraceHeader
from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline, make_tone


def test_the_task_is_told_the_trace_that_its_job_was_started_in(
    pipeline: Pipeline, ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    """As far as the engine goes: it samples every invocation, and has no X-Ray to send to."""
    make_tone(ffmpeg, tmp_path / "tone.wav", 1)
    job = journey.completed(pipeline.api, tmp_path / "tone.wav", {"format": "mp3"})

    header = json.loads(pipeline.ended(job["jobId"])["input"])[INPUT]
    read = TraceHeader.read(header)
    assert read is not None
    assert read.is_sampled
    assert told_to_its_task(pipeline, job["jobId"]) == [{"name": VARIABLE, "value": header}]


def told_to_its_task(pipeline: Pipeline, job_id: str) -> list[dict[str, str]]:
    ecs = pipeline.client("ecs")
    (cluster,) = ecs.list_clusters()["clusterArns"]
    arns = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns[:100])["tasks"]
    overrides = [each["overrides"]["containerOverrides"][0] for each in tasks]
    (own,) = [each for each in overrides if each["command"][0] == job_id]
    return own["environment"]
