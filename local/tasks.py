"""Fargate without Docker: an object of a docker client's shape whose containers are processes.

The engine's ECS service runs a task by `client.containers.run(image, command=…, environment=…)` and
follows it by `get`, `reload`, `status`, `wait`, `logs`, `stop` and `remove`. Only what it calls is
here, under Docker's names. Run under the engine's own Python: standard library only.
"""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.task_process import Machine, TaskProcess

# "If the parameter isn't specified, then the default value of 30 seconds is used" (Amazon ECS
# developer guide, Fargate task definition parameters, stopTimeout).
STOP_TIMEOUT_SECONDS = 30.0
# The image's ENTRYPOINT (tasks/converter/Dockerfile); a task definition's entryPoint replaces it.
IMAGE_ENTRYPOINT = ("python", "-m", "tasks.converter")


class NotFound(LookupError):
    """No container of that id or name."""


class Tasks:
    """The docker client: all that the engine's ECS service asks of one is `containers`."""

    def __init__(self, machine: Machine) -> None:
        self.containers = Containers(machine)

    def close(self, grace_seconds: float) -> None:
        """Start nothing more, and end what runs: SIGTERM to all, SIGKILL after the grace."""
        self.containers.closed = True
        running = self.containers.list()
        for container in running:
            container.kill(signal.SIGTERM)
        deadline = time.monotonic() + grace_seconds
        for container in running:
            container.stop(timeout=max(0.0, deadline - time.monotonic()))


class Containers:
    def __init__(self, machine: Machine) -> None:
        self.closed = False
        self._machine = machine
        self._known: dict[str, Container] = {}

    def run(
        self,
        image: str,
        command: Sequence[str] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        entrypoint: Sequence[str] | None = None,
        name: str = "",
        labels: Mapping[str, str] | None = None,
        stop_timeout: float | None = None,
        **_docker_only: Any,
    ) -> Container:
        """Start a task. Networks, ports and capabilities have no counterpart in a process."""
        if self.closed:
            raise RuntimeError("The engine is stopping and starts no more tasks.")
        program = [*(entrypoint or IMAGE_ENTRYPOINT), *(command or ())]
        identity = uuid.uuid4().hex
        process = TaskProcess(f"task-{identity[:12]}", program, environment or {}, self._machine)
        container = Container(identity, name, dict(labels or {}), process, stop_timeout)
        self._known[identity] = container
        return container

    def get(self, id_or_name: str) -> Container:
        for container in list(self._known.values()):
            if id_or_name and id_or_name in (container.id, container.name):
                return container
        raise NotFound(id_or_name)

    def list(
        self,
        all: bool = False,
        filters: Mapping[str, Any] | None = None,
        **_docker_only: Any,
    ) -> list[Container]:
        wanted = (filters or {}).get("label") or []
        wanted = [wanted] if isinstance(wanted, str) else wanted
        return [
            each
            for each in list(self._known.values())
            if not each.removed and (all or each.status == "running") and each.carries(wanted)
        ]


class Container:
    """One task, in Docker's words: its status is `running` or `exited`."""

    def __init__(
        self,
        identity: str,
        name: str,
        labels: dict[str, str],
        process: TaskProcess,
        stop_timeout: float | None,
    ) -> None:
        self.id = identity
        self.name = name
        self.labels = labels
        self.removed = False
        self._process = process
        self._stop_timeout = STOP_TIMEOUT_SECONDS if stop_timeout is None else stop_timeout

    @property
    def status(self) -> str:
        return "exited" if self._process.wait(0) else "running"

    @property
    def attrs(self) -> dict[str, Any]:
        code = self._process.exit_code or 0
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Labels": self.labels,
            "State": {"Status": self.status, "ExitCode": code, "Pid": self._process.pid},
            "NetworkSettings": {"Networks": {"local": {"IPAddress": "127.0.0.1"}}},
        }

    def carries(self, wanted: Sequence[str]) -> bool:
        """Whether the labels hold every `key` or `key=value` of a docker label filter."""
        have = {*self.labels, *(f"{key}={value}" for key, value in self.labels.items())}
        return have.issuperset(wanted)

    def reload(self) -> None:
        """Docker's client caches a container's state until told to refresh; here it is live."""

    def wait(self, timeout: float | None = None, **_docker_only: Any) -> dict[str, int]:
        if not self._process.wait(timeout):
            raise TimeoutError(f"{self.name or self.id} is still running after {timeout} s.")
        return {"StatusCode": self._process.exit_code or 0}

    def kill(self, signal: signal.Signals = signal.SIGKILL) -> None:
        self._process.signal(signal)

    def stop(self, timeout: float | None = None, **_docker_only: Any) -> None:
        """SIGTERM, and SIGKILL once the stop timeout is over: what ECS does to a container."""
        if self._process.wait(0):
            return
        self.kill(signal.SIGTERM)
        if not self._process.wait(self._stop_timeout if timeout is None else timeout):
            self.kill()
            self._process.wait()

    def remove(self, force: bool = False, **_docker_only: Any) -> None:
        """Forget the container; its log file stays. A running one must be stopped first."""
        if self.status == "running":
            if not force:
                raise RuntimeError(f"{self.name or self.id} is running: stop it, or force this.")
            self.stop(timeout=0)
        self.removed = True

    def logs(
        self,
        stream: bool = False,
        follow: bool = False,
        tail: int | None = None,
        **_docker_only: Any,
    ) -> bytes | Iterator[bytes]:
        if stream:
            return self._process.lines(follow)
        lines = list(self._process.lines(follow=False))
        return b"".join(lines if tail is None else lines[-tail:])
