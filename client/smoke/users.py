"""Many at once, each with a sound of its own: everyone gets that one back, and sees no other's."""

from __future__ import annotations

import asyncio
import time

from client.errors import ClientError, NotAsPromised
from client.smoke.outputs import check
from client.smoke.scene import Scene
from client.smoke.sounds import Sound, tone

# FLAC keeps a digest of the samples: no user's output can be taken for another's.
_FORMAT = "flac"
_LOWEST_HERTZ, _APART_HERTZ = 300, 20


async def users(scene: Scene, how_many: int) -> str:
    """Raises NotAsPromised with what befell the first of them."""
    scene.offered(_FORMAT)
    sounds = [
        tone(scene.folder, f"sluice-smoke-user-{n + 1}", _LOWEST_HERTZ + _APART_HERTZ * n)
        for n in range(how_many)
    ]
    ended = await asyncio.gather(*(_user(scene, each) for each in sounds), return_exceptions=True)
    wrong = [each for each in ended if isinstance(each, BaseException)]
    if wrong:
        raise _one_of(wrong, how_many)
    done = [each for each in ended if not isinstance(each, BaseException)]
    if len({job_id for job_id, _ in done}) != how_many:
        raise NotAsPromised("Two users were given one job.")
    slowest = max(took for _, took in done)
    return f"{how_many} side by side, each with its own; the slowest took {slowest:.1f} s"


def _one_of(wrong: list[BaseException], how_many: int) -> BaseException:
    """The first, with how many they were, where it is not a mistake of our own."""
    first = wrong[0]
    if not isinstance(first, ClientError):
        return first
    told = f"{len(wrong)} of {how_many} did not get theirs: {first.code}: {first.message}"
    return NotAsPromised(told)


async def _user(scene: Scene, sound: Sound) -> tuple[str, float]:
    """Its job begins with its upload's arrival: event, queue and starter take part."""
    began = time.monotonic()
    file_id = await scene.send(sound, {"format": _FORMAT})
    job = await scene.service.job_of(file_id)
    scene.open_jobs.add(job.job_id)
    ended = await scene.completed(job)
    await check(_FORMAT, await scene.whole(ended), sound)
    seen = [each.job_id for each in await scene.api.jobs_of(file_id)]
    if seen != [job.job_id] or not ended.file_name.startswith(sound.file.stem):
        raise NotAsPromised(f"{sound.file.stem} sees {len(seen)} jobs, or another's.")
    return job.job_id, time.monotonic() - began
