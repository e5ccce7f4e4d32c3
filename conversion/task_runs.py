"""The ECS tasks that an execution has run, one after the other, and how each ended.

ECS describes a stopped task in a page of JSON with its cluster, network and image; of it a reader
gets two times, an exit code, and a sentence of ours.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from conversion.fields import Item


@dataclass(frozen=True)
class TaskRun:
    """`started_at` is when its container ran, or, while ECS has not said that, when ECS took the
    task; None for one that never ran. `stopped_at` and `reason` are None while it runs."""

    number: int
    started_at: datetime | None
    stopped_at: datetime | None = None
    exit_code: int | None = None
    reason: str | None = None


@dataclass
class TaskRuns:
    """Reads an execution's events, oldest first. A run begins where RunTask named a task."""

    found: list[TaskRun] = field(default_factory=list[TaskRun])

    def hear(self, event: Item) -> None:
        kind, at = event["type"], event["timestamp"]
        if kind == "TaskSubmitted":
            if _named(event["taskSubmittedEventDetails"].get("output", "")):
                self.found.append(TaskRun(len(self.found) + 1, at))
        elif kind in _ENDS and self.found and self.found[-1].stopped_at is None:
            self.found[-1] = _ended(self.found[-1], event, at)


_TIMED_OUT = "It ran longer than a conversion may take, and was stopped."
_STOPPED = "The execution was stopped, and the task with it."
# What ends the run that is open: its own answer, or the end of the execution.
_ENDS: dict[str, tuple[str, str, str]] = {
    "TaskSucceeded": ("taskSucceededEventDetails", "output", "It ended."),
    "TaskFailed": ("taskFailedEventDetails", "cause", "It failed."),
    "TaskTimedOut": ("taskTimedOutEventDetails", "cause", _TIMED_OUT),
    "ExecutionAborted": ("executionAbortedEventDetails", "", _STOPPED),
    "ExecutionFailed": ("executionFailedEventDetails", "", "The execution failed."),
    "ExecutionTimedOut": ("executionTimedOutEventDetails", "", _STOPPED),
}


def _ended(run: TaskRun, event: Item, at: datetime) -> TaskRun:
    where, what, otherwise = _ENDS[event["type"]]
    task = stopped_task((event.get(where) or {}).get(what) or "")
    if task is None:
        return replace(run, stopped_at=at, reason=otherwise)
    began = _moment(task.get("StartedAt"))
    never_ran = began is None and task.get("StopCode") == _NOT_STARTED
    return replace(
        run,
        started_at=None if never_ran else began or run.started_at,
        stopped_at=_moment(task.get("StoppedAt")) or at,
        exit_code=_exit_code(task),
        reason=how_it_ended(task),
    )


def stopped_task(text: str) -> Item | None:
    """The task in an event's output or cause, which Step Functions writes as JSON; None where it is
    something else, or was cut off (a cause has at most 32,768 characters, API_HistoryEvent)."""
    task = _read(text)
    if isinstance(task, dict) and isinstance(task.get("Containers"), list):
        return task
    return None


def how_it_ended(task: Item) -> str:
    """Our words for ECS' stop codes (API_Task, Amazon ECS API reference) and exit codes."""
    code = _exit_code(task)
    if task.get("StopCode") == _NOT_STARTED:
        kind = _KIND.match(str(task.get("StoppedReason", "")))
        return f"The task could not be started{f' ({kind[0]})' if kind else ''}."
    if task.get("StopCode") in _TAKEN_AWAY:
        return _TAKEN_AWAY[task["StopCode"]]
    if has_run_out_of_memory(task):
        return "The container had no memory left, and was killed."
    if code is None:
        return "The task stopped without an exit code."
    return _EXITS.get(code, f"The converter crashed with exit code {code}; see its log.")


_NOT_STARTED = "TaskFailedToStart"
_TAKEN_AWAY = {
    "SpotInterruption": "Fargate Spot needed its capacity back.",
    "TerminationNotice": "AWS gave notice to the machine that it ran on.",
    "InfrastructureHealth": "The machine that it ran on was not well.",
    "ServiceSchedulerInitiated": "ECS stopped the task.",
    "UserInitiated": "The task was stopped by StopTask: for its silence, for a cancel, or by hand.",
}
# Of tasks/converter/__main__.py, and 128 + n after signal n.
_EXITS = {
    0: "The converter ended, and the job's outcome is recorded.",
    75: "The converter asked to be tried again: something it needs did not answer.",
    137: "The converter was killed, most often because its memory was used up.",
    143: "The converter was told to stop before it could listen.",
}
# What ECS' reasons begin with where they have a kind ("Stopped tasks error messages", Amazon ECS
# developer guide); what follows names images, accounts and roles.
_KIND = re.compile(r"[A-Z][A-Za-z]{2,40}Error\b")


def has_run_out_of_memory(task: Item) -> bool:
    return any(str(each.get("Reason", "")).startswith("OutOfMemory") for each in _containers(task))


def _exit_code(task: Item) -> int | None:
    """The converter's: AWS may have put containers of its own beside it (GuardDuty does)."""
    ours = [each for each in _containers(task) if not _is_of_aws(each)]
    code = ours[0].get("ExitCode") if ours else None
    return code if isinstance(code, int) else None


def _containers(task: Item) -> list[Item]:
    return [each for each in task["Containers"] if isinstance(each, dict)]


def _is_of_aws(container: Item) -> bool:
    return str(container.get("Name", "")).startswith("aws-")


def _moment(milliseconds: Any) -> datetime | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _named(output: str) -> bool:
    answer = _read(output)
    return isinstance(answer, dict) and bool(answer.get("Tasks"))


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
