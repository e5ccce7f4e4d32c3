"""Step Functions' `ecs:runTask` and `ecs:runTask.sync`: what they answer, and when they fail."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Any

from local.fidelity import states

ecs: Any = import_module("ministack.services.ecs")
stepfunctions: Any = import_module("ministack.services.stepfunctions")

RESOURCE = "arn:aws:states:::ecs:runTask"
# Step Functions is told by an EventBridge rule within a second or so; here one looks often, so that
# a conversion of a short file does not mostly wait.
POLL_SECONDS = 0.05


def install() -> None:
    stepfunctions._SERVICE_DISPATCH[RESOURCE] = run


def run(resource: str, arguments: Mapping[str, Any]) -> Any:
    """Run a task and, with .sync, wait for its end: a failed task fails the state.

    AWS: results in PascalCase; a non-empty `Failures` fails a .sync state with AmazonECS.Unknown,
    and is returned without .sync ("Run Amazon ECS or Fargate tasks with Step Functions"); a task
    whose container failed is States.TaskFailed with the task as JSON for its cause; the state waits
    as long as its TimeoutSeconds says; and a stopped execution cancels its task ("Service
    integration patterns", Run a Job). ministack: camelCase, every end is success, no wait beyond 10
    minutes, one look a second, and the task runs on.
    """
    asked = stepfunctions._pascal_to_camel(arguments)
    asked.setdefault("startedBy", "AWS Step Functions")
    status, answer = _decoded(ecs._run_task(asked))
    if status >= 400:
        code = answer.get("__type", "AmazonECSException").rsplit("#", 1)[-1]
        raise stepfunctions._ExecutionError(f"ECS.{code}", answer.get("message", ""))
    if not resource.endswith(".sync"):
        return pascal_case(answer)
    if answer["failures"]:
        raise stepfunctions._ExecutionError("AmazonECS.Unknown", _compact(pascal_case(answer)))
    states.submitted(resource, pascal_case(answer))
    task = _wait(asked.get("cluster", "default"), answer["tasks"][0]["taskArn"])
    shown = pascal_case(ecs._sanitize(task))
    if any(code != 0 for code in _essential_exit_codes(task)):
        raise stepfunctions._ExecutionError("States.TaskFailed", _compact(shown))
    return shown


def _wait(cluster: str, arn: str) -> dict[str, Any]:
    while (task := ecs._tasks[arn])["lastStatus"] != "STOPPED":
        if reason := states.reason_to_stop():
            ecs._stop_task({"cluster": cluster, "task": arn, "reason": reason})
            raise states.ExecutionOver
        ecs._maybe_mark_stopped(task)
        time.sleep(POLL_SECONDS)
    return task


def _essential_exit_codes(task: Mapping[str, Any]) -> list[int | None]:
    """None stands for a container that never ran."""
    essential = list(task.get("_container_essentials") or [])
    return [
        container.get("exitCode")
        for number, container in enumerate(task["containers"])
        if number >= len(essential) or essential[number]
    ]


def pascal_case(value: Any, name: str = "") -> Any:
    """As Step Functions shows what ECS answered: PascalCase, times in milliseconds since 1970."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: pascal_case(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [pascal_case(each) for each in value]
    if name in ecs._ECS_TIMESTAMP_FIELDS and isinstance(value, str):
        return round(datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp() * 1000)
    return value


def _compact(value: Any) -> str:
    """Sorted and without spaces, as AWS writes a cause: a state machine may look for
    `"ExitCode":75` in it."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _decoded(answer: Any) -> tuple[int, dict[str, Any]]:
    status, _, body = answer
    return status, json.loads(body) if body else {}
