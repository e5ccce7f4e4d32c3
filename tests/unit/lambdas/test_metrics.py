"""What the functions count, as the lines that CloudWatch makes metrics of."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conversion.clock import utc_now
from conversion.errors import InvalidRequest, StorageUnavailable, TooManyJobs
from conversion.job import Status
from conversion.metrics import CODE, DEPLOYMENT, NAMESPACE, Metric
from conversion.outcome import Failure
from conversion.settings import FeedBatchSettings, FollowJobsSettings, GetProgressSettings
from conversion.stopped_tasks import StoppedTask
from lambdas.follow_tasks import handler as follow_tasks
from tasks.converter.usage import Usage, embedded
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET, COST, JOB_ID, OUTPUT, a_job
from tests.unit.lambdas.conftest import STATE_MACHINE, Context, Deployment, load
from tests.unit.lambdas.emf import Datum, data

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
CREATED = a_job()
RUNS = replace(CREATED, status=Status.PROCESSING, attempt=1, updated_at="2026-11-21T09:30:20.000Z")
ENDED = replace(RUNS, updated_at="2026-11-21T09:30:30.000Z", cost=COST)
FAILURE = Failure("CONVERTER_CRASHED", "The converter crashed.")
CHANGES = [
    (CREATED, RUNS),
    (RUNS, replace(ENDED, status=Status.COMPLETED, output=OUTPUT)),
    (RUNS, replace(ENDED, status=Status.FAILED, failure=FAILURE)),
    (RUNS, replace(ENDED, status=Status.CANCELLED)),
]
Read = Callable[[], list[Datum]]


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Read:
    return lambda: data(capsys.readouterr().out)


@pytest.fixture(scope="module")
def follower() -> Any:
    settings = FollowJobsSettings(
        BUCKET, tables.JOBS, tables.PROGRESS, tables.SLOTS, STATE_MACHINE, "default"
    )
    with pretend.aws():
        return load("follow_jobs", settings.to_env())


@pytest.fixture(scope="module")
def reader() -> Any:
    """Of a Redis that is nowhere."""
    settings = GetProgressSettings(tables.JOBS, tables.PROGRESS, "127.0.0.1", 9, auth="none")
    with pretend.aws():
        return load("get_progress", settings.to_env())


@pytest.fixture(scope="module")
def feeder() -> Any:
    settings = FeedBatchSettings(
        BUCKET, tables.UPLOADS, tables.JOBS, tables.SLOTS, STATE_MACHINE, batch_sources="archive"
    )
    with pretend.aws():
        return load("feed_batch", settings.to_env())


def stream(event: Any, *changes: Any) -> Any:
    from tests.unit.lambdas.test_follow_jobs import record

    like = event("dynamodb_job_changed")["Records"][0]
    return {"Records": [record(like, f"s{n}", *each) for n, each in enumerate(changes)]}


def values(found: list[Datum], metric: Metric, **more: str) -> list[float]:
    wanted = {DEPLOYMENT: "sluice", **more}
    return [
        value
        for each in found
        if each.name == metric.title and dict(each.dimensions) == wanted
        for value in each.values
    ]


def polls(reader: Any, event: Any) -> None:
    answer = reader.handler(event("http_get_progress"), Context())
    assert answer["statusCode"] == 200


def test_a_batch_of_changes_is_counted_with_its_times_and_codes(
    deployment: Deployment, follower: Any, event: Any, counted: Read
) -> None:
    follower.handler(stream(event, *CHANGES), Context())

    found = counted()
    assert values(found, Metric.JOBS_COMPLETED) == [1]
    assert values(found, Metric.QUEUED_SECONDS) == [8]
    assert values(found, Metric.CONVERSION_SECONDS) == [10]
    assert values(found, Metric.REAL_TIME_FACTOR) == [pytest.approx(6.0024)]
    assert values(found, Metric.JOB_COST) == [COST.usd] * 3
    assert values(found, Metric.JOBS_FAILED) == [1]
    assert values(found, Metric.JOBS_FAILED, **{CODE: FAILURE.code}) == [1]


def test_what_goes_back_to_the_stream_is_not_counted(
    deployment: Deployment, follower: Any, event: Any, counted: Read, monkeypatch: Any
) -> None:
    def down(events: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(follower.bus, "put", down)
    answer = follower.handler(stream(event, CHANGES[1]), Context())

    assert answer["batchItemFailures"] == [{"itemIdentifier": "s0"}]
    assert counted() == []


def test_an_invocation_that_counts_nothing_writes_nothing(
    deployment: Deployment, follower: Any, event: Any, counted: Read
) -> None:
    follower.handler(stream(event, (RUNS, replace(RUNS, attempt=2))), Context())
    assert counted() == []


def test_each_minute_tells_who_runs_who_starts_and_who_waits(
    deployment: Deployment, event: Any, counted: Read, monkeypatch: Any
) -> None:
    slots = deployment.functions["recover_jobs"].pipeline.slots
    monkeypatch.setattr(slots, "most", 1)
    for number in (1, 2, 3):
        deployment.jobs.put_if_absent(a_job(job_id=f"{number:032x}"))

    deployment.invoke("recover_jobs", event("scheduled"))

    found = counted()
    assert values(found, Metric.JOBS_RUNNING) == values(found, Metric.JOBS_STARTING) == [1]
    assert values(found, Metric.JOBS_WAITING) == [2]
    assert values(found, Metric.JOBS_HELD_UP) == values(found, Metric.TASKS_HELD_UP) == [0]
    assert values(found, Metric.JOBS_RECOVERED) == [0]


def test_jobs_that_wait_although_there_is_room_are_counted_as_held_up(
    deployment: Deployment, event: Any, counted: Read, monkeypatch: Any
) -> None:
    function = deployment.functions["recover_jobs"]
    monkeypatch.setattr("conversion.recover.start_waiting", lambda *_: [])
    monkeypatch.setattr(function.pipeline.slots, "most", 2)
    for number in (1, 2, 3):
        deployment.jobs.put_if_absent(a_job(job_id=f"{number:032x}"))

    deployment.invoke("recover_jobs", event("scheduled"))

    found = counted()
    assert values(found, Metric.JOBS_WAITING) == [3]
    assert values(found, Metric.JOBS_HELD_UP) == [2]


@pytest.mark.parametrize(("minutes", "held_up"), [(14, 0), (16, 2)])
def test_jobs_whose_tasks_do_not_come_up_are_counted_however_old_their_records_are(
    deployment: Deployment, event: Any, counted: Read, monkeypatch: Any, minutes: int, held_up: int
) -> None:
    for number in (1, 2):
        deployment.jobs.put_if_absent(a_job(job_id=f"{number:032x}"))
    deployment.invoke("recover_jobs", event("scheduled"))  # starts them
    assert values(counted(), Metric.TASKS_HELD_UP) == [0]
    later = utc_now() + timedelta(minutes=minutes)
    monkeypatch.setattr("conversion.recover.utc_now", lambda: later)

    deployment.invoke("recover_jobs", event("scheduled"))

    found = counted()
    assert values(found, Metric.JOBS_STARTING) == [2]
    assert values(found, Metric.TASKS_HELD_UP) == [held_up]


def test_a_file_of_a_batch_that_cannot_be_fed_is_counted_and_a_full_queue_is_not(
    feeder: Any, event: Any, counted: Read, monkeypatch: Any
) -> None:
    for error, told in ((TooManyJobs("Full."), []), (StorageUnavailable("Away."), [1])):
        fails_to_feed(feeder, error, monkeypatch)
        assert values(counted(), Metric.FEEDS_FAILED) == told


def fails_to_feed(feeder: Any, error: Exception, monkeypatch: Any) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(feeder, "feeder", SimpleNamespace(feed=fail))
    asked = {
        "bucket": "archive",
        "reader": "listing",
        "conversions": [{"format": "mp3"}],
        "dryRun": False,
        "owner": None,
    }
    with pytest.raises(type(error)):
        feeder.handler({"BatchInput": {"batchId": "b1", "asked": asked}, "Items": []}, Context())


def test_an_unanswered_redis_is_counted_at_each_poll_and_the_poll_is_answered(
    deployment: Deployment, reader: Any, event: Any, counted: Read
) -> None:
    deployment.jobs.put_if_absent(a_job(status=Status.PROCESSING, attempt=1))
    polls(reader, event)
    assert values(counted(), Metric.REDIS_FALLBACKS) == [1]


def test_a_spot_interruption_is_counted_and_logged_with_its_job(
    event: Any, counted: Read, log: Any
) -> None:
    follow_tasks.handler(event("ecs_task_interrupted"), Context())

    (line,) = [each for each in log() if each["message"] == "a task was ended"]
    assert (line["jobId"], line["stopCode"]) == (JOB_ID, "SpotInterruption")
    assert line["task"] == "0b7a9c3de1f24b7f8a5d6c9e0f1a2b3c"
    assert line["reason"] == "Fargate Spot needed its capacity back."
    assert values(counted(), Metric.SPOT_INTERRUPTIONS) == [1]


def out_of_memory(event: Any) -> Any:
    told = event("ecs_task_interrupted")
    told["detail"]["stopCode"] = "EssentialContainerExited"
    told["detail"]["containers"][0] |= {
        "exitCode": 137,
        "reason": "OutOfMemoryError: Container killed due to memory usage",
    }
    return told


def test_a_task_without_memory_is_counted(event: Any, counted: Read) -> None:
    follow_tasks.handler(out_of_memory(event), Context())
    assert values(counted(), Metric.TASKS_OUT_OF_MEMORY) == [1]


def test_a_task_that_a_person_stopped_is_told_and_not_counted(event: Any, counted: Read) -> None:
    told = event("ecs_task_interrupted")
    told["detail"]["stopCode"] = "UserInitiated"
    follow_tasks.handler(told, Context())
    assert counted() == []


@pytest.mark.parametrize("missing", ["overrides", "stopCode", "containers", "taskArn"])
def test_what_is_not_the_end_of_a_converters_task_is_refused(event: Any, missing: str) -> None:
    told = event("ecs_task_interrupted")
    del told["detail"][missing]
    with pytest.raises(InvalidRequest):
        StoppedTask.from_event(told)


def test_every_metric_is_counted_by_somebody_in_its_own_unit_for_the_deployment(
    deployment: Deployment,
    follower: Any,
    reader: Any,
    feeder: Any,
    event: Any,
    counted: Read,
    monkeypatch: Any,
) -> None:
    deployment.jobs.put_if_absent(a_job(status=Status.PROCESSING, attempt=1))
    follower.handler(stream(event, *CHANGES), Context())
    deployment.invoke("recover_jobs", event("scheduled"))
    polls(reader, event)
    follow_tasks.handler(event("ecs_task_interrupted"), Context())
    follow_tasks.handler(out_of_memory(event), Context())
    fails_to_feed(feeder, StorageUnavailable("Away."), monkeypatch)
    found = counted()
    converter = embedded(Usage().figures(), "sluice")["_aws"]["CloudWatchMetrics"][0]["Metrics"]

    assert {each.namespace for each in found} == {NAMESPACE}
    assert all((DEPLOYMENT, "sluice") in each.dimensions for each in found)
    units = {each.name: each.unit for each in found} | {
        each["Name"]: each["Unit"] for each in converter
    }
    # Whether an attempt was interrupted is told with the rest: tests/converter/test_usage.py.
    wanted = {
        each.title: each.unit.value for each in Metric if each is not Metric.ATTEMPTS_INTERRUPTED
    }
    assert units == wanted


def test_the_page_of_metrics_has_each_with_its_unit() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)
    assert rows == [(each.title, each.unit.value) for each in Metric]
