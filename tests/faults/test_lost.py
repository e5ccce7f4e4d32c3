"""What is lost on the way, on the whole pipeline: an event, a task, capacity, an execution.

Nothing that has arrived may depend on one message, one call or one process. Where the recovery
waits for minutes before it believes that something is lost, its clock is put forward instead.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conversion.recover import Recovered, sweep
from conversion.recovery.pipeline import Pipeline
from conversion.settings import RecoverJobsSettings
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.progress import ProgressTable
from conversion.stores.slots import SlotsTable
from conversion.stores.tasks import Tasks
from conversion.stores.uploads import Uploads
from tests.end_to_end import journey
from tests.faults import tasks
from tests.faults.counts import Counts
from tests.faults.listener import Listener
from tests.faults.live import PATIENCE_SECONDS, Live, eventually
from tests.faults.poller import Poller
from tests.faults.tasks import Watch

_LONG, _SHORT = 120, 5
# What comes a moment late has come by then.
_MOMENT_SECONDS = 1.5
# The modules of the recovery that ask what time it is.
_CLOCKS = ("arrivals", "heartbeat", "leftovers", "pipeline", "records")

Sweep = Callable[[int], Recovered]


@pytest.fixture
def heard(live: Live) -> Listener:
    listener = Listener(live)
    listener.listen()
    return listener


@pytest.fixture
def sweep_after(live: Live, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """The recovery as it is deployed, so many minutes from now. Its second look comes at once."""
    config = live.client("lambda").get_function_configuration(
        FunctionName=live.resource("AWS::Lambda::Function", "RecoverJobs")
    )
    settings = RecoverJobsSettings.from_env(config["Environment"]["Variables"])
    dynamodb = live.client("dynamodb")
    pipeline = Pipeline(
        jobs=Jobs(dynamodb, settings.jobs_table),
        progress=ProgressTable(dynamodb, settings.progress_table),
        uploads=Uploads(dynamodb, settings.uploads_table),
        slots=SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs),
        executions=Executions(live.client("stepfunctions"), settings.state_machine_arn),
        tasks=Tasks(live.client("ecs"), settings.cluster),
        objects=Objects(live.client("s3"), settings.bucket),
    )

    def sweep_then(minutes: int) -> Recovered:
        with monkeypatch.context() as patch:
            for module in _CLOCKS:
                patch.setattr(
                    f"conversion.recovery.{module}.utc_now",
                    lambda: datetime.now(UTC) + timedelta(minutes=minutes),
                )
            recovered = sweep(
                pipeline, settings.conversions, settings.retention_days, pause=lambda _: None
            )
        assert recovered.failures == 0
        return recovered

    return sweep_then


@pytest.mark.long
def test_an_upload_whose_event_was_lost_is_found(
    live: Live, music: Callable[[int], Path], sweep_after: Sweep, counts: Counts
) -> None:
    rule, events = live.resource("AWS::Events::Rule", "Arrivals"), live.client("events")
    events.disable_rule(Name=rule)
    try:
        file_id = live.upload(music(_SHORT), {"format": "flac"}, {"format": "opus"})
    finally:
        events.enable_rule(Name=rule)
    time.sleep(_MOMENT_SECONDS)
    assert _jobs(live, file_id) == []

    assert sweep_after(2).found == 0, "its event may still be on its way"
    assert sweep_after(6).found == 2
    jobs = [live.over(each["jobId"]) for each in journey.jobs_of(live.api, file_id, how_many=2)]
    assert [each["status"] for each in jobs] == ["completed"] * 2
    assert sweep_after(6).found == 0
    _deliver_late(live, file_id, music(_SHORT))
    assert [each["jobId"] for each in _jobs(live, file_id)] == [each["jobId"] for each in jobs]
    assert {live.tasks_of(each["jobId"]) for each in jobs} == {1}
    counts("lost", events_lost=1, jobs_found=2)


def _jobs(live: Live, file_id: str) -> list[dict[str, Any]]:
    return live.http.get(f"{live.api}/jobs", params={"fileId": file_id}).json()["jobs"]


def _deliver_late(live: Live, file_id: str, path: Path) -> None:
    """The event that was lost, hours later and twice."""
    s3, key = live.client("s3"), f"uploads/{file_id}{path.suffix}"
    head = s3.head_object(Bucket=live.bucket, Key=key)
    thing = {"key": key, "etag": head["ETag"].strip('"'), "size": head["ContentLength"]}
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": head["LastModified"].isoformat(),
        "detail": {"bucket": {"name": live.bucket}, "object": thing | {"sequencer": "0A1B"}},
    }
    for _ in range(2):
        live.client("sqs").send_message(QueueUrl=live.queue, MessageBody=json.dumps(event))
    eventually(lambda: live.in_queue(live.queue) == 0, PATIENCE_SECONDS, "the queue to be empty")
    time.sleep(_MOMENT_SECONDS)


@pytest.mark.parametrize(
    "words",
    [
        ["no-capacity", "throttled", "never-starts"],
        pytest.param(["no-capacity"] * 12, marks=pytest.mark.long),
        pytest.param(["throttled"] * 12, marks=pytest.mark.long),
        pytest.param(["never-starts"] * 6, marks=pytest.mark.long),
    ],
    ids=lambda words: f"{len(words)}-{words[-1]}",
)
def test_a_job_outlasts_a_time_without_tasks(
    live: Live, music: Callable[[int], Path], counts: Counts, words: list[str]
) -> None:
    file_id = live.upload(music(_SHORT))
    with live.rehearsing(*words):
        job_id = live.start(file_id, format="flac")
        job = live.over(job_id)

    assert (job["status"], job["attempt"]) == ("completed", 1), job["error"]
    assert live.states(job_id).count("Pause") == len(words)
    assert live.ended(job_id)["status"] == "SUCCEEDED"
    counts("lost", tasks_that_never_ran=len(words))


@pytest.mark.long
@pytest.mark.skipif(not tasks.AVAILABLE, reason=tasks.REASON)
@pytest.mark.parametrize("stage", ["before its claim", "converting"])
def test_a_task_that_hangs_is_replaced(
    live: Live,
    music: Callable[[int], Path],
    sweep_after: Sweep,
    counts: Counts,
    stage: str,
) -> None:
    """Stopped by SIGSTOP it does nothing, and is not gone."""
    file_id = live.upload(music(_LONG))
    with Watch() as watch:
        job_id = live.start(file_id, format="mp3")
        with Poller(live.api, job_id) as poller:
            task = watch.task(job_id, PATIENCE_SECONDS)
            if stage == "converting":
                eventually(
                    lambda: poller.seen and poller.seen[-1].percent > 0, PATIENCE_SECONDS, stage
                )
            assert task.strike(signal.SIGSTOP)
            time.sleep(_MOMENT_SECONDS)
            early, late = (4, 6) if stage == "converting" else (20, 31)
            assert sweep_after(early).tasks_stopped == 0
            assert sweep_after(late).tasks_stopped == 1
            task.strike(signal.SIGCONT)  # what ECS does to it after two minutes is SIGKILL
            poller.wait(PATIENCE_SECONDS)

    counts("lost", tasks_that_hung=1, looks=len(poller.seen), falls=len(poller.falls))
    assert poller.falls == []
    assert live.job(job_id)["status"] == "completed"
    assert live.ended(job_id)["status"] == "SUCCEEDED"
    assert live.tasks_of(job_id) == 2
    eventually(lambda: not live.open_uploads(job_id), PATIENCE_SECONDS, "no upload left open")


@pytest.mark.long
def test_an_execution_stopped_by_hand_fails_its_job_and_a_redrive_completes_it(
    live: Live, music: Callable[[int], Path], heard: Listener, counts: Counts
) -> None:
    step_functions = live.client("stepfunctions")
    job_id = live.start(live.upload(music(_LONG)), format="mp3")
    with Poller(live.api, job_id) as poller:
        eventually(lambda: poller.seen and poller.seen[-1].percent > 0, PATIENCE_SECONDS, "work")
        step_functions.stop_execution(executionArn=live.execution_arn(job_id))
        failed = live.over(job_id)
        assert (failed["status"], failed["error"]["code"]) == ("failed", "EXECUTION_STOPPED")
        eventually(lambda: job_id not in live.holders(), PATIENCE_SECONDS, "its slot")
        assert live.outputs(job_id) == []

    with Poller(live.api, job_id) as after:
        step_functions.redrive_execution(executionArn=live.execution_arn(job_id))
        eventually(
            lambda: live.job(job_id)["status"] == "completed", PATIENCE_SECONDS, "the redrive"
        )

    seen = [*poller.seen, *after.seen]
    falls = Poller(live.api, job_id, seen).falls
    counts("lost", executions_stopped=1, redriven=1, looks=len(seen), falls=len(falls))
    assert falls == []
    assert live.job(job_id)["attempt"] == 2
    assert live.ended(job_id)["status"] == "SUCCEEDED"
    wanted = ["Conversion Created", "Conversion Failed", "Conversion Completed"]
    eventually(lambda: len(heard.kinds(job_id)) == len(wanted), PATIENCE_SECONDS, "its events")
    assert heard.kinds(job_id) == wanted


def test_the_events_of_a_life_are_heard_once_and_in_order(
    live: Live, music: Callable[[int], Path], heard: Listener, counts: Counts
) -> None:
    """Each is held to its schema in docs/events/ (tests/faults/listener.py)."""
    job_id = live.start(live.upload(music(_SHORT)), format="flac")
    done = live.over(job_id)
    eventually(lambda: len(heard.heard(job_id)) >= 2, PATIENCE_SECONDS, "its events")
    time.sleep(_MOMENT_SECONDS)
    created, completed = heard.heard(job_id)

    assert heard.kinds(job_id) == ["Conversion Created", "Conversion Completed"]
    assert created["detail"]["createdAt"] == done["createdAt"]
    assert completed["detail"]["updatedAt"] == done["updatedAt"]
    assert completed["detail"]["output"]["bytes"] == done["output"]["bytes"]
    assert live.outputs(job_id) == [completed["detail"]["output"]["key"]]
    counts("lost", lives_followed=1)


def test_a_message_that_nobody_can_read_ends_among_the_dead_letters(
    live: Live, music: Callable[[int], Path], impatient_queue: str, counts: Counts
) -> None:
    sqs = live.client("sqs")
    dead = live.resource("AWS::SQS::Queue", "ArrivalsDeadLetters")
    poison = '{"this is": "no event"}'
    before = live.in_queue(dead)

    sqs.send_message(QueueUrl=impatient_queue, MessageBody=poison)
    file_id = live.upload(music(_SHORT), {"format": "flac"})
    eventually(lambda: live.in_queue(dead) == before + 1, PATIENCE_SECONDS, "the dead letter")

    letters = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10)["Messages"]
    assert poison in [each["Body"] for each in letters]
    assert live.in_queue(impatient_queue) == 0
    [job] = journey.jobs_of(live.api, file_id)
    assert live.over(job["jobId"])["status"] == "completed", "others must not wait for it"
    counts("lost", poison=1)


@pytest.fixture
def impatient_queue(live: Live) -> Iterator[str]:
    """The queue, which gives a message out again after a second instead of minutes."""
    sqs, name = live.client("sqs"), "VisibilityTimeout"
    asked = sqs.get_queue_attributes(QueueUrl=live.queue, AttributeNames=[name])
    sqs.set_queue_attributes(QueueUrl=live.queue, Attributes={name: "1"})
    yield live.queue
    sqs.set_queue_attributes(QueueUrl=live.queue, Attributes=asked["Attributes"])
