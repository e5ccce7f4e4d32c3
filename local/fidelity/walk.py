"""Step Functions: how an execution goes from state to state, and where it goes on.

The engine's own walk begins at StartAt whatever has happened before, and keeps nothing of where it
was. This one notes each state that it enters, with its input and the variables, so that a redrive
(redrive.py) and a restart of the engine (restarts.py) go on from there.
"""

from __future__ import annotations

import copy
import json
from contextvars import ContextVar
from importlib import import_module
from typing import Any

stepfunctions: Any = import_module("ministack.services.stepfunctions")

# What an execution keeps of itself, besides what the engine keeps; saved with the engine's state.
POSITION, REDRIVES, REDRIVEN_AT = "position", "redriveCount", "redriveDate"

# The number of the redrive that this thread walks for.
_redrive: ContextVar[int | None] = ContextVar("redrive", default=None)


def walk(arn: str) -> None:
    """An execution begins, or goes on, in the state it has noted, with its input and variables.

    AWS: "continues the failed execution from the unsuccessful step and uses the same input"
    (API_RedriveExecution); that variables are kept is believed, not written there. ministack:
    always at StartAt, after a pause of 0.15 s.
    """
    execution = stepfunctions._executions[arn]
    _redrive.set(execution.get(REDRIVES, 0))
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
    if machine is None:
        stepfunctions._fail_execution(execution, "StateMachineDeleted", "It no longer exists.")
        return
    try:
        output = _through_states(execution, machine)
    except stepfunctions._ExecutionError as error:
        stepfunctions._fail_execution(execution, error.error, error.cause)
    except Exception as error:  # as in the engine's own walk: what AWS calls a runtime error
        stepfunctions.logger.exception("Unexpected error in execution %s", arn)
        stepfunctions._fail_execution(execution, "States.Runtime", str(error))
    else:
        _succeed(execution, output)


def is_left_over(execution: dict[str, Any]) -> bool:
    """Whether this thread walked for a run that was stopped, and the execution was redriven before
    it could notice: it must not take another step."""
    ours = _redrive.get()
    return ours is not None and ours != execution.get(REDRIVES, 0)


def context(execution: dict[str, Any], machine: dict[str, Any], language: str) -> dict[str, Any]:
    """The context object counts redrives, once there is one.

    AWS: Execution.RedriveCount and RedriveTime, for a redriven execution only ("Accessing execution
    data from the Context object in Step Functions"). ministack: never.
    """
    found = {
        "Id": execution["executionArn"],
        "Input": json.loads(execution["input"]),
        "Name": execution["name"],
        "RoleArn": machine["roleArn"],
        "StartTime": execution["startDate"],
    }
    if execution.get(REDRIVES):
        found |= {"RedriveCount": execution[REDRIVES], "RedriveTime": execution[REDRIVEN_AT]}
    return {
        "QueryLanguage": language,
        "Execution": found,
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine["name"]},
        "variables": {},
    }


def _through_states(execution: dict[str, Any], machine: dict[str, Any]) -> Any:
    """The execution's output; what is over, or was stopped meanwhile, makes no further step."""
    definition = json.loads(machine["definition"])
    ctx = context(execution, machine, definition.get("QueryLanguage", "JSONPath"))
    start = {"state": definition["StartAt"], "input": ctx["Execution"]["Input"], "variables": {}}
    at: dict[str, Any] = execution.get(POSITION) or start
    ctx["variables"] = copy.deepcopy(at["variables"])
    name, data = at["state"], at["input"]
    while name and execution["status"] == "RUNNING" and not is_left_over(execution):
        variables = copy.deepcopy(ctx["variables"])
        execution[POSITION] = {"state": name, "input": data, "variables": variables}
        data, name = _step(name, definition["States"], data, execution, ctx)
    return data


def _step(
    name: str, states: dict[str, Any], data: Any, execution: dict[str, Any], ctx: dict[str, Any]
) -> tuple[Any, str | None]:
    """One state, and the next one's name."""
    if name not in states:
        raise stepfunctions._ExecutionError("States.Runtime", f"There is no state {name!r}.")
    state = states[name]
    kind = state["Type"]
    ctx["State"] = {"Name": name, "EnteredTime": stepfunctions.now_iso(), "RetryCount": 0}
    entered = {"stateEnteredEventDetails": {"name": name, "input": json.dumps(data)}}
    stepfunctions._add_event(execution, f"{kind}StateEntered", entered)
    output, next_name = _output(state, kind, data, execution, ctx)
    exited = {"stateExitedEventDetails": {"name": name, "output": json.dumps(output)}}
    stepfunctions._add_event(execution, f"{kind}StateExited", exited)
    return output, next_name


def _output(
    state: dict[str, Any], kind: str, data: Any, execution: dict[str, Any], ctx: dict[str, Any]
) -> tuple[Any, str | None]:
    if kind == "Succeed":
        data = stepfunctions._apply_input_path(state, data, ctx)
        return stepfunctions._apply_output_path(state, data, ctx), None
    if kind == "Fail":
        raise stepfunctions._ExecutionError(*stepfunctions._fail_state_error(state, data, ctx))
    run = getattr(stepfunctions, f"_execute_{kind.lower()}")
    if kind in ("Task", "Parallel", "Map"):
        return run(state, data, execution, ctx)
    return run(state, data, ctx)


def _succeed(execution: dict[str, Any], output: Any) -> None:
    if execution["status"] != "RUNNING" or is_left_over(execution):
        return
    text = json.dumps(output)
    execution.update(status="SUCCEEDED", output=text, stopDate=stepfunctions.now_iso())
    details = {"executionSucceededEventDetails": {"output": text}}
    stepfunctions._add_event(execution, "ExecutionSucceeded", details)
    stepfunctions._emit_execution_status_event(execution)
