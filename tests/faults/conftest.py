"""The converter's own surroundings, seen through a proxy, and nobody who waits long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import botocore.retries.standard
import pytest
from botocore.config import Config

from conversion.settings import ConverterSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from tasks.converter import blocks
from tests.converter.conftest import endpoint, ffmpeg, sounds, world
from tests.converter.world import Recorder, World
from tests.faults.proxy import Proxy

__all__ = ["endpoint", "ffmpeg", "sounds", "through", "world"]

_BLOCK_BYTES = 100_000

Through = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every retry of the product takes place, without the pause before it."""
    backoff = botocore.retries.standard.ExponentialBackoff
    monkeypatch.setattr(backoff, "delay_amount", lambda *_: 0.001)
    monkeypatch.setattr(blocks, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", _BLOCK_BYTES)
    monkeypatch.setattr("tasks.converter.gate.BLOCK_BYTES", _BLOCK_BYTES)
    monkeypatch.setattr("tasks.converter.reporter._SECONDS_BETWEEN_WRITES", 0.05)


@pytest.fixture
def through(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Through]:
    """`world.run(job, **through(proxy))`: a run whose every request passes the proxy."""
    made: list[Any] = []

    def through_proxy(proxy: Proxy, patience: Config = clients.PATIENT) -> dict[str, Any]:
        with monkeypatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", proxy.url)
            s3, dynamodb = clients.s3(patience), clients.dynamodb(patience)
        made.extend((s3, dynamodb))
        settings: ConverterSettings = world.settings
        progress = Recorder(dynamodb, settings.progress_table)
        progress.reports = []
        return {
            "jobs": Jobs(dynamodb, settings.jobs_table),
            "progress": progress,
            "objects": lambda bucket: Objects(s3, bucket),
        }

    yield through_proxy
    for client in made:
        client.close()
