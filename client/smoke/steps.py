"""What a deployment does on a good day: takes files, makes every format it offers, gives them back.

Each step says what it saw, or raises: a ClientError for what is wrong, Skip for what cannot be
tried. What one makes, the next uses.
"""

from __future__ import annotations

import uuid
from functools import partial

from client.errors import NotAllowed, NotAsPromised
from client.offers import Format
from client.outputs import output_of
from client.smoke.outputs import check
from client.smoke.run import Act, Skip
from client.smoke.scene import Scene, there
from client.smoke.sounds import Sound, noise, tone

# Where ranges are cut: the first bytes, a stretch of the middle, and from there to the end.
_CUTS = (1, 1000)


async def health(scene: Scene) -> str:
    told = await scene.api.health()
    ill = [f"{each.name}: {each.problem or each.status}" for each in told.checks if not each.is_ok]
    if told.status != "ok":
        raise NotAsPromised(f"It is {told.status}: {'; '.join(ill) or 'no room (sluice doctor)'}.")
    return ", ".join(f"{each.name} {each.milliseconds or 0:.0f} ms" for each in told.checks)


async def formats(scene: Scene) -> str:
    scene.offers = await scene.api.formats()
    if not scene.offers.formats:
        raise NotAsPromised("It offers no format at all.")
    return ", ".join(each.name for each in scene.offers.formats)


async def upload(scene: Scene) -> str:
    """By one PUT."""
    sound = tone(scene.folder, "sluice-smoke", hertz=440, seconds=2.0)
    scene.file_id = await _arrived(scene, sound, in_parts=False)
    scene.sound = sound
    return f"{sound.file.stat().st_size} bytes by one PUT"


async def upload_in_parts(scene: Scene) -> str:
    sound = noise(scene.folder, "sluice-smoke-noise")
    scene.long_file_id = await _arrived(scene, sound, in_parts=True)
    scene.long_sound = sound
    return f"{sound.file.stat().st_size} bytes in parts"


async def _arrived(scene: Scene, sound: Sound, in_parts: bool) -> str:
    file_id = await scene.send(sound)
    there = await scene.api.upload(file_id)
    if there.status != "completed":
        raise NotAsPromised(f"All was sent, and the upload is {there.status}.")
    if (there.multipart is not None) != in_parts:
        raise NotAsPromised("It was planned otherwise than a file of its size is.")
    return file_id


def conversions(scene: Scene) -> dict[str, Act]:
    """A step for each format that is offered."""
    offered = scene.offers.formats if scene.offers else ()
    return {f"convert to {each.name}": partial(_convert, scene, each) for each in offered}


async def _convert(scene: Scene, offer: Format) -> str:
    file_id = there(scene.file_id, "upload")
    assert scene.sound is not None
    job = await scene.completed(await scene.ask(file_id, {"format": offer.name}))
    seen = await check(offer.name, await scene.whole(job), scene.sound)
    scene.done = scene.done or job
    return seen


async def repeat(scene: Scene) -> str:
    """A request that is sent twice, as by a client whose line broke."""
    file_id, key = there(scene.file_id, "upload"), uuid.uuid4().hex
    asked = {"format": _first(scene)}
    jobs = [await scene.api.create_job(file_id, asked, True, key) for _ in range(2)]
    scene.open_jobs |= {each.job_id for each in jobs}
    if jobs[0].job_id != jobs[1].job_id:
        raise NotAsPromised("One Idempotency-Key made two jobs.")
    await scene.whole(await scene.completed(jobs[0]))  # a job goes with its download
    return "one key, one job"


def _first(scene: Scene) -> str:
    if scene.offers is None:
        raise Skip("not tried: formats did not pass")
    return scene.offers.formats[0].name


async def download(scene: Scene) -> str:
    """Whole, by ranges, and under its name."""
    if scene.done is None:
        raise Skip("not tried: nothing was converted")
    url = await scene.api.url_of(scene.done.job_id)
    whole = await scene.get(url)
    first, middle = _CUTS
    ranges = (f"0-{first - 1}", f"{first}-{middle - 1}", f"{middle}-")
    parts = [await scene.get(url, range=f"bytes={each}") for each in ranges]
    if {each.status_code for each in parts} != {206}:
        raise NotAsPromised("S3 serves no ranges by a signed URL.")
    if b"".join(each.content for each in parts) != whole.content:
        raise NotAsPromised("Three ranges put together are not the whole.")
    name = output_of(scene.done).file_name
    if name not in whole.headers.get("content-disposition", ""):
        raise NotAsPromised(f"The download is not called {name}, as the job says.")
    return f"{len(whole.content)} bytes as {name}, whole and in three ranges"


async def progress(scene: Scene) -> str:
    """All that has been polled by now. Quick jobs may pass from 0 to 100 between two polls, but
    those that are cancelled and stopped last."""
    seen = scene.witness
    if not seen.jobs:
        raise Skip("not tried: no job was made")
    if not seen.under_way:
        raise NotAsPromised(
            f"Of {seen.jobs} jobs none was ever seen between 0 and 100 %: progress is not told."
        )
    return (
        f"of {seen.jobs} jobs in {seen.polls} answers none fell; {len(seen.under_way)} were seen "
        "between 0 and 100 %"
    )


async def cleanup(scene: Scene) -> str:
    """What it would remove. In earnest it would remove what is no business of the smoke's."""
    try:
        told = await scene.api.clean_up(dry_run=True)
    except NotAllowed as error:
        raise Skip("only the account's own credentials may clean up") from error
    return f"{told.count} would go now; a dry run, nothing was removed"
