"""Step Functions: a Map state in distributed mode, as a JSONata state machine writes it.

The engine runs one child an item and reads the fields of JSONPath only. Here a child is an
execution in name alone: the engine does not list it, so that a restart, which runs the Map state
anew, finds no children that nobody waits for.
"""

from __future__ import annotations

import contextvars
import copy
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

from local.fidelity import map_items, states
from local.fidelity.walk import REDRIVES

stepfunctions: Any = import_module("ministack.services.stepfunctions")

# More would only be threads that wait for each other on one machine.
_MOST_AT_ONCE = 64
_COUNTED = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total")
_MORE_COUNTED = ("resultsWritten", "failuresNotRedrivable", "pendingRedrive")

_stop_execution = stepfunctions._stop_execution
_json_path_map = stepfunctions._run_distributed_map
_children: dict[str, list[dict[str, Any]]] = {}


def install() -> None:
    stepfunctions._run_distributed_map = run_distributed_map
    stepfunctions._stop_execution = stop_execution


def stop_execution(data: dict[str, Any]) -> Any:
    """The children of a stopped execution are stopped.

    AWS: "If you stop the parent workflow execution, Step Functions stops all of the child workflow
    executions" of its Map Run ("Using Map state in Distributed mode"). ministack: they go on.
    """
    answer = _stop_execution(data)
    parent = stepfunctions._executions.get(data.get("executionArn"), {"status": "RUNNING"})
    if parent["status"] != "RUNNING":
        for child in _children.get(data["executionArn"], []):
            if child["status"] == "RUNNING":
                child["status"] = "ABORTED"
    return answer


def run_distributed_map(
    state: dict[str, Any], data: Any, effective: Any, processor: Any, execution: Any, ctx: Any
) -> Any:
    """AWS: ItemReader, ItemSelector, ItemBatcher, MaxConcurrency and ResultWriter may hold JSONata,
    Output and Assign follow, and children do not see the parent's variables (Step Functions guide,
    "Map workflow state", "Transforming data with JSONata"). ministack: JSONPath; no ItemBatcher, no
    ResultWriter, no inventories."""
    if stepfunctions._state_query_language(state, ctx) != "JSONata":
        return _json_path_map(state, data, effective, processor, execution, ctx)
    filled = _fields(state, data, ctx)
    rows = map_items.read(filled["ItemReader"]) if "ItemReader" in filled else _items(filled, data)
    batches = map_items.batches(rows, filled.get("ItemBatcher"))
    run = _new_run(filled, execution, len(rows), len(batches))
    children = [_Child(run, execution, processor, given, rows) for given, rows in batches]
    _children[execution["executionArn"]] = [each.execution for each in children]
    try:
        _run_all(children, filled.get("MaxConcurrency") or _MOST_AT_ONCE, ctx)
    finally:
        _children.pop(execution["executionArn"], None)
    if execution["status"] != "RUNNING":
        run.update(status="ABORTED", stopDate=stepfunctions.now_iso())
        raise states.ExecutionOver
    if states.closing.is_set():
        raise states.ExecutionOver
    _end(run, filled)
    result = map_items.write(filled.get("ResultWriter"), run, [each.execution for each in children])
    output = stepfunctions._apply_jsonata_output(state, data, ctx, result=result, default=result)
    stepfunctions._apply_state_assign(state, data, ctx, result=result)
    return output, stepfunctions._next_or_end(state)


def _fields(state: dict[str, Any], data: Any, ctx: Any) -> dict[str, Any]:
    names = ("ItemReader", "ItemBatcher", "MaxConcurrency", "ResultWriter", "Items", "Label")
    tolerated = ("ToleratedFailurePercentage", "ToleratedFailureCount")
    return {
        name: stepfunctions._apply_jsonata_template(state[name], data, ctx)
        for name in (*names, *tolerated)
        if name in state
    }


def _items(filled: dict[str, Any], data: Any) -> list[Any]:
    found = filled.get("Items", data)
    return found if isinstance(found, list) else [found]


