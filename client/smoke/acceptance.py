"""The acceptance of a deployment: its steps, in the order in which they hang on each other."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx

from client.deployment import Deployment
from client.errors import ApiUnreachable
from client.retry import Patience
from client.service import serving
from client.smoke import faults, steps
from client.smoke.ecs import Cluster
from client.smoke.run import Act, Result, Run
from client.smoke.scene import Scene, Tidied, Witness
from client.smoke.users import users
from client.transfer import storage_client


async def accept(
    deployment: Deployment,
    patience: Patience,
    how_many: int,
    cluster: Cluster | str,
    over: Callable[[Result], None],
) -> Run:
    """`cluster`, or why there is none. `over` hears of each step."""
    run = Run(over)
    async with _scene(deployment, patience, cluster) as scene:
        await run.step("health", partial(steps.health, scene))
        if isinstance(run.results[0].error, ApiUnreachable):
            return run
        try:
            await _all(run, scene, how_many)
        finally:
            tidied = await scene.tidy()
        await run.step("tidy", partial(_told, tidied))
    return run


async def _all(run: Run, scene: Scene, how_many: int) -> None:
    await run.step("formats", partial(steps.formats, scene))
    await run.step("upload", partial(steps.upload, scene))
    await run.step("upload in parts", partial(steps.upload_in_parts, scene))
    await run.steps(steps.conversions(scene))
    await run.step("download", partial(steps.download, scene))
    await run.step("sent twice", partial(steps.repeat, scene))
    await run.steps(_faults(scene))
    await run.step("users", partial(users, scene, how_many))
    await run.step("progress", partial(steps.progress, scene))
    await run.step("dry clean-up", partial(steps.cleanup, scene))


def _faults(scene: Scene) -> dict[str, Act]:
    return {
        "cancel": partial(faults.cancel, scene),
        "killed task": partial(faults.killed_task, scene),
        "no audio": partial(faults.no_audio, scene),
        "cut off": partial(faults.cut_off, scene),
        "refusals": partial(faults.refusals, scene),
    }


@asynccontextmanager
async def _scene(
    deployment: Deployment, patience: Patience, cluster: Cluster | str
) -> AsyncGenerator[Scene]:
    hurried = replace(patience, full=min(patience.full, 300.0))
    with tempfile.TemporaryDirectory(prefix="sluice-smoke-") as folder:
        async with (
            serving(deployment, hurried) as service,
            storage_client(httpx.create_ssl_context()) as http,
        ):
            named = isinstance(cluster, Cluster)
            yield Scene(
                service,
                http,
                Path(folder),
                Witness(service.steady),
                cluster=cluster if named else None,
                why_no_cluster="" if named else cluster,
            )


async def _told(tidied: Tidied) -> str:
    return tidied.told()
