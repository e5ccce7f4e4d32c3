"""Amazon ECS: what RunTask checks, how a task's container starts, and how it stops."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from local.fidelity.rehearsal import Word, next_word

ecs: Any = import_module("ministack.services.ecs")
responses: Any = import_module("ministack.core.responses")

# How many tasks may run at once before RunTask has no capacity; unset means no limit. A rehearsal
# of what Fargate does on a bad day, and what the tests of it use.
CAPACITY_VARIABLE = "SLUICE_LOCAL_CAPACITY"

_run_task = ecs._run_task
_start_task_worker = ecs._start_task_worker
_build_run_kwargs = ecs._build_run_kwargs


def install() -> None:
    ecs._run_task = ecs._ACTION_MAP["RunTask"] = run_task
    ecs._stop_task = ecs._ACTION_MAP["StopTask"] = stop_task
    ecs._start_task_worker = start_task_worker
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
    return _rehearsed(data)


def _rehearsed(data: dict[str, Any]) -> Any:
    """As the script says that this call goes (rehearsal.py)."""
    word, after = next_word()
    if word is Word.NO_CAPACITY or not _has_capacity():
        reason = "Capacity is unavailable at this time. Please try again later or in a different "
        failure = {"reason": reason + "availability zone"}
        return responses.json_response({"tasks": [], "failures": [failure]})
    if word is Word.THROTTLED:
        return _refuse("ThrottlingException", "Rate exceeded")
    # The one member of a request that the engine keeps with the task and shows to nobody; it has a
    # meaning for services only.
    status, headers, body = _run_task({**data, "_deploymentId": word.value})
    if word is Word.SPOT and status < 400:
        arn = json.loads(body)["tasks"][0]["taskArn"]
        arguments = (ecs._tasks[arn], after, _scope())
        threading.Thread(target=_interrupt, args=arguments, daemon=True).start()
    return status, headers, body


def start_task_worker(task: dict[str, Any], *rest: Any) -> None:
    """The one place where a task fails to start: the engine makes TaskFailedToStart of it."""
    if task.get("_deployment_id") == Word.NEVER_STARTS:
        raise RuntimeError("Timeout waiting for network interface provisioning to complete.")
    _start_task_worker(task, *rest)


def _interrupt(task: dict[str, Any], after: float, scope: tuple[str, str]) -> None:
    """What Spot does to its tasks ("Stopped tasks error messages", ECS developer guide)."""
    while task["lastStatus"] not in ("RUNNING", "STOPPED"):
        time.sleep(0.02)
    time.sleep(after)
    if task["capacityProviderName"] == "FARGATE_SPOT":
        with responses.request_scope(*scope):
            end_task(task, "Your Spot Task was interrupted.", "SpotInterruption")


def stop_task(data: dict[str, Any]) -> Any:
    """StopTask lets the container end by itself, and reports the exit code it ended with.

    AWS: SIGTERM, SIGKILL after the container's stopTimeout, and the real exit code (API_StopTask).
    ministack: SIGKILL after 5 s, while the task already reads STOPPED with exit code 0.
    """
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    task = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
    if task is None:
        return _refuse("InvalidParameterException", "The referenced task was not found.")
    end_task(task, data.get("reason", "Task stopped by user"), "UserInitiated")
    return responses.json_response({"task": ecs._sanitize(task)})


def end_task(task: dict[str, Any], reason: str, stop_code: str) -> None:
    """Begin to end a task, the first time that somebody asks for it."""
    with ecs.resource_lock("ecs-task", task["taskArn"]):
        # Without its ids the engine's own watch does not see the containers end, and leaves the
        # reason for the end to us.
        containers, task["_docker_ids"] = list(task.get("_docker_ids") or []), []
        first, task["_stop_asked"] = not task.get("_stop_asked"), True
    if first and containers:
        arguments = (task, containers, reason, stop_code, _scope())
        threading.Thread(target=_stop_containers, args=arguments, daemon=True).start()
    elif first and task["lastStatus"] != "STOPPED":
        ecs._mark_task_stopped(task["taskArn"], task, reason, stop_code)


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
    task: dict[str, Any],
    containers: list[str],
    reason: str,
    stop_code: str,
    scope: tuple[str, str],
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
        ecs._mark_task_stopped(task["taskArn"], task, reason, stop_code, exit_code=code)


def _scope() -> tuple[str, str]:
    return responses.get_account_id(), responses.get_region()


def _has_subnets(data: Mapping[str, Any]) -> bool:
    network = data.get("networkConfiguration") or {}
    return bool((network.get("awsvpcConfiguration") or {}).get("subnets"))


def _has_capacity() -> bool:
    limit = os.environ.get(CAPACITY_VARIABLE)
    running = [t for _, t in ecs._tasks.all_items() if t.get("lastStatus") != "STOPPED"]
    return limit is None or len(running) < int(limit)


def _refuse(code: str, message: str) -> Any:
    return ecs.error_response_json(code, message, 400)
