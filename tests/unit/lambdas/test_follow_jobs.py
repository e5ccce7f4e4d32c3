"""What follows from a change of a job's record, as the table's stream tells it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from conversion.cost import spent
from conversion.errors import EventsUnavailable
from conversion.job import Job, Status
from conversion.progress import Progress, Stage
from conversion.settings import FollowJobsSettings
from conversion.stores import clients
from conversion.stores.attributes import to_attributes
from conversion.stores.objects import Objects
from conversion.stores.slots import SlotsTable
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET, JOB_ID, OUTPUT, a_job, completed, failed
from tests.unit.lambdas.conftest import STATE_MACHINE, Deployment, load

FUNCTION = "follow_jobs"
SETTINGS = FollowJobsSettings(
    BUCKET, tables.JOBS, tables.PROGRESS, tables.SLOTS, STATE_MACHINE, "default", max_running_jobs=2
)
NOTHING_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}
PROCESSING = a_job(status=Status.PROCESSING, attempt=1)
CANCELLED = a_job(status=Status.CANCELLED, attempt=2)
OTHER = "f" * 32


@pytest.fixture(scope="module")
def module() -> Any:
    with pretend.aws():
        return load(FUNCTION, SETTINGS.to_env())


class Heard:
    """The bus, with all that is told on it."""

    def __init__(self) -> None:
        self.queues, bus = clients.sqs(), clients.events()
        self.url = self.queues.create_queue(QueueName="heard")["QueueUrl"]
        attributes = self.queues.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["QueueArn"]
        )["Attributes"]
        bus.put_rule(Name="all", EventPattern='{"source": ["sluice"]}')
        bus.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": attributes["QueueArn"]}])

    def __call__(self) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = []
        while messages := self.queues.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10
        ).get("Messages"):
            for each in messages:
                event = json.loads(each["Body"])
                told.append((event["detail-type"], event["detail"]["jobId"]))
        return told


@pytest.fixture
def world(deployment: Deployment, module: Any) -> Deployment:
    deployment.functions = deployment.functions | {FUNCTION: module}
    return deployment


@pytest.fixture
def heard(world: Deployment) -> Heard:
    return Heard()


@pytest.fixture
def objects(world: Deployment) -> Objects:
    return Objects(world.s3, BUCKET)


@pytest.fixture
def slots(world: Deployment) -> SlotsTable:
    return SlotsTable(world.dynamodb, tables.SLOTS, 2)


@pytest.fixture
def batch(event: Callable[[str], Any]) -> Callable[..., Any]:
    """A batch of changes, each (before, after), numbered s0, s1, …"""

    def made(*changes: tuple[Job | None, Job | None]) -> Any:
        like = event("dynamodb_job_changed")["Records"][0]
        return {"Records": [record(like, f"s{n}", *each) for n, each in enumerate(changes)]}

    return made


def record(like: Any, number: str, before: Job | None, after: Job | None) -> Any:
    name = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
    told: dict[str, Any] = {
        "Keys": {"jobId": {"S": JOB_ID}},
        "SequenceNumber": number,
        "ApproximateCreationDateTime": time.time(),
    }
    if before is not None:
        told["OldImage"] = to_attributes(before.to_item())
    if after is not None:
        told["NewImage"] = to_attributes(after.to_item())
    return like | {"eventName": name, "dynamodb": told}


def given_back(*numbers: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in numbers]}


def test_a_real_records_change_is_announced(world: Deployment, heard: Heard, event: Any) -> None:
    assert world.invoke(FUNCTION, event("dynamodb_job_changed")) == NOTHING_FAILED
    assert heard() == [("Conversion Completed", JOB_ID)]


def test_a_change_that_an_operator_reads_back_from_the_stream_can_be_followed(
    world: Deployment, heard: Heard, batch: Any
) -> None:
    """GetRecords tells neither the stream nor, by the AWS CLI, a time that is a number
    (docs/runbook.md, dead letters)."""
    (read,) = batch((PROCESSING, completed()))["Records"]
    del read["eventSourceARN"]
    read["dynamodb"]["ApproximateCreationDateTime"] = "2026-11-21T09:31:40+00:00"

    assert world.invoke(FUNCTION, {"Records": [read]}) == NOTHING_FAILED
    assert heard() == [("Conversion Completed", JOB_ID)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, a_job(), "Conversion Created"),
        (PROCESSING, completed(), "Conversion Completed"),
        (PROCESSING, failed(), "Conversion Failed"),
        (a_job(), CANCELLED, "Conversion Cancelled"),
        (a_job(), PROCESSING, None),
        (failed(), replace(PROCESSING, redrive=1, attempt=2), None),
        (PROCESSING, replace(PROCESSING, expires_at=PROCESSING.expires_at + 60), None),
        (completed(), None, None),
    ],
)
def test_what_is_announced_and_what_is_not(
    world: Deployment, heard: Heard, batch: Any, before: Job, after: Job, told: str | None
) -> None:
    assert world.invoke(FUNCTION, batch((before, after))) == NOTHING_FAILED
    assert heard() == ([(told, JOB_ID)] if told else [])


@pytest.mark.parametrize("after", [completed(), failed(), CANCELLED, None])
def test_a_job_that_is_over_gives_its_slot_to_the_oldest_that_waits(
    world: Deployment, slots: SlotsTable, batch: Any, after: Job | None
) -> None:
    waiting = [
        a_job(job_id=f"{n:032x}", created_at=f"2026-11-21T10:00:0{n}.000Z") for n in (2, 1, 3)
    ]
    for job in waiting:
        world.jobs.put_if_absent(job)
    assert slots.take(JOB_ID)
    assert slots.take(OTHER)

    assert world.invoke(FUNCTION, batch((PROCESSING, after))) == NOTHING_FAILED

    assert slots.holders() == {OTHER, waiting[1].job_id}
    assert world.executions() == [waiting[1].job_id]


def test_no_job_is_started_when_none_is_over(
    world: Deployment, slots: SlotsTable, batch: Any
) -> None:
    world.jobs.put_if_absent(a_job())
    assert world.invoke(FUNCTION, batch((None, a_job()), (a_job(), PROCESSING))) == NOTHING_FAILED
    assert world.executions() == []


def test_a_completed_job_loses_what_did_not_win(
    world: Deployment, objects: Objects, batch: Any
) -> None:
    job = completed(attempt=3, output=replace(OUTPUT, key=a_job().output_key(3)))
    other = a_job(job_id=OTHER).output_key(1)
    for key in [*map(job.output_key, (1, 2, 3, 4)), job.waveform_keys(1).json, other]:
        objects.put(key, b"x", "audio/mpeg")
    lost = objects.start_multipart(job.output_key(2), "audio/mpeg")

    assert world.invoke(FUNCTION, batch((PROCESSING, job))) == NOTHING_FAILED

    # Of attempt 4 the record knows nothing: whose it is, the clean-up finds out.
    left = [each.key for each in objects.list("")]
    assert left == [job.output_key(3), job.output_key(4), other]
    assert lost not in {each.upload_id for each in objects.multipart_uploads("")}


def test_most_jobs_are_over_without_a_look_at_the_bucket(
    world: Deployment, module: Any, batch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "objects", Unreachable())
    assert world.invoke(FUNCTION, batch((PROCESSING, completed()))) == NOTHING_FAILED
    assert world.invoke(FUNCTION, batch((a_job(), failed(attempt=0)))) == NOTHING_FAILED


@pytest.mark.parametrize("after", [failed(attempt=2), CANCELLED])
def test_a_job_without_an_output_loses_all_but_what_a_redrive_writes(
    world: Deployment, objects: Objects, batch: Any, after: Job
) -> None:
    for attempt in (1, 2, 3):
        objects.put(after.output_key(attempt), b"x", "audio/mpeg")
    uploads = [objects.start_multipart(after.output_key(n), "audio/mpeg") for n in (2, 3)]

    assert world.invoke(FUNCTION, batch((PROCESSING, after))) == NOTHING_FAILED

    assert [each.key for each in objects.list("")] == [after.output_key(3)]
    assert [each.upload_id for each in objects.multipart_uploads("")] == uploads[1:]


def test_a_removed_job_takes_all_it_had_with_it(
    world: Deployment, objects: Objects, slots: SlotsTable, batch: Any
) -> None:
    job = completed(attempt=2)
    for key in [*map(job.output_key, (1, 2, 3)), job.waveform_keys(2).png]:
        objects.put(key, b"x", "audio/mpeg")
    objects.put(a_job(job_id=OTHER).output_key(1), b"x", "audio/mpeg")
    objects.put(job.source.key, b"x", "audio/wav")
    objects.start_multipart(job.output_key(3), "audio/mpeg")
    world.progress.begin(JOB_ID, 1)
    world.progress.begin(OTHER, 1)
    slots.take(JOB_ID)

    assert world.invoke(FUNCTION, batch((job, None))) == NOTHING_FAILED

    assert {each.key for each in objects.list("")} == {
        a_job(job_id=OTHER).output_key(1), job.source.key
    }  # fmt: skip
    assert list(objects.multipart_uploads("")) == []
    assert world.progress.read([JOB_ID, OTHER]).keys() == {OTHER}
    assert slots.holders() == frozenset()


@pytest.mark.parametrize("again", [PROCESSING, completed(expires_at=1)])
def test_a_job_that_is_there_again_keeps_what_it_has(
    world: Deployment, objects: Objects, slots: SlotsTable, batch: Any, again: Job
) -> None:
    world.jobs.put_if_absent(again)
    world.progress.begin(JOB_ID, 1)
    objects.put(again.output_key(1), b"x", "audio/mpeg")
    slots.take(JOB_ID)

    assert world.invoke(FUNCTION, batch((completed(), None))) == NOTHING_FAILED

    assert [each.key for each in objects.list("")] == [again.output_key(1)]
    assert slots.holders() == {JOB_ID}
    assert JOB_ID in world.progress.read([JOB_ID])


def test_a_job_that_expired_alive_is_an_error_in_the_log(
    world: Deployment, batch: Any, log: Callable[[], list[dict[str, Any]]]
) -> None:
    world.invoke(FUNCTION, batch((PROCESSING, None)))
    (line,) = [each for each in log() if each["level"] == "ERROR"]
    assert (line["jobId"], line["status"]) == (JOB_ID, "processing")


def test_the_log_holds_no_file_name(
    world: Deployment, objects: Objects, batch: Any, log: Callable[[], list[dict[str, Any]]]
) -> None:
    objects.put(a_job().output_key(1), b"x", "audio/mpeg")
    world.invoke(FUNCTION, batch((None, a_job()), (PROCESSING, failed()), (failed(), None)))
    assert log()
    assert "live" not in json.dumps(log(), ensure_ascii=False)


def test_a_change_told_again_changes_nothing_more(
    world: Deployment, slots: SlotsTable, objects: Objects, batch: Any
) -> None:
    waiting = [a_job(job_id=f"{n:032x}", created_at=f"2026-11-21T10:00:0{n}.000Z") for n in (1, 2)]
    for job in waiting:
        world.jobs.put_if_absent(job)
    slots.take(JOB_ID)
    slots.take(OTHER)
    told = batch((PROCESSING, completed()))
    world.invoke(FUNCTION, told)
    before = (slots.holders(), world.executions())

    assert world.invoke(FUNCTION, told) == NOTHING_FAILED

    assert (slots.holders(), world.executions()) == before


def test_a_record_that_fails_and_those_behind_it_go_back(
    world: Deployment, heard: Heard, batch: Any, log: Callable[[], list[dict[str, Any]]]
) -> None:
    """Lambda reads the stream again from the first of them; the others would be announced twice."""
    told = batch((None, a_job()), (None, a_job()), (None, a_job(job_id=OTHER)))
    del told["Records"][1]["dynamodb"]["NewImage"]["source"]

    assert world.invoke(FUNCTION, told) == given_back("s1", "s2")

    assert heard() == [("Conversion Created", JOB_ID)]
    (line,) = [each for each in log() if each["level"] == "ERROR"]
    assert line["sequenceNumber"] == "s1"


def unreadable(told: Any, number: int, age: float) -> Any:
    """The batch, with one record that is no job, so many seconds old."""
    change = told["Records"][number]["dynamodb"]
    change["NewImage"] |= {"status": {"S": "unheard of"}}
    change["ApproximateCreationDateTime"] = time.time() - age
    return told


def test_what_is_no_job_goes_back_at_first(world: Deployment, heard: Heard, batch: Any) -> None:
    told = batch((None, a_job()), (None, a_job(job_id=OTHER)))
    assert world.invoke(FUNCTION, unreadable(told, 0, age=500)) == given_back("s0", "s1")
    assert heard() == []


def test_what_is_no_job_does_not_hold_the_others_up_for_ever(
    world: Deployment, heard: Heard, batch: Any, log: Callable[[], list[dict[str, Any]]]
) -> None:
    told = batch((None, a_job()), (None, a_job(job_id=OTHER)))
    assert world.invoke(FUNCTION, unreadable(told, 0, age=700)) == NOTHING_FAILED
    assert heard() == [("Conversion Created", OTHER)]
    (line,) = [each for each in log() if each["level"] == "ERROR"]
    assert line["jobId"] == JOB_ID


def test_an_outage_is_waited_for_however_old_the_record_is(
    world: Deployment, module: Any, batch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "bus", DeadBus())
    told = batch((None, a_job()))
    told["Records"][0]["dynamodb"]["ApproximateCreationDateTime"] = time.time() - 3 * 3600
    assert world.invoke(FUNCTION, told) == given_back("s0")


def test_a_dead_bus_loses_no_event_and_holds_no_slot(
    world: Deployment,
    module: Any,
    heard: Heard,
    slots: SlotsTable,
    batch: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.jobs.put_if_absent(a_job(job_id=OTHER))
    slots.take(JOB_ID)
    told = batch((PROCESSING, completed()))
    with monkeypatch.context() as patch:
        patch.setattr(module, "bus", DeadBus())
        assert world.invoke(FUNCTION, told) == given_back("s0")
    assert heard() == []
    assert world.executions() == [OTHER], "what waits does not wait for EventBridge"

    assert world.invoke(FUNCTION, told) == NOTHING_FAILED
    assert heard() == [("Conversion Completed", JOB_ID)]


def test_a_dead_bucket_does_not_announce_a_job_again_and_again(
    world: Deployment,
    module: Any,
    heard: Heard,
    batch: Any,
    log: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is left in it is for the clean-up."""
    monkeypatch.setattr(module, "objects", Unreachable())
    assert world.invoke(FUNCTION, batch((PROCESSING, failed()))) == NOTHING_FAILED
    assert heard() == [("Conversion Failed", JOB_ID)]
    (line,) = [each for each in log() if each["level"] == "ERROR"]
    assert (line["jobId"], line["message"]) == (JOB_ID, "outputs are left to the clean-up")


