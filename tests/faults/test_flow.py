"""The real state machine in the real engine, against whatever ends a task: what is tried again, how
often, where, and what an operator's redrive does. Pauses last a thousandth of what they say.
"""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import bundle
from local.child import Engine
from local.ffmpeg import Ffmpeg
from tests.contract import examples
from tests.faults import stand_in
from tests.faults.counts import Counts
from tests.faults.flow import Flow
from tests.local.conftest import ROLE, eventually

WAIT_SCALE = 0.001


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rehearsal") / "script"


@pytest.fixture(scope="module")
def engine(ffmpeg: Ffmpeg, rehearsal: Path) -> Iterator[Engine]:
    with Engine(ffmpeg=ffmpeg, environment={"SLUICE_LOCAL_REHEARSAL": str(rehearsal)}) as engine:
        body = json.dumps({"stepfunctions._SFN_WAIT_SCALE": WAIT_SCALE}).encode()
        config = urllib.request.Request(f"{engine.url}/_ministack/config", body, method="POST")
        with urllib.request.urlopen(config) as answer:
            assert json.load(answer)["applied"]
        yield engine


@pytest.fixture(scope="module")
def fail_execution(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The real function, out of the bundle that is deployed."""
    code = shutil.make_archive(
        str(tmp_path_factory.mktemp("code") / "code"), "zip", bundle.ensure()
    )
    return engine.client("lambda").create_function(
        FunctionName="fail-execution",
        Runtime="python3.13",
        Role=ROLE,
        Handler="lambdas.fail_execution.handler.handler",
        Code={"ZipFile": Path(code).read_bytes()},
        Timeout=10,
    )["FunctionArn"]


@pytest.fixture
def flow(
    engine: Engine, rehearsal: Path, tmp_path: Path, fail_execution: str, counts: Counts
) -> Flow:
    return Flow(engine, rehearsal, tmp_path, fail_execution, counts)


def test_a_job_that_nothing_disturbs_passes_five_states_on_spot(flow: Flow) -> None:
    flow.start("complete")

    assert flow.ended()["status"] == "SUCCEEDED"
    assert flow.entered() == ["Begin", "Convert", "ReadOutcome", "Outcome", "Completed"]
    assert flow.providers() == ["FARGATE_SPOT"]
    assert flow.job.status == "completed"


def test_no_capacity_and_throttling_are_waited_for(flow: Flow) -> None:
    flow.start("complete", ecs="no-capacity throttled no-capacity ok")

    assert flow.ended()["status"] == "SUCCEEDED"
    assert flow.entered().count("Pause") == 3
    assert flow.providers() == ["FARGATE"]
    assert flow.job.attempt == 1


def test_a_task_that_never_starts_is_started_again_on_demand(flow: Flow) -> None:
    flow.start("complete", ecs="never-starts never-starts ok")

    assert flow.ended()["status"] == "SUCCEEDED"
    assert flow.providers() == ["FARGATE_SPOT", "FARGATE", "FARGATE"]
    assert flow.job.attempt == 1


@pytest.mark.long
def test_capacity_that_never_comes_fails_the_job_after_a_hundred_tries(flow: Flow) -> None:
    flow.start("complete", ecs="no-capacity " * 101)

    ended = flow.ended()
    assert (ended["status"], ended["error"]) == ("FAILED", "TASK_NOT_STARTED")
    assert flow.entered().count("Convert") == 101
    assert flow.job.failure
    assert flow.job.failure.code == "TASK_NOT_STARTED"
    assert len(flow.events()) < 101 * 11 + 50


@pytest.mark.long
def test_a_request_that_can_never_be_served_is_not_repeated(flow: Flow) -> None:
    flow.ecs.create_cluster(clusterName="flow", capacityProviders=[])
    flow.ecs.put_cluster_capacity_providers(
        cluster="flow", capacityProviders=[], defaultCapacityProviderStrategy=[]
    )
    try:
        flow.start("complete")
        ended = flow.ended()
    finally:
        flow.ecs.put_cluster_capacity_providers(
            cluster="flow",
            capacityProviders=["FARGATE", "FARGATE_SPOT"],
            defaultCapacityProviderStrategy=[],
        )

    assert ended["error"] == "TASK_NOT_STARTED"
    assert flow.entered().count("Convert") == 1


def test_what_spot_interrupts_is_converted_on_demand(flow: Flow) -> None:
    """Before it can do anything: it ends by SIGTERM itself."""
    flow.start("complete", ecs="spot:0.05")

    assert flow.ended()["status"] == "SUCCEEDED"
    assert flow.providers() == ["FARGATE_SPOT", "FARGATE"]
    [failed] = [e["taskFailedEventDetails"] for e in flow.events() if e["type"] == "TaskFailed"]
    task = json.loads(failed["cause"])
    assert (task["StopCode"], task["StoppedReason"]) == (
        "SpotInterruption",
        "Your Spot Task was interrupted.",
    )
    assert task["Containers"][0]["ExitCode"] == 143
    assert flow.job.attempt == 1


@pytest.mark.long
def test_a_task_that_somebody_stops_is_started_again(flow: Flow) -> None:
    flow.start("wait wait complete")
    for times in (1, 2):
        flow.waits_for("waiting", times)
        flow.ecs.stop_task(cluster="flow", task=flow.tasks()[-1]["TaskArn"], reason="by hand")

    assert flow.ended()["status"] == "SUCCEEDED"
    assert flow.job.attempt == 3


@pytest.mark.long
def test_the_twenty_first_interruption_fails_the_job(flow: Flow) -> None:
    flow.start("exit:75 " * 21)

    assert flow.ended()["error"] == "CONVERTER_INTERRUPTED"
    assert flow.providers() == ["FARGATE_SPOT", *["FARGATE"] * 20]


@pytest.mark.parametrize("crash", ["exit:1", pytest.param("killed", marks=pytest.mark.long)])
def test_the_fourth_crash_fails_the_job(flow: Flow, crash: str) -> None:
    flow.start(f"{crash} " * 4)

    ended = flow.ended()
    assert (ended["status"], ended["error"]) == ("FAILED", "CONVERTER_CRASHED")
    assert json.loads(ended["cause"])["errorMessage"].startswith("The converter crashed")
    assert flow.providers() == ["FARGATE_SPOT"] * 4
    assert flow.job.failure
    assert flow.job.failure.code == "CONVERTER_CRASHED"


@pytest.mark.long
def test_three_crashes_and_an_interruption_are_borne(flow: Flow) -> None:
    flow.start("exit:1 killed exit:75 exit:3 complete", ecs="no-capacity")

    assert flow.ended()["status"] == "SUCCEEDED"
    assert flow.job.attempt == 5


@pytest.mark.long
def test_a_task_that_takes_too_long_is_stopped_and_never_tried_again(flow: Flow) -> None:
    flow.start("wait complete", convert_seconds=3)

    assert flow.ended()["error"] == "TIMED_OUT"
    assert flow.entered().count("Convert") == 1
    assert flow.job.failure
    assert flow.job.failure.code == "TIMED_OUT"


def test_what_the_converter_refuses_fails_the_execution_under_its_code_at_once(flow: Flow) -> None:
    flow.start("refuse")

    ended = flow.ended()
    assert (ended["status"], ended["error"]) == ("FAILED", stand_in.PERMANENT.code)
    assert json.loads(ended["cause"])["errorMessage"] == stand_in.PERMANENT.message
    assert flow.entered() == ["Begin", "Convert", "ReadOutcome", "Outcome", "Failed"]


@pytest.mark.long
def test_an_exit_without_an_outcome_is_a_crash_that_is_recorded(flow: Flow) -> None:
    flow.start("exit:0")

    assert flow.ended()["error"] == "CONVERTER_CRASHED"
    assert flow.job.status == "failed"


def test_a_redrive_of_a_failed_job_converts_it_again(flow: Flow) -> None:
    flow.start("refuse refuse complete")
    first = flow.ended()
    second = flow.redrive()
    third = flow.redrive()

    assert [first["error"], second["error"]] == [stand_in.PERMANENT.code] * 2
    assert third["status"] == "SUCCEEDED"
    assert [each["redrive"] for each in flow.notes] == ["0", "1", "2"]
    assert (flow.job.status, flow.job.redrive, flow.job.failure) == ("completed", 2, None)


@pytest.mark.long
def test_a_redrive_counts_from_nothing(flow: Flow) -> None:
    flow.start("exit:1 " * 4)
    flow.ended()
    flow.continues("exit:1 " * 3 + "complete")

    assert flow.redrive()["status"] == "SUCCEEDED"
    assert flow.job.attempt == 8
    assert flow.providers() == ["FARGATE_SPOT"] * 8


@pytest.mark.long
def test_a_redrive_of_a_failure_that_could_not_be_recorded_converts_again(flow: Flow) -> None:
    flow.start("exit:1 exit:1 exit:1 lose-records:1")
    ended = flow.ended()
    assert ended["error"] == "DynamoDB.ResourceNotFoundException"
    assert flow.entered()[-1] == "RecordFailure"
    flow.create_table(flow.items_lost())
    flow.continues("complete")

    assert flow.redrive()["status"] == "SUCCEEDED"
    # It was never failed in between, which would have been announced.
    assert flow.entered()[-8:-3] == ["RecordFailure", "ReadOutcome", "Outcome", "Begin", "Convert"]
    assert (flow.job.status, flow.job.redrive, flow.job.attempt) == ("completed", 1, 5)


@pytest.mark.parametrize(
    ("word", "entered"),
    [
        ("complete", ["ReadOutcome", "Outcome", "Completed"]),
        pytest.param(
            "refuse",
            ["Outcome", "Begin", "Convert", "ReadOutcome", "Outcome", "Completed"],
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_redrive_of_an_outcome_that_could_not_be_read_goes_by_it(
    flow: Flow, word: str, entered: list[str]
) -> None:
    flow.start(f"{word}:lose-records")
    assert flow.ended()["error"] == "DynamoDB.ResourceNotFoundException"
    assert flow.entered()[-1] == "ReadOutcome"
    flow.create_table(flow.items_lost())
    flow.continues("complete")

    assert flow.redrive()["status"] == "SUCCEEDED"
    assert flow.entered()[-len(entered) :] == entered
    assert flow.job.status == "completed"


def test_a_redrive_of_a_stopped_execution_converts_again(flow: Flow) -> None:
    flow.start("wait complete")
    flow.waits_for("waiting")
    flow.machines.client.stop_execution(executionArn=flow.execution, error="BY_HAND")
    assert flow.ended()["status"] == "ABORTED"

    assert flow.redrive()["status"] == "SUCCEEDED"
    assert [each["redrive"] for each in flow.notes if "redrive" in each] == ["0", "1"]
    assert (flow.job.status, flow.job.redrive) == ("completed", 1)


@pytest.mark.long
def test_a_redrive_of_an_execution_that_was_settled_meanwhile_reopens_the_job(flow: Flow) -> None:
    flow.start("wait complete")
    flow.waits_for("waiting")
    flow.machines.client.stop_execution(executionArn=flow.execution)
    assert flow.jobs.give_up(flow.job_id, flow.job.attempt, examples.FAILURE)

    assert flow.redrive()["status"] == "SUCCEEDED"
    assert (flow.job.status, flow.job.failure) == ("completed", None)


@pytest.mark.long
def test_a_redrive_of_a_timed_out_execution_converts_again(flow: Flow) -> None:
    flow.start("wait complete", all_seconds=15)
    flow.waits_for("waiting")
    assert flow.ended()["status"] == "TIMED_OUT"

    assert flow.redrive()["status"] == "SUCCEEDED"
    assert flow.job.status == "completed"


@pytest.mark.long
def test_a_redrive_of_a_cancelled_jobs_execution_leaves_it_cancelled(flow: Flow) -> None:
    flow.start("wait complete")
    flow.waits_for("waiting")
    flow.jobs.cancel(flow.job_id)
    flow.machines.client.stop_execution(executionArn=flow.execution, error="CANCELLED")

    assert flow.redrive()["status"] == "SUCCEEDED"
    assert flow.entered()[-1] == "Cancelled"
    assert flow.job.status == "cancelled"
    assert flow.words == ["wait", "waiting", "over"]


@pytest.mark.long
def test_a_job_without_a_record_fails_the_execution(flow: Flow) -> None:
    flow.start("wait")
    flow.waits_for("waiting")
    flow.dynamodb.delete_item(TableName=flow.table, Key={"jobId": {"S": flow.job_id}})
    for _ in range(4):
        eventually(lambda: flow.ecs.list_tasks(cluster="flow")["taskArns"] or is_over(flow))
        for task in flow.ecs.list_tasks(cluster="flow")["taskArns"]:
            flow.ecs.stop_task(cluster="flow", task=task)
        time.sleep(0.2)

    assert flow.ended()["error"] == "JOB_NOT_FOUND"


def is_over(flow: Flow) -> bool:
    found: Callable[..., dict[str, Any]] = flow.machines.client.describe_execution
    return found(executionArn=flow.execution)["status"] != "RUNNING"
