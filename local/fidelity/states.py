"""Step Functions' state machines: how executions end, time out, retry, and tell their history."""

from __future__ import annotations

import json
import random
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from local.fidelity import walk

stepfunctions: Any = import_module("ministack.services.stepfunctions")

POLL_SECONDS = 0.05
# "States.ALL … can't catch the States.DataLimitExceeded terminal error or Runtime error types"
# ("Handling errors in Step Functions workflows", Error names).
UNCATCHABLE = ("States.Runtime", "States.DataLimitExceeded")

_SCHEDULED = "taskScheduledEventDetails"
_LAST_EVENTS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")

_start_execution = stepfunctions._start_execution
_execute_task = stepfunctions._execute_task
_fail_execution = stepfunctions._fail_execution
_add_event = stepfunctions._add_event
_with_timeout = stepfunctions._invoke_resource_with_timeout
_matches = stepfunctions._error_matches
_find_retrier = stepfunctions._find_matching_retrier


class ExecutionOver(BaseException):
    """Unwinds a state of an execution that has been stopped, or that the engine's end interrupts.
    Not an Exception: the engine's Retry and Catch must not see it."""


@dataclass
class _Attempt:
    """One run of a Task state, seen from the service it calls."""

    execution: dict[str, Any]
    timed_out: threading.Event = field(default_factory=threading.Event)


# Set when the engine is closing: see restarts.py.
closing = threading.Event()
_attempt: ContextVar[_Attempt | None] = ContextVar("attempt", default=None)
_retry_seconds: ContextVar[float | None] = ContextVar("retry_seconds", default=None)


def install() -> None:
    stepfunctions._run_execution = run_execution
    stepfunctions._start_execution = start_execution
    stepfunctions._fail_execution = fail_execution
    stepfunctions._execute_task = execute_task
    stepfunctions._invoke_resource_with_timeout = invoke_with_timeout
    stepfunctions._scaled_sleep = sleep
    stepfunctions._find_matching_retrier = find_retrier
    stepfunctions._error_matches = error_matches
    stepfunctions._add_event = add_event


def reason_to_stop() -> str | None:
    """Why the running Task state's work is no longer wanted, if it is not."""
    attempt = _attempt.get()
    if attempt is None:
        return None
    if walk.is_left_over(attempt.execution):
        return "The execution was stopped."
    if attempt.execution["status"] != "RUNNING":
        return f"The execution is {attempt.execution['status'].lower()}."
    return "The state timed out." if attempt.timed_out.is_set() else None


def start_execution(data: dict[str, Any]) -> Any:
    """Starting a running execution again under its name and input answers as the first time did.

    AWS: "StartExecution is idempotent for STANDARD workflows … called with the same name and input
    as a running execution, the call succeeds and returns the same response" (API_StartExecution).
    ministack: ExecutionAlreadyExists.
    """
    base = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if base is not None and data.get("name"):
        arn = f"{base.replace(':stateMachine:', ':execution:')}:{data['name']}"
        known: Any = stepfunctions._executions.get(arn) or {"status": None}
        if known["status"] == "RUNNING" and known["input"] == data.get("input", "{}"):
            answer = {"executionArn": arn, "startDate": known["startDate"]}
            return stepfunctions.json_response(answer)
    return _start_execution(data)


def run_execution(arn: str) -> None:
    """An execution ends with TIMED_OUT when the state machine's TimeoutSeconds is over.

    AWS: "If it runs longer than the specified time, the execution fails with a States.Timeout"
    ("State machine structure", TimeoutSeconds); its status is TIMED_OUT. ministack: no limit.
    """
    execution = stepfunctions._executions[arn]
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
    seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    redrive = execution.get(walk.REDRIVES, 0)
    timer = threading.Timer(seconds or 0, _time_out, args=(execution, redrive))
    timer.daemon = True
    if seconds:
        timer.start()
    _attempt.set(_Attempt(execution))
    try:
        walk.walk(arn)
    except ExecutionOver:
        return
    finally:
        timer.cancel()


def _time_out(execution: dict[str, Any], redrive: int) -> None:
    if execution["status"] == "RUNNING" and execution.get(walk.REDRIVES, 0) == redrive:
        execution.update(
            status="TIMED_OUT", error="States.Timeout", stopDate=stepfunctions.now_iso()
        )
        add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        stepfunctions._emit_execution_status_event(execution)


def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
    """What is over stays as it ended, and a failed execution has no output.

    AWS: "output: … set only if the execution succeeds" (API_DescribeExecution). ministack: an error
    that arrives after StopExecution turns ABORTED into FAILED, and the output repeats the error.
    """
    if execution["status"] == "RUNNING":
        _go_on(execution)
        _fail_execution(execution, error, cause)
        execution["output"] = None


