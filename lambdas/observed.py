"""The API's JSON of a job's history and of the deployment's health. As in represent.py, every field
is always there, null where there is nothing to say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from conversion.clock import timestamp, utc_now
from conversion.execution import Execution
from conversion.health import Capacity, Checked, Health
from conversion.history import History, Log, LogLine, PassedState
from conversion.job import Job
from conversion.task_runs import TaskRun
from lambdas import represent

Json = dict[str, Any]


def history(
    job: Job, execution: Execution | None, history: History, log: Log, states_are_whole: bool
) -> Json:
    return {
        "jobId": job.job_id,
        "job": represent.job(job),
        "execution": execution and _execution(execution),
        "states": [_state(each) for each in history.states],
        "statesAreWhole": states_are_whole,
        "attempts": [_run(each) for each in history.runs],
        "log": [_line(each) for each in log.lines],
        "logIsWhole": log.is_whole,
    }


def health(found: Health) -> Json:
    return {
        "status": found.state.value,
        "checks": [_check(each) for each in found.checks],
        "capacity": _capacity(found.capacity),
        "time": timestamp(utc_now()),
    }


def _execution(execution: Execution) -> Json:
    return {
        "status": execution.status.value,
        "startedAt": timestamp(execution.started_at),
        "stoppedAt": _moment(execution.stopped_at),
        "redrives": execution.redrives,
    }


def _state(state: PassedState) -> Json:
    return {
        "name": state.name,
        "enteredAt": timestamp(state.entered_at),
        "leftAt": _moment(state.left_at),
        "seconds": _seconds(state.entered_at, state.left_at),
        "error": state.error and state.error.to_item(),
    }


def _run(run: TaskRun) -> Json:
    return {
        "number": run.number,
        "startedAt": _moment(run.started_at),
        "stoppedAt": _moment(run.stopped_at),
        "seconds": _seconds(run.started_at, run.stopped_at),
        "exitCode": run.exit_code,
        "reason": run.reason,
    }


def _line(line: LogLine) -> Json:
    return {
        "at": timestamp(line.at),
        "level": line.level.lower(),
        "message": line.message,
        "fields": line.fields,
    }


def _check(check: Checked) -> Json:
    return {
        "name": check.name,
        "status": "ok" if check.problem is None else "failed",
        "milliseconds": check.milliseconds,
        "problem": check.problem,
    }


def _capacity(capacity: Capacity) -> Json:
    return {
        "runningJobs": capacity.running,
        "mostRunningJobs": capacity.most_running,
        "waitingJobs": capacity.waiting,
        "mostWaitingJobs": capacity.most_waiting,
        "openUploads": capacity.open,
        "mostOpenUploads": capacity.most_open,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    """Two clocks may have been asked: of a time that is too short for that, nothing is left."""
    if begin is None or end is None:
        return None
    return max(0.0, round((end - begin).total_seconds(), 3))