class _Child:
    """One child execution, and the counts of the Map Run that it changes."""

    _lock = threading.Lock()

    def __init__(
        self, run: dict[str, Any], parent: dict[str, Any], processor: Any, given: Any, rows: int
    ) -> None:
        self._run, self._processor, self._given, self._rows = run, processor, given, rows
        name = stepfunctions.new_uuid()
        arn = run["_stateMachineArn"].replace(":stateMachine:", ":execution:")
        self.execution: dict[str, Any] = {
            "executionArn": f"{arn}:{name}",
            "stateMachineArn": run["_stateMachineArn"],
            "name": name,
            "status": "RUNNING",
            "startDate": stepfunctions.now_iso(),
            "stopDate": None,
            "input": json.dumps(given),
            "output": None,
            "mapRunArn": run["mapRunArn"],
            "events": [{"id": 1, "type": "ExecutionStarted", "timestamp": stepfunctions.now_iso()}],
            REDRIVES: parent.get(REDRIVES, 0),
        }

    def walk(self, ctx: dict[str, Any]) -> None:
        if self.execution["status"] != "RUNNING":
            self._count("pending", "aborted")
            return
        self._count("pending", "running")
        try:
            self._walk(ctx)
        except states.ExecutionOver:
            self.execution["status"] = "ABORTED"
        except Exception as error:
            name = getattr(error, "error", "States.Runtime")
            cause = getattr(error, "cause", str(error))
            self.execution.update(status="FAILED", error=name, cause=cause)
        self.execution["stopDate"] = stepfunctions.now_iso()
        self._count("running", self.execution["status"].lower())

    def _walk(self, ctx: dict[str, Any]) -> None:
        own = copy.deepcopy(ctx)
        own["variables"] = {}
        own["Execution"] |= {"Id": self.execution["executionArn"], "Name": self.execution["name"]}
        output = stepfunctions._run_sub_machine(
            self._processor["States"], self._processor["StartAt"], self._given, self.execution, own
        )
        if self.execution["status"] == "RUNNING":
            self.execution.update(status="SUCCEEDED", output=json.dumps(output))

    def _count(self, before: str, after: str) -> None:
        with self._lock:
            for counts, number in (("itemCounts", self._rows), ("executionCounts", 1)):
                self._run[counts][before] -= number
                self._run[counts][after] += number


def _run_all(children: list[_Child], at_once: int, ctx: dict[str, Any]) -> None:
    """Each in a copy of this thread's context, which says whose resources are meant. What a child
    fails with it tells itself; what is raised here is a defect of this file."""
    with ThreadPoolExecutor(min(int(at_once), _MOST_AT_ONCE)) as pool:
        walks = [pool.submit(contextvars.copy_context().run, each.walk, ctx) for each in children]
    for walk in walks:
        walk.result()


def _new_run(
    filled: dict[str, Any], execution: dict[str, Any], rows: int, children: int
) -> dict[str, Any]:
    label = filled.get("Label") or stepfunctions.new_uuid()
    machine = f"{execution['stateMachineArn']}/{label}"
    arn = f"{machine.replace(':stateMachine:', ':mapRun:')}:{stepfunctions.new_uuid()}"
    none = dict.fromkeys((*_COUNTED, *_MORE_COUNTED), 0)
    run = {
        "mapRunArn": arn,
        "executionArn": execution["executionArn"],
        "status": "RUNNING",
        "startDate": stepfunctions.now_iso(),
        "maxConcurrency": int(filled.get("MaxConcurrency") or 0),
        "toleratedFailurePercentage": float(filled.get("ToleratedFailurePercentage") or 0),
        "toleratedFailureCount": int(filled.get("ToleratedFailureCount") or 0),
        "itemCounts": none | {"total": rows, "pending": rows},
        "executionCounts": none | {"total": children, "pending": children},
        "redriveCount": 0,
        "_stateMachineArn": machine,
    }
    stepfunctions._map_runs[arn] = run
    return run


def _end(run: dict[str, Any], filled: dict[str, Any]) -> None:
    """AWS: fails when more have failed than are tolerated, by count or by share of the items
    ("Setting failure thresholds for Distributed Map states"). ministack: counts the children."""
    counts = run["itemCounts"]
    run["stopDate"] = stepfunctions.now_iso()
    tolerated = list(_tolerated(filled, counts["total"])) or [0.0]
    if counts["failed"] > min(tolerated):
        run["status"] = "FAILED"
        raise stepfunctions._ExecutionError(
            "States.ExceedToleratedFailureThreshold",
            "The specified tolerated failure threshold was exceeded",
        )
    run["status"] = "SUCCEEDED"


def _tolerated(filled: dict[str, Any], total: int) -> Iterator[float]:
    if "ToleratedFailureCount" in filled:
        yield float(filled["ToleratedFailureCount"])
    if "ToleratedFailurePercentage" in filled:
        yield float(filled["ToleratedFailurePercentage"]) * total / 100
