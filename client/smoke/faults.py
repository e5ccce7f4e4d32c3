"""What a deployment does on a bad day: a cancel, a task that is taken away, files and requests that
are no good."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from client.answers import Job
from client.asking import Asked
from client.errors import NotAsPromised, Refused
from client.smoke.ecs import Cluster
from client.smoke.outputs import check
from client.smoke.run import Skip
from client.smoke.scene import Scene, there
from client.smoke.sounds import Sound, tone

# Made of 8 kHz noise, it keeps one vCPU busy for the better part of a minute.
_LASTING: Asked = {
    "format": "opus",
    "sampleRate": 48_000,
    "channels": 2,
    "loudness": {"integratedLufs": -16, "truePeakDbtp": -1},
}
# ListTasks may lag behind (API reference: eventual consistency).
_LOOKS, _LOOK_SECONDS = 10, 2.0


async def cancel(scene: Scene) -> str:
    job = await scene.ask(_lasting(scene), _LASTING)
    at = await scene.at_work(job)
    await _refused("JOB_NOT_READY", scene.api.url_of(job.job_id))
    for _ in range(2):  # twice is as once
        told = await scene.api.cancel(job.job_id)
        if told.status != "cancelled":
            raise NotAsPromised(f"It was cancelled, and is {told.status}.")
    scene.open_jobs.discard(job.job_id)
    await _refused("NO_OUTPUT", scene.api.url_of(job.job_id))
    return f"cancelled at {at.percent:.0f} %, and no output"


async def killed_task(scene: Scene) -> str:
    """The job is taken up again by another attempt, and what was shown of it never falls."""
    if scene.cluster is None:
        raise Skip(scene.why_no_cluster)
    job = await scene.ask(_lasting(scene), _LASTING)
    at = await scene.at_work(job)
    await _stop(scene, scene.cluster, job)
    ended = await scene.completed(job)
    attempts = ended.told.get("attempt")
    if not isinstance(attempts, int) or attempts < 2:
        raise NotAsPromised(f"Its task was stopped, but the job tells of attempt {attempts} alone.")
    assert scene.long_sound is not None
    await check("opus", await scene.whole(ended), scene.long_sound)
    return f"stopped at {at.percent:.0f} %, completed by attempt {attempts}"


async def _stop(scene: Scene, cluster: Cluster, job: Job) -> None:
    """Raises NotAsPromised where no task of the job's is found at work."""
    for _ in range(_LOOKS):
        if await cluster.stop_task_of(job.job_id):
            return
        told, _ = await scene.witness.progress(job.job_id)
        if told.is_over:
            raise NotAsPromised(
                f"Job {job.job_id} was {told.status} before its task was found: the conversion is "
                "too quick here for this step, or the cluster is not the deployment's."
            )
        await asyncio.sleep(_LOOK_SECONDS)
    raise NotAsPromised(f"No task of job {job.job_id} runs in the cluster: is it the right one?")


def _lasting(scene: Scene) -> str:
    scene.offered("opus")
    return there(scene.long_file_id, "upload in parts")


async def no_audio(scene: Scene) -> str:
    """Text that is called a WAV."""
    file = scene.folder / "sluice-smoke-text.wav"
    file.write_text("This is no sound.\n" * 200)
    return await _fails(scene, file, "UNSUPPORTED_INPUT")


async def cut_off(scene: Scene) -> str:
    """A WAV that ends in the middle of its second."""
    file = tone(scene.folder, "sluice-smoke-cut", hertz=550).file
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    return await _fails(scene, file, "TRUNCATED_INPUT")


async def _fails(scene: Scene, file: Path, code: str) -> str:
    file_id = await scene.send(Sound(file, 0.0, b""))
    job = await scene.over(await scene.ask(file_id, {"format": "mp3"}))
    told = job.failure.code if job.failure else job.status
    if told != code:
        raise NotAsPromised(f"It should have failed with {code}, and is {told}.")
    return f"failed with {code}"


async def refusals(scene: Scene) -> str:
    """Each before anything is sent or started."""
    for code, ask in _refusable(scene).items():
        await _refused(code, ask())
    return ", ".join(_refusable(scene))


def _refusable(scene: Scene) -> dict[str, Callable[[], Awaitable[object]]]:
    def upload(name: str, size: int, **conversion: Any) -> Awaitable[object]:
        return _begin(scene, name, size, [conversion] if conversion else [])

    limit = scene.offers.limits.upload_bytes if scene.offers else 0
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "UNSUPPORTED_MEDIA_TYPE": lambda: upload("notes.txt", 10),
        "EMPTY_INPUT": lambda: upload("empty.wav", 0),
        "UNSUPPORTED_OUTPUT_FORMAT": lambda: upload("tone.wav", 10, format="gif"),
        "INVALID_REQUEST": lambda: upload("tone.wav", 10, format="wav", bitrateKbps=128),
        "JOB_NOT_FOUND": lambda: scene.api.job(uuid.uuid4().hex),
        "FILE_NOT_FOUND": lambda: scene.ask(uuid.uuid4().hex, {"format": "mp3"}),
    }
    if limit:
        asked["INPUT_TOO_LARGE"] = lambda: upload("huge.wav", limit + 1)
    return asked


async def _begin(scene: Scene, name: str, size: int, conversions: list[Asked]) -> None:
    """An upload that should not be: it is ended at once."""
    begun = await scene.api.create_upload(
        name, size, None, conversions, True, idempotency_key=uuid.uuid4().hex
    )
    await scene.api.abort(begun.file_id)


async def _refused(code: str, asked: Awaitable[object]) -> None:
    """Raises NotAsPromised when it is not, or with another code."""
    try:
        await asked
    except Refused as error:
        if error.code != code:
            raise NotAsPromised(f"It should be {code}, and is {error.code}.") from error
    else:
        raise NotAsPromised(f"What should be refused with {code} was taken.")
