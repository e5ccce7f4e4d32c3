"""A cancel in each state of a job, twice, on the whole pipeline.

For the caller it takes effect at once; the task, its multipart upload, the slot and the execution
follow within seconds, and the world hears of it once. Stages that are too short to be met are held
open: the task is stopped by SIGSTOP, the job cancelled, and the task let go on.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.synth import OPTIONS
from tests.faults import tasks
from tests.faults.counts import Counts
from tests.faults.listener import Listener
from tests.faults.live import PATIENCE_SECONDS, WAIT_SCALE, Live, eventually
from tests.faults.tasks import Task, Watch

pytestmark = pytest.mark.skipif(not tasks.AVAILABLE, reason=tasks.REASON)

# Seconds, says the promise. On a machine with other things to do they may be a few more.
SOON_SECONDS = 30.0
# An announcement that comes a second time has come by then.
_ECHO_SECONDS = 1.5
# Some seconds of work in one pass, whatever is asked for; a short one where the end is wanted.
_LONG, _SHORT = 120, 10
_SLOW = {"format": "opus"}
# The pipeline on this machine has as many: more would make one another slow.
_MOST_SLOTS = int(str(OPTIONS["maxRunningJobs"]))
_TWO_PASSES = {"format": "mp3", "loudness": {"integratedLufs": -16}}


@dataclass
class Stage:
    """What the states below are reached with."""

    live: Live
    watch: Watch
    music: Callable[[int], Path]
    around: ExitStack

    def start(self, seconds: int = _LONG, **conversion: Any) -> str:
        return self.live.start(self.live.upload(self.music(seconds)), **(conversion or _SLOW))

    def shows(self, job_id: str, stage: str) -> None:
        """Wait until the job is shown in this stage."""

        def reached() -> bool:
            shown = self.progress(job_id)
            assert shown["status"] in ("created", "processing"), f"missed {stage}: {shown}"
            return shown["stage"] == stage

        eventually(reached, PATIENCE_SECONDS, f"job {job_id} to be {stage}")

    def holds(self, job_id: str, stage: str) -> None:
        """Stop the task at the first instruction behind the report of the stage."""
        task = self.watch.task(job_id, PATIENCE_SECONDS)
        table = self.live.resource("AWS::DynamoDB::Table", "progress")
        dynamodb = self.live.client("dynamodb")
        key = {"jobId": {"S": job_id}}

        def reached() -> bool:
            item = dynamodb.get_item(TableName=table, Key=key).get("Item", {})
            return item.get("stage", {}).get("S") == stage

        eventually(reached, PATIENCE_SECONDS, f"job {job_id} to be {stage}", pause=0.002)
        self.freeze(task)

    def freeze(self, task: Task) -> None:
        assert task.strike(signal.SIGSTOP)
        self.around.callback(task.strike, signal.SIGCONT)

    def progress(self, job_id: str) -> dict[str, Any]:
        return self.live.http.get(f"{self.live.api}/jobs/{job_id}/progress").json()


def waiting_for_a_slot(stage: Stage) -> str:
    """All slots are held by jobs that wait for capacity, which costs nothing."""
    stage.around.enter_context(stage.live.no_capacity())
    file_id = stage.live.upload(stage.music(_SHORT))
    for _ in range(_MOST_SLOTS + 1):
        job_id = stage.live.start(file_id, **_SLOW)
        stage.around.callback(stage.live.cancel, job_id)
        if job_id not in stage.live.holders():
            assert stage.live.job(job_id)["status"] == "created"
            return job_id
    raise AssertionError("every job has got a slot")


def starting(stage: Stage) -> str:
    """Its task runs, and has not claimed it yet."""
    job_id = stage.start()
    stage.freeze(stage.watch.task(job_id, PATIENCE_SECONDS))
    assert stage.live.job(job_id)["status"] == "created"
    return job_id


def probing(stage: Stage) -> str:
    job_id = stage.start()
    stage.holds(job_id, "probing")
    return job_id


def measuring(stage: Stage) -> str:
    job_id = stage.start(3 * _LONG, **_TWO_PASSES)
    stage.shows(job_id, "measuring")
    return job_id


def converting(stage: Stage) -> str:
    job_id = stage.start()
    stage.shows(job_id, "converting")
    return job_id


def finalizing(stage: Stage) -> str:
    job_id = stage.start(_SHORT)
    stage.holds(job_id, "finalizing")
    return job_id


def waiting_for_a_retry(stage: Stage) -> str:
    stage.live.scale_waits(5)
    stage.around.callback(stage.live.scale_waits, WAIT_SCALE)
    job_id = stage.start()
    stage.shows(job_id, "converting")
    assert stage.watch.task(job_id, 0).strike(signal.SIGKILL)
    eventually(
        lambda: stage.live.states(job_id)[-1] == "Pause",
        PATIENCE_SECONDS,
        f"job {job_id} to wait for its retry",
    )
    return job_id


def waiting_for_capacity(stage: Stage) -> str:
    stage.around.enter_context(stage.live.no_capacity())
    job_id = stage.start(_SHORT)
    eventually(
        lambda: "Pause" in stage.live.states(job_id),
        PATIENCE_SECONDS,
        f"job {job_id} to be refused by RunTask",
    )
    return job_id


@pytest.fixture(scope="module")
def heard(live: Live) -> Listener:
    listener = Listener(live)
    listener.listen()
    return listener


@pytest.fixture
def stage(live: Live, music: Callable[[int], Path]) -> Iterator[Stage]:
    with Watch() as watch, ExitStack() as around:
        yield Stage(live, watch, music, around)


# Each with what becomes of its execution: only a job that waits for a slot has none yet.
_ALIVE = [
    pytest.param(waiting_for_a_slot, [], id="waiting_for_a_slot"),
    pytest.param(converting, ["ABORTED"], id="converting"),
    *(
        pytest.param(each, ["ABORTED"], id=each.__name__, marks=pytest.mark.long)
        for each in (
            starting,
            probing,
            measuring,
            finalizing,
            waiting_for_a_retry,
            waiting_for_capacity,
        )
    ),
]


@pytest.mark.parametrize(("reach", "executions"), _ALIVE)
def test_a_job_that_is_not_over_is_cancelled_at_once_and_all_it_holds_is_let_go_soon(
    stage: Stage,
    heard: Listener,
    counts: Counts,
    reach: Callable[[Stage], str],
    executions: list[str],
) -> None:
    live = stage.live
    job_id = reach(stage)

    began = time.monotonic()
    first, shown = live.cancel(job_id), live.job(job_id)
    answered = time.monotonic() - began
    second = live.cancel(job_id)

    assert (first.status_code, first.json()["status"]) == (202, "cancelled"), first.text
    assert second.status_code == 202, second.text
    assert _but_for_cost(second.json()) == _but_for_cost(first.json())
    assert shown["status"] == "cancelled"
    progress = stage.progress(job_id)
    assert (progress["status"], progress["stage"]) == ("cancelled", "cancelled")
    assert progress["percent"] < 100

    for task in stage.watch.tasks(job_id):
        task.strike(signal.SIGCONT)
    let_go = _let_go(stage, job_id)
    assert live.executions(job_id) == executions
    eventually(
        lambda: "Conversion Cancelled" in heard.kinds(job_id), SOON_SECONDS, "its announcement"
    )
    time.sleep(_ECHO_SECONDS)
    assert heard.kinds(job_id) == ["Conversion Created", "Conversion Cancelled"]
    assert _but_for_cost(live.job(job_id)) == _but_for_cost(first.json()), "it changes no more"
    assert live.outputs(job_id) == []
    counts("cancels", cancels=2)
    counts.most(
        "cancels", seconds_to_the_answer=round(answered, 3), seconds_until_all_is_let_go=let_go
    )


def _but_for_cost(job: dict[str, Any]) -> dict[str, Any]:
    """Who cancels does not know what the attempts have cost: it is recorded moments later."""
    return {name: value for name, value in job.items() if name != "cost"}


def _let_go(stage: Stage, job_id: str) -> float:
    """How long it took until nothing of the job ran or was held any more."""
    began = time.monotonic()
    for task in stage.watch.tasks(job_id):
        assert task.wait(SOON_SECONDS), f"the task runs on: {task}"
    eventually(lambda: not stage.live.open_uploads(job_id), SOON_SECONDS, "its upload's abort")
    eventually(lambda: job_id not in stage.live.holders(), SOON_SECONDS, "its slot")
    eventually(lambda: not stage.live.outputs(job_id), SOON_SECONDS, "its objects' removal")
    return round(time.monotonic() - began, 3)


def completed(stage: Stage) -> str:
    job_id = stage.start(_SHORT, format="flac")
    assert stage.live.over(job_id)["status"] == "completed"
    return job_id


def failed(stage: Stage) -> str:
    job_id = stage.start(_SHORT, format="flac", startSeconds=1000)
    assert stage.live.over(job_id)["error"]["code"] == "TRIM_OUT_OF_RANGE"
    return job_id


def _problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("reach", "said"),
    [
        (completed, "Conversion Completed"),
        pytest.param(failed, "Conversion Failed", marks=pytest.mark.long),
    ],
    ids=["completed", "failed"],
)
def test_a_job_that_is_over_stays_as_it_ended(
    stage: Stage, heard: Listener, counts: Counts, reach: Callable[[Stage], str], said: str
) -> None:
    live = stage.live
    job_id = reach(stage)
    before, outputs = live.job(job_id), live.outputs(job_id)

    for _ in range(2):
        assert _problem(live.cancel(job_id)) == (409, "JOB_FINISHED")

    assert live.job(job_id) == before
    eventually(lambda: said in heard.kinds(job_id), SOON_SECONDS, "its announcement")
    time.sleep(_ECHO_SECONDS)
    assert heard.kinds(job_id) == ["Conversion Created", said]
    assert live.outputs(job_id) == outputs
    counts("cancels", cancels=2)


def test_nobody_can_cancel_what_never_was(live: Live, counts: Counts) -> None:
    for _ in range(2):
        assert _problem(live.cancel("0" * 32)) == (404, "JOB_NOT_FOUND")
    counts("cancels", cancels=2)