def execute_task(state: dict[str, Any], raw_input: Any, execution: dict[str, Any], ctx: Any) -> Any:
    """A Task state knows the execution it is part of, and its timeout may be an expression.

    AWS: in a JSONata state TimeoutSeconds may be an expression for a positive integer ("Task
    workflow state"). ministack: takes a number only, and does not tell a service who calls.
    """
    _attempt.set(_Attempt(execution))
    if isinstance(state.get("TimeoutSeconds"), str):
        seconds = stepfunctions._jsonata_state_field(
            state, "TimeoutSeconds", "number", raw_input, ctx
        )
        state = {**state, "TimeoutSeconds": seconds}
    return _execute_task(state, raw_input, execution, ctx)


def invoke_with_timeout(resource: str, arguments: Any, seconds: float) -> Any:
    """A timed-out state's work is stopped.

    AWS: cancels the job of a .sync state that is over before it ("Service integration patterns",
    Run a Job, which names stopped executions; that a timeout does the same is believed, not
    written there). ministack: leaves it running and ignores its result.
    """
    outer = _attempt.get()
    attempt = _Attempt(outer.execution if outer else {"status": "RUNNING"})
    token = _attempt.set(attempt)
    try:
        return _with_timeout(resource, arguments, seconds)
    except stepfunctions._ExecutionError as error:
        if error.error == "States.Timeout":
            attempt.timed_out.set()
        raise
    finally:
        _attempt.reset(token)


def sleep(seconds: float) -> None:
    """Waits and pauses before a retry end when the execution does, and are as long as they say.

    AWS: StopExecution stops an execution in any state. ministack: sleeps on and then runs the next
    attempt, and sleeps at most 60 s before a retry.
    """
    wanted, _ = _retry_seconds.get(), _retry_seconds.set(None)
    seconds = (seconds if wanted is None else wanted) * stepfunctions._SFN_WAIT_SCALE
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, POLL_SECONDS))
        if closing.is_set() or reason_to_stop():
            raise ExecutionOver


def find_retrier(retriers: list[dict[str, Any]], error: str, counts: dict[int, int]) -> Any:
    """A retry's pause honours MaxDelaySeconds and JitterStrategy.

    AWS: the pause grows by BackoffRate up to MaxDelaySeconds, and with FULL jitter is drawn between
    0 and that ("Handling errors in Step Functions workflows", Retrying after an error). ministack:
    knows neither.
    """
    retrier, number = _find_retrier(retriers, error, counts)
    if retrier is not None:
        pause = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(
            number, 0
        )
        pause = min(pause, retrier.get("MaxDelaySeconds", pause))
        jitter = retrier.get("JitterStrategy") == "FULL"
        _retry_seconds.set(random.uniform(0, pause) if jitter else pause)  # noqa: S311
    return retrier, number


def error_matches(names: list[str], error: str) -> bool:
    """States.ALL and States.TaskFailed leave out the errors that nothing may catch.

    AWS: see UNCATCHABLE. ministack: they match every name.
    """
    return error in names if error in UNCATCHABLE else _matches(names, error)


def submitted(resource: str, output: Any) -> None:
    """Tell the history that a .sync job was accepted, with the answer that names it.

    AWS: TaskSubmitted follows TaskStarted; it is where an operator finds the task's ARN
    (API_HistoryEvent). ministack: neither.
    """
    attempt = _attempt.get()
    if attempt is not None:
        details = {"resource": resource, "output": json.dumps(output)}
        add_event(attempt.execution, "TaskSubmitted", {"taskSubmittedEventDetails": details})


def add_event(execution: dict[str, Any], kind: str, details: Any = None) -> Any:
    """History events are linked to the one before, name a task's service and action, and stop with
    the execution.

    AWS: previousEventId; resourceType `ecs` and resource `runTask.sync`; TaskStarted; a timed-out
    task is TaskTimedOut (API_HistoryEvent). ministack: no link, the whole ARN, no TaskStarted,
    TaskFailed, and states that still leave after the execution has ended.
    """
    _go_on(execution)
    last = execution["events"][-1]
    if last["type"] in _LAST_EVENTS and kind != "ExecutionRedriven":
        return last
    if kind == "TaskFailed" and details["taskFailedEventDetails"]["error"] == "States.Timeout":
        kind, details = "TaskTimedOut", {"taskTimedOutEventDetails": details.popitem()[1]}
    details = {name: _with_short_resource(detail) for name, detail in (details or {}).items()}
    event = _add_event(execution, kind, details)
    event["previousEventId"] = event["id"] - 1
    if kind == "TaskScheduled":
        add_event(execution, "TaskStarted", {"taskStartedEventDetails": event[_SCHEDULED]})
    return event


def _go_on(execution: dict[str, Any]) -> None:
    """Every step passes here, by its event: none is made once the engine closes, or for a run that
    a redrive has taken the place of."""
    is_over = closing.is_set() and execution["status"] == "RUNNING"
    if is_over or walk.is_left_over(execution):
        raise ExecutionOver


def _with_short_resource(detail: dict[str, Any]) -> dict[str, Any]:
    """arn:aws:states:::ecs:runTask.sync is resource `runTask.sync` of resourceType `ecs`."""
    parts = str(detail.get("resource", "")).split(":")
    if parts[:3] != ["arn", "aws", "states"]:
        return detail
    return {**detail, "resourceType": ":".join(parts[5:-1]), "resource": parts[-1]}
