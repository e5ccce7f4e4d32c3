"""What a deployed pipeline counts of a conversion, read from its logs as CloudWatch reads them."""

from __future__ import annotations

from pathlib import Path

from conversion.metrics import CODE, DEPLOYMENT, NAMESPACE, Metric
from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline, make_tone
from tests.unit.lambdas.emf import Datum, data

# Of one job that completes, and what it is made of (docs/metrics.md).
OF_A_JOB = {
    Metric.QUEUED_SECONDS,
    Metric.JOBS_COMPLETED,
    Metric.JOB_SECONDS,
    Metric.CONVERSION_SECONDS,
    Metric.REAL_TIME_FACTOR,
    Metric.JOB_COST,
    Metric.ATTEMPT_SECONDS,
    Metric.ATTEMPT_CPU_SECONDS,
    Metric.ATTEMPT_PEAK_MEMORY,
    Metric.ATTEMPT_DISK_BYTES,
}


def counted(pipeline: Pipeline) -> list[Datum]:
    """By all functions and tasks."""
    logs = pipeline.client("logs")
    pages = logs.get_paginator("describe_log_groups").paginate()
    groups = [each["logGroupName"] for page in pages for each in page["logGroups"]]
    lines = [
        line
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
        for line in event["message"].splitlines()
    ]
    return [each for each in data("\n".join(lines)) if each.namespace == NAMESPACE]


def test_a_conversion_is_counted_from_its_creation_to_its_end(
    pipeline: Pipeline, ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    path = tmp_path / "tone.wav"
    make_tone(ffmpeg, path, 3)
    completed = journey.completed(pipeline.api, path, {"format": "mp3"})
    wanted = {each.title for each in OF_A_JOB}
    journey.until(lambda: wanted <= {each.name for each in counted(pipeline)})

    found = counted(pipeline)
    (deployment,) = {dict(each.dimensions)[DEPLOYMENT] for each in found}
    assert deployment.startswith("sluice-")
    units = {each.title: each.unit.value for each in Metric}
    assert all(units[each.name] == each.unit for each in found)
    costs = [value for each in found if each.name == "JobCost" for value in each.values]
    assert completed["cost"]["usd"] in costs


def test_a_failure_is_counted_with_its_code(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp3"
    path.write_text("Dear diary, this is not music.\n" * 200)
    [job] = journey.jobs_of(pipeline.api, journey.send(pipeline.api, path, {"format": "mp3"}))
    failed = journey.finished(pipeline.api, job["jobId"])

    journey.until(
        lambda: any(
            dict(each.dimensions).get(CODE) == failed["error"]["code"]
            for each in counted(pipeline)
            if each.name == Metric.JOBS_FAILED.title
        )
    )
