"""What became of a job, told by its execution: the states it went through, and the task runs.

Step Functions keeps a history of events (API_HistoryEvent, its API reference); here it becomes what
a person asks for: where the job was, for how long, what failed there, and how each converter ended.
The state machine has neither Parallel nor Map, so that one state is open at a time.

Nothing is passed on as AWS says it: its texts name accounts, roles, tables and clusters. An error
keeps its name, and is explained in our words; a job's own code keeps its own message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from conversion.fields import Item
from conversion.outcome import Remark
from conversion.task_runs import TaskRun, TaskRuns, how_it_ended, stopped_task


@dataclass(frozen=True)
class PassedState:
    """A stay in a state; `left_at` is None while the execution is in it."""

    name: str
    entered_at: datetime
    left_at: datetime | None = None
    error: Remark | None = None


@dataclass(frozen=True)
class LogLine:
    """What a converter has said."""

    at: datetime
    level: str
    message: str
    fields: Item


@dataclass(frozen=True)
class Log:
    """In the order of time. Not whole where there is more than was asked for, or the log could not
    be read."""

    lines: tuple[LogLine, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True)
class History:
    """Not whole where the beginning was left out, of an execution that was redriven many times;
    runs are counted from what is left then."""

    states: tuple[PassedState, ...]
    runs: tuple[TaskRun, ...]

    @classmethod
    def of(cls, events: Iterable[Item]) -> History:
        """`events` as GetExecutionHistory answers them, oldest first."""
        way, runs = _Way(), TaskRuns()
        for event in events:
            way.hear(event)
            runs.hear(event)
        return cls(tuple(way.states), tuple(runs.found))


@dataclass
class _Way:
    states: list[PassedState] = field(default_factory=list[PassedState])

    def hear(self, event: Item) -> None:
        kind, at = event["type"], event["timestamp"]
        if kind.endswith("StateEntered"):
            self._leave(at)
            self.states.append(PassedState(event["stateEnteredEventDetails"]["name"], at))
        elif kind.endswith("StateExited"):
            self._leave(at)
        elif kind in _ENDS:
            self._fails(_ENDS[kind] or _error_of(event), over=False)
            self._leave(at)
        elif kind.startswith("Execution"):
            return
        elif kind.endswith(_FAILURES):
            self._fails(_error_of(event))
        else:
            self._goes_on(kind, at)

    def _goes_on(self, kind: str, at: datetime) -> None:
        """A redriven state is not entered again: what it does next is how one sees it. And one that
        succeeds has got over what failed before."""
        if self.states and self.states[-1].left_at is not None and kind.startswith("Task"):
            self.states.append(PassedState(self.states[-1].name, at))
        if kind.endswith("Succeeded"):
            self._change(error=None)

    def _fails(self, error: Remark | None, over: bool = True) -> None:
        """`over`: also where an error is told already."""
        if error is not None and (over or (self.states and self.states[-1].error is None)):
            self._change(error=error)

    def _leave(self, at: datetime) -> None:
        self._change(left_at=at)

    def _change(self, **changes: datetime | Remark | None) -> None:
        if self.states and self.states[-1].left_at is None:
            self.states[-1] = replace(self.states[-1], **changes)


_FAILURES = ("Failed", "TimedOut")
_STOPPED = Remark(
    "ExecutionStopped", "The execution was stopped: the job was cancelled, or by hand."
)
_TIMED_OUT = Remark("States.Timeout", "The execution took longer than it may, and was ended.")
# The events an execution ends with, and what the state it was in is said to have met; None where
# the event says so itself.
_ENDS: dict[str, Remark | None] = {
    "ExecutionSucceeded": None,
    "ExecutionFailed": None,
    "ExecutionAborted": _STOPPED,
    "ExecutionTimedOut": _TIMED_OUT,
}

# A name of an error, Step Functions' or ours; anything else could be anybody's words.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}")
_OURS = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")

_WORDS = {
    "States.Timeout": "It took longer than this state may take.",
    "States.Permissions": "The state machine's role may not do this; deploy the stacks again.",
    "States.Runtime": "The state machine could not go on; deploy the stacks again.",
    "States.QueryEvaluationError": (
        "An expression of the state machine has no value; deploy the stacks again."
    ),
    "States.TaskFailed": "The task failed.",
    "AmazonECS.Unknown": "ECS could not place the task, most often for want of capacity.",
    "ECS.ThrottlingException": "ECS was asked for too many tasks at once.",
    "DynamoDB.ConditionalCheckFailedException": "The job had an outcome already, or is gone.",
}
_ELSE = "The execution named after the job, in the Step Functions console, tells why."


def _error_of(event: Item) -> Remark | None:
    kind = event["type"]
    details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails") or {}
    if kind == "ExecutionSucceeded":
        return None
    name = details.get("error") or ("States.Timeout" if kind.endswith("TimedOut") else "")
    if not _NAME.fullmatch(name):
        return Remark("Unknown", _ELSE)
    return Remark(name, _explained(name, details.get("cause") or ""))


def _explained(name: str, cause: str) -> str:
    if _OURS.fullmatch(name):
        return _message_in(cause) or _ELSE
    task = stopped_task(cause)
    return how_it_ended(task) if task is not None else _WORDS.get(name, _ELSE)


def _message_in(cause: str) -> str | None:
    """Lambda tells what a function has raised as JSON ("Lambda function errors in Python")."""
    try:
        said = json.loads(cause)["errorMessage"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return said if isinstance(said, str) else None
