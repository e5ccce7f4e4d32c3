"""The converter's own surroundings, seen through a proxy; the whole pipeline on this machine; and
nobody who waits long."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import botocore.retries.standard
import httpx
import pytest
from botocore.config import Config

from conversion.settings import ConverterSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from local.ffmpeg import Ffmpeg
from local.pipeline import Pipeline
from local.sample import make_sample
from tasks.converter import blocks
from tests.converter.conftest import endpoint, ffmpeg, sounds, world
from tests.converter.world import Recorder, World
from tests.faults.live import WAIT_SCALE, Live
from tests.faults.pair import pair, redis_server, sooner
from tests.faults.proxy import Proxy

__all__ = [
    "endpoint",
    "ffmpeg",
    "pair",
    "redis_server",
    "sooner",
    "sounds",
    "through",
    "world",
]

_BLOCK_BYTES = 100_000
_PHRASES_SECONDS = 10

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


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The whole pipeline, for all campaigns of this process."""
    script = tmp_path_factory.mktemp("rehearsal") / "script"
    with ExitStack() as opened:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SLUICE_LOCAL_REHEARSAL", str(script))
            pipeline = opened.enter_context(Pipeline())
        live = Live(pipeline, opened.enter_context(httpx.Client(timeout=30)), script)
        opened.callback(live.close)
        live.scale_waits(WAIT_SCALE)
        yield live


@pytest.fixture(scope="session")
def music(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """`music(60)`: that many seconds of WAV, the same phrases over and over, because making sound
    takes longer than converting it."""
    folder = tmp_path_factory.mktemp("music")
    phrases = folder / "phrases.wav"
    make_sample(str(ffmpeg.ffmpeg), phrases, seconds=_PHRASES_SECONDS)

    def make(seconds: int) -> Path:
        path = folder / f"music-{seconds}.wav"
        if not path.exists():
            command = ["-v", "error", "-nostdin", "-stream_loop", "-1", "-i", str(phrases)]
            command += ["-t", str(seconds), "-c", "copy", str(path)]
            subprocess.run([ffmpeg.ffmpeg, *command], check=True)
        return path

    return make
