"""Amazon ECS: what RunTask checks, how a task's container starts, and how it stops."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any

ecs: Any = import_module("ministack.services.ecs")
responses: Any = import_module("ministack.core.responses")

# How many tasks may run at once before RunTask has no capacity; unset means no limit. A rehearsal
# of what Fargate does on a bad day, and what the tests of it use.
CAPACITY_VARIABLE = "SLUICE_LOCAL_CAPACITY"

_run_task = ecs._run_task
_build_run_kwargs = ecs._build_run_kwargs


def install() -> None:
    ecs._run_task = ecs._ACTION_MAP["RunTask"] = run_task
    ecs._stop_task = ecs._ACTION_MAP["StopTask"] = stop_task
    ecs._build_run_kwargs = build_run_kwargs


def run_task(data: dict[str, Any]) -> Any:
    """RunTask refuses what AWS refuses, and may have no capacity.

    AWS: an unknown cluster is ClusterNotFoundException; a strategy may only name providers that
    are associated with the cluster; awsvpc needs a network configuration; and an answer of 200 can
    hold `failures` and no task (API_RunTask). ministack: creates the cluster, asks for none of it,
    and never fails.
    """
    name = ecs._resolve_cluster_name(data.get("cluster", "default"))
    cluster = ecs._clusters.get(name)
    if cluster is None:
        return _refuse("ClusterNotFoundException", "Cluster not found.")
    definition = ecs._task_defs.get(ecs._resolve_td_key(data.get("taskDefinition", "")))
    if definition and definition.get("networkMode") == "awsvpc" and not _has_subnets(data):
        return _refuse(
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        )
    asked = {each["capacityProvider"] for each in data.get("capacityProviderStrategy") or []}
    if not asked <= set(cluster.get("capacityProviders") or []):
        return _refuse(
            "InvalidParameterException",
            "The specified capacity provider strategy cannot contain a capacity provider that is "
            "not associated with the cluster. Associate the capacity provider with the cluster "
            "and try again.",
        )
    if not _has_capacity():
        reason = "Capacity is unavailable at this time. Please try again later or in a different "
        failure = {"reason": reason + "availability zone"}
        return responses.json_response({"tasks": [], "failures": [failure]})
    return _run_task(data)


def stop_task(data: dict[str, Any]) -> Any:
    """StopTask lets the container end by itself, and reports the exit code it ended with.

    AWS: SIGTERM, SIGKILL after the container's stopTimeout, and the real exit code (API_StopTask).
    ministack: SIGKILL after 5 s, while the task already reads STOPPED with exit code 0.
    """
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    task = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
    if task is None:
        return _refuse("InvalidParameterException", "The referenced task was not found.")
    with ecs.resource_lock("ecs-task", task["taskArn"]):
        # Without its ids the engine's own watch does not see the containers end, and leaves the
        # reason for the end to us.
        containers, task["_docker_ids"] = list(task.get("_docker_ids") or []), []
        first, task["_stop_asked"] = not task.get("_stop_asked"), True
    reason = data.get("reason", "Task stopped by user")
    if first and containers:
        scope = (responses.get_account_id(), responses.get_region())
        arguments = (task, containers, reason, scope)
        threading.Thread(target=_stop_containers, args=arguments, daemon=True).start()
    elif first and task["lastStatus"] != "STOPPED":
        ecs._mark_task_stopped(task["taskArn"], task, reason, "UserInitiated")
    return responses.json_response({"task": ecs._sanitize(task)})


def build_run_kwargs(definition: Mapping[str, Any], *rest: Any) -> dict[str, Any]:
    """A container starts by its definition's entryPoint, and has its stopTimeout.

    AWS: both are passed to Docker (Amazon ECS developer guide, task definition parameters).
    ministack: passes neither.
    """
    kwargs = _build_run_kwargs(definition, *rest)
    kwargs["entrypoint"] = definition.get("entryPoint")
    kwargs["stop_timeout"] = definition.get("stopTimeout")
    return kwargs


def _stop_containers(
    task: dict[str, Any], containers: list[str], reason: str, scope: tuple[str, str]
) -> None:
    with responses.request_scope(*scope):
        docker = ecs._get_docker()
        code = 0
        for number, identity in enumerate(containers):
            container = docker.containers.get(identity)
            container.stop()
            code = container.wait()["StatusCode"]
            task["containers"][number]["exitCode"] = code
            container.remove()
        ecs._mark_task_stopped(task["taskArn"], task, reason, "UserInitiated", exit_code=code)


def _has_subnets(data: Mapping[str, Any]) -> bool:
    network = data.get("networkConfiguration") or {}
    return bool((network.get("awsvpcConfiguration") or {}).get("subnets"))


def _has_capacity() -> bool:
    limit = os.environ.get(CAPACITY_VARIABLE)
    running = [t for _, t in ecs._tasks.all_items() if t.get("lastStatus") != "STOPPED"]
    return limit is None or len(running) < int(limit)


def _refuse(code: str, message: str) -> Any:
    return ecs.error_response_json(code, message, 400)