def test_a_removal_that_a_dead_bucket_meets_is_left_to_the_clean_up(
    world: Deployment,
    module: Any,
    objects: Objects,
    batch: Any,
    log: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those behind it are announced all the same, and the bucket is asked once."""
    objects.put(a_job().output_key(1), b"x", "audio/mpeg")
    told = batch((completed(), None), (completed(job_id=OTHER), None))
    with monkeypatch.context() as patch:
        patch.setattr(module, "objects", Unreachable())
        assert world.invoke(FUNCTION, told) == NOTHING_FAILED
    assert [each["message"] for each in log() if each["level"] == "ERROR"] == [
        "outputs are left to the clean-up"
    ]


def test_what_waits_and_cannot_be_started_fails_no_record(
    world: Deployment,
    module: Any,
    batch: Any,
    log: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "executions", Unreachable())
    world.jobs.put_if_absent(a_job(job_id=OTHER))
    assert world.invoke(FUNCTION, batch((PROCESSING, completed()))) == NOTHING_FAILED
    assert [each["message"] for each in log() if each["level"] == "ERROR"] == [
        "waiting jobs could not be started"
    ]


class DeadBus:
    def put(self, _: object) -> None:
        raise EventsUnavailable("EventBridge is not answering.")


class Unreachable:
    """A store behind a network that is gone."""

    def __getattr__(self, _: str) -> Any:
        def gone(*_: object) -> None:
            raise ConnectTimeoutError(endpoint_url="https://example.invalid")

        return gone


def test_what_was_cancelled_costs_what_its_attempts_have_run(
    world: Deployment, module: Any, batch: Any
) -> None:
    """Nobody who cancels or gives up knows it; the reports do, of both attempts."""
    for attempt, seconds in ((1, 40.0), (2, 70.0)):
        module.progress.begin(JOB_ID, attempt)
        report = Progress(attempt, Stage.CONVERTING, percent=10.0, run_seconds=seconds)
        module.progress.report(JOB_ID, report)
    world.jobs.put_if_absent(CANCELLED)

    assert world.invoke(FUNCTION, batch((PROCESSING, CANCELLED))) == NOTHING_FAILED

    read = 2 * CANCELLED.source.bytes
    assert world.jobs.get(JOB_ID).cost == spent(110.0, 2, read, 0)
    assert world.jobs.get(JOB_ID).updated_at == CANCELLED.updated_at


def test_what_never_ran_or_knows_its_cost_is_left_as_it_is(world: Deployment, batch: Any) -> None:
    never_ran = a_job(status=Status.CANCELLED)
    known = failed(job_id=OTHER, cost=spent(3.0, 1, 10, 0))
    for each in (never_ran, known):
        world.jobs.put_if_absent(each)

    told = batch((a_job(), never_ran), (PROCESSING, known))
    assert world.invoke(FUNCTION, told) == NOTHING_FAILED
    assert (world.jobs.get(JOB_ID), world.jobs.get(OTHER)) == (never_ran, known)
