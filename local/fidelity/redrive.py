"""Step Functions: RedriveExecution, which the engine does not have."""

from __future__ import annotations

import contextvars
import json
import threading
from importlib import import_module
from typing import Any

from local.fidelity import states
from local.fidelity.walk import REDRIVEN_AT, REDRIVES

stepfunctions: Any = import_module("ministack.services.stepfunctions")
eventbridge: Any = import_module("ministack.services.eventbridge")

_REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")

_handle_request = stepfunctions.handle_request
_describe_execution = stepfunctions._describe_execution
_put_events = eventbridge._put_events


def install() -> None:
    stepfunctions.handle_request = handle_request
    stepfunctions._describe_execution = describe_execution
    eventbridge._put_events = put_events


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: Any
) -> Any:
    """The engine's table of actions is a local of this function: one more stands before it."""
    if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
        return stepfunctions._finalize_response(redrive_execution(json.loads(body)))
    return await _handle_request(method, path, headers, body, query)


def redrive_execution(data: dict[str, Any]) -> Any:
    """What has failed, was stopped or timed out goes on from where it was, under its own name.

    AWS: from the unsuccessful state, with its input; the count in DescribeExecution and the context
    object; ExecutionRedriven in the history; the retries of the state and the state machine's
    TimeoutSeconds begin anew; any other status is ExecutionNotRedrivable (API_RedriveExecution;
    "Restarting state machine executions with redrive"). ministack: InvalidAction. Not held to here:
    14 days, and 24,999 events.
    """
    execution = stepfunctions._executions.get(data.get("executionArn"))
    if execution is None:
        return _refuse("ExecutionDoesNotExist", "Execution Does Not Exist")
    if execution["status"] not in _REDRIVABLE:
        reason = f"Execution is {execution['status']} and cannot be redriven"
        return _refuse("ExecutionNotRedrivable", reason)
    number, now = execution.get(REDRIVES, 0) + 1, stepfunctions.now_iso()
    execution.update({REDRIVES: number, REDRIVEN_AT: now, "error": None, "cause": None})
    execution.update(status="RUNNING", stopDate=None, output=None)
    details = {"executionRedrivenEventDetails": {"redriveCount": number}}
    states.add_event(execution, "ExecutionRedriven", details)
    stepfunctions._emit_execution_status_event(execution)
    go_on = contextvars.copy_context().run
    arguments = (stepfunctions._run_execution, execution["executionArn"])
    threading.Thread(target=go_on, args=arguments, daemon=True).start()
    return stepfunctions.json_response({REDRIVEN_AT: now})


def describe_execution(data: dict[str, Any]) -> Any:
    """DescribeExecution tells of redrives (API_DescribeExecution). ministack: nothing."""
    status, headers, body = _describe_execution(data)
    execution = stepfunctions._executions.get(data.get("executionArn"))
    if execution is None or status >= 400:
        return status, headers, body
    return stepfunctions.json_response({**json.loads(body), **_redrives(execution)})


def put_events(data: dict[str, Any], **options: Any) -> Any:
    """An execution's status event tells of redrives, and why it was stopped.

    AWS: redriveCount, redriveDate, redriveStatus, error and cause as DescribeExecution has them
    ("Automating Step Functions event delivery with EventBridge"). ministack: a count of 0, ABORTED
    and TIMED_OUT as NOT_REDRIVABLE, and an error and cause for FAILED alone.
    """
    for entry in data.get("Entries", []):
        if entry.get("Source") == "aws.states" and options.get("allow_aws_source"):
            detail = json.loads(entry["Detail"])
            execution = stepfunctions._executions[detail["executionArn"]]
            told = {name: execution.get(name) for name in ("error", "cause")}
            entry["Detail"] = json.dumps({**detail, **told, **_redrives(execution)})
    return _put_events(data, **options)


def _redrives(execution: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        REDRIVES: execution.get(REDRIVES, 0),
        REDRIVEN_AT: execution.get(REDRIVEN_AT),
    }
    if execution["status"] in _REDRIVABLE:
        return {**found, "redriveStatus": "REDRIVABLE"}
    reason = f"Execution is {execution['status']} and cannot be redriven"
    return {**found, "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}


def _refuse(code: str, message: str) -> Any:
    return stepfunctions.error_response_json(code, message, 400)
