"""What a job costs goes by the task that the deployment has, whoever makes the job or counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from conversion.clock import utc_now
from conversion.cost import TaskSize, estimate, spent
from conversion.progress import Progress, Stage
from tests.contract import pretend
from tests.contract.examples import BUCKET, FILE_ID, JOB_ID, SOURCE, UPLOAD
from tests.unit.lambdas.conftest import SETTINGS, Deployment, load
from tests.unit.lambdas.test_follow_jobs import CANCELLED, PROCESSING, record
from tests.unit.lambdas.test_follow_jobs import SETTINGS as FOLLOWER

SMALL = TaskSize(vcpu=0.5, gb=1.0, disk_gib=21, addresses=0)
CHOSEN = {
    "SLUICE_TASK_CPU": "512",
    "SLUICE_TASK_MEMORY": "1024",
    "SLUICE_TASK_DISK": "21",
    "SLUICE_TASK_ADDRESSES": "0",
}
BODY = b"RIFF1234"


@pytest.fixture(scope="module")
def small() -> Any:
    """The functions of a deployment with small tasks."""
    told = {name: SETTINGS[name] for name in ("start_jobs", "create_job", "recover_jobs")}
    with pretend.aws():
        return {
            name: load(name, each.to_env() | CHOSEN)
            for name, each in (told | {"follow_jobs": FOLLOWER}).items()
        }


@pytest.fixture
def world(deployment: Deployment, small: Any) -> Deployment:
    deployment.functions = deployment.functions | small
    return deployment


def test_a_job_that_an_upload_asked_for(world: Deployment, event: Any) -> None:
    world.uploads.put(UPLOAD)
    assert world.invoke("start_jobs", event("sqs_object_created")) == {"batchItemFailures": []}
    expected(world, SOURCE.bytes)


def test_a_job_that_is_asked_for_by_itself(world: Deployment, event: Any) -> None:
    world.uploads.put(replace(UPLOAD, bytes=len(BODY)))
    world.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=BODY)
    assert world.call("create_job", event("http_create_job")).status == 202
    expected(world, len(BODY))


def test_a_job_of_an_upload_that_nobody_heard_of(
    world: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.uploads.put(replace(UPLOAD, bytes=len(BODY)))
    world.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=BODY)
    later = utc_now() + timedelta(minutes=15)
    monkeypatch.setattr("conversion.recovery.arrivals.utc_now", lambda: later)
    assert world.invoke("recover_jobs", {})["found"] == len(UPLOAD.conversions)
    expected(world, len(BODY))


def test_a_job_that_was_cancelled(world: Deployment, small: Any, event: Any) -> None:
    progress = small["follow_jobs"].progress
    progress.begin(JOB_ID, CANCELLED.attempt)
    report = Progress(CANCELLED.attempt, Stage.CONVERTING, percent=10.0, run_seconds=600.0)
    progress.report(JOB_ID, report)
    world.jobs.put_if_absent(CANCELLED)
    like = event("dynamodb_job_changed")["Records"][0]

    world.invoke("follow_jobs", {"Records": [record(like, "s0", PROCESSING, CANCELLED)]})

    read = CANCELLED.attempt * CANCELLED.source.bytes
    ran = spent(600.0, CANCELLED.attempt, read, 0, SMALL)
    assert world.jobs.get(JOB_ID).cost == ran
    assert ran != spent(600.0, CANCELLED.attempt, read, 0)


def expected(world: Deployment, length: int) -> None:
    made = list(world.jobs.of_file(FILE_ID))
    assert made
    for job in made:
        assert job.estimate == estimate(SOURCE.key, length, job.conversion, SMALL)
        assert job.estimate != estimate(SOURCE.key, length, job.conversion)
