"""The whole pipeline on this machine: engine, assembly, deployment and one origin, while open."""

from __future__ import annotations

import compileall
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.child import ROOT, Engine
from local.deploy import Deployment, deploy
from local.errors import EngineFailed
from local.gateway import Gateway, listen
from local.redis import Redis
from local.synth import synthesise

PROGRESS_STORES = ("dynamodb", "redis")


@dataclass(frozen=True)
class Seconds:
    """What starting took, part by part; engine and synth go on side by side."""

    engine: float
    synth: float
    deploy: float
    total: float


class Pipeline:
    """`with Pipeline() as pipeline:` serves until the end of the block, with a Redis of its own if
    that is where progress is to be read first. `options` are a deployment's, as `cdk -c` takes
    them, on top of local/synth.py's.

    Raises LocalError: see local/errors.py.
    """

    engine: Engine
    deployment: Deployment
    seconds: Seconds
    redis: Redis | None = None

    def __init__(
        self,
        port: int = 0,
        data: Path | None = None,
        progress_store: str = "dynamodb",
        options: Mapping[str, object] | None = None,
    ) -> None:
        self._port = port
        self._data = data
        self._progress_store = progress_store
        self._options = {**(options or {}), "progressStore": progress_store}
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._open(opened)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()

    @property
    def api(self) -> str:
        return f"{self._gateway.url}/v1"

    def raise_if_ended(self) -> None:
        if self.engine.ended():
            raise EngineFailed(f"The engine has ended:\n{self.engine.last_words()}")

    def _open(self, opened: ExitStack) -> None:
        started = time.monotonic()
        listener = opened.enter_context(listen(self._port))  # at once: it may be in use
        with ThreadPoolExecutor(1) as aside:
            synth = aside.submit(_timed_synth, self._options)
            environment = self._start_redis(opened) if self._progress_store == "redis" else {}
            self.engine = opened.enter_context(Engine(self._data, environment=environment))
            _compile_tasks()
            assembly, synth_seconds = synth.result()
        deploying = time.monotonic()
        self.deployment = deploy(self.engine, assembly)
        api_id = self.deployment.resource("AWS::ApiGatewayV2::Api")
        self._gateway = opened.enter_context(Gateway(listener, self.engine.url, api_id))
        now = time.monotonic()
        self.seconds = Seconds(
            engine=round(self.engine.seconds, 3),
            synth=round(synth_seconds, 3),
            deploy=round(now - deploying, 3),
            total=round(now - started, 3),
        )

    def _start_redis(self, opened: ExitStack) -> dict[str, str]:
        """What the engine is told of it. With data it has the port of the last time: that is
        written into what was deployed then."""
        note = self._data / "redis.port" if self._data else None
        self.redis = opened.enter_context(
            Redis(int(note.read_text()) if note and note.exists() else 0)
        )
        if note:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(str(self.redis.port))
        return {"SLUICE_LOCAL_REDIS": f"{self.redis.host}:{self.redis.port}"}


def _compile_tasks() -> None:
    """As an image's build does: a task writes nothing to disk, its own bytecode included, and
    without any it would compile itself at each start."""
    for room in ("conversion", "tasks"):
        compileall.compile_dir(ROOT / room, quiet=2)


def _timed_synth(options: Mapping[str, object]) -> tuple[Path, float]:
    started = time.monotonic()
    return synthesise(options), time.monotonic() - started
