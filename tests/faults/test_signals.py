"""The converter told to stop, or killed, at every kind of moment of its life.

Moments are requests, not seconds: as the n-th request of a kind reaches AWS, or as its answer is on
the way back. So each of them is the same in every run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from conversion.job import Job, Status
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.faults.answers import Answer
from tests.faults.plans import Fault, Request
from tests.faults.proxy import Proxy

# 17.6 MB of WAV: five blocks to read, three parts to write, at the sizes of production.
_SECONDS = 100
# What ECS gives a container between SIGTERM and SIGKILL (infra: StopTimeout).
_GRACE_SECONDS = 120

# Every request of such a run, from the claim to the finish, and some on the answer's way.
_MOMENTS = [
    *(("UpdateItem jobs", 1, "asked"), ("UpdateItem jobs", 1, "answered")),
    *(("UpdateItem progress", 1, "asked"), ("UpdateItem progress", 2, "asked")),
    *(("GetObject", 1, "asked"), ("GetObject", 2, "answered"), ("GetObject", 3, "asked")),
    *(("GetObject", 4, "asked"), ("GetObject", 5, "answered")),
    *(("CreateMultipartUpload", 1, "asked"), ("CreateMultipartUpload", 1, "answered")),
    *(("UploadPart", 1, "asked"), ("UploadPart", 2, "answered"), ("UploadPart", 3, "asked")),
    ("UploadPart", 3, "answered"),
    *(("CompleteMultipartUpload", 1, "asked"), ("CompleteMultipartUpload", 1, "answered")),
    *(("HeadObject", 1, "asked"), ("GetObject", 6, "asked")),
    *(("UpdateItem jobs", 2, "asked"), ("UpdateItem jobs", 2, "answered")),
]
_BLOWS = {"told": signal.SIGTERM, "killed": signal.SIGKILL}
_SOONEST = {(4, "told"), (11, "killed"), (15, "told"), (20, "killed")}
_AT = [
    pytest.param(
        *moment,
        number,
        id=f"{moment[0]}-{moment[1]}-{moment[2]}-{name}",
        marks=[] if (index, name) in _SOONEST else pytest.mark.long,
    )
    for index, moment in enumerate(_MOMENTS)
    for name, number in _BLOWS.items()
]


class Moment:
    """Sends a signal to the converter when its time has come, which it does once."""

    def __init__(self, operation: str, ordinal: int, when: str, number: signal.Signals) -> None:
        self._request = Request(operation, ordinal)
        self._when = when
        self._number = number
        self._known = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.has_come = False

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._known.set()

    def asked(self, request: Request) -> Fault | None:
        self._look(request, "asked")
        return None

    def answered(self, request: Request, _: Answer) -> None:
        self._look(request, "answered")

    def _look(self, request: Request, when: str) -> None:
        if (request, when) == (self._request, self._when) and self._known.wait(20):
            assert self._process is not None
            self.has_come = True
            self._process.send_signal(self._number)


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    """What the sound becomes when nobody disturbs, once a session."""
    return {}


@pytest.fixture
def settings(world: World, tmp_path: Path) -> dict[str, Any]:
    """An ffmpeg by a name of this test's own, so that one that was left can be found."""
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).symlink_to(getattr(world.settings, name))
    return {"ffmpeg": str(tmp_path / "ffmpeg"), "ffprobe": str(tmp_path / "ffprobe")}


def _left(settings: dict[str, Any]) -> list[str]:
    """Processes of this test that still run; a dying one has a moment."""
    names = [str(each).encode() for each in settings.values()]
    deadline = time.monotonic() + 5
    while True:
        found: list[str] = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:  # it has ended meanwhile
                continue
            if any(name in words for name in names) and int(path.parent.name) != os.getpid():
                found.append(b" ".join(words).decode())
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def _percent(world: World, job: Job) -> float:
    shown = world.around.progress.read([job.job_id])
    return shown[job.job_id].percent if shown else 0.0


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc")
@pytest.mark.parametrize(("operation", "ordinal", "when", "number"), _AT)
def test_a_converter_that_is_stopped(
    world: World,
    sounds: Sounds,
    endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    whole: dict[str, bytes],
    operation: str,
    ordinal: int,
    when: str,
    number: signal.Signals,
) -> None:
    """…leaves no ffmpeg, no short object and no false record, and the next attempt does it all."""
    data = sounds.long_wav(_SECONDS).read_bytes()
    if "wav" not in whole:
        whole["wav"] = world.output(world.convert(data, "wav"))
        world.reports.clear()
    job = world.job(data, "wav")
    moment = Moment(operation, ordinal, when, number)

    with Proxy(endpoint, moment.asked, moment.answered) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        process = world.start(job, **settings)
        moment.watch(process)
        text, _ = process.communicate(timeout=_GRACE_SECONDS)
        assert moment.has_come, [str(each) for each in proxy.seen]
        assert _left(settings) == []

    stands = world.around.jobs.get(job.job_id)
    if number is signal.SIGTERM:
        _was_graceful(world, stands, process.returncode, text)
    shown = _percent(world, job)
    if stands.status is not Status.COMPLETED:
        assert stands.status in (Status.CREATED, Status.PROCESSING)
        stands = world.run(job)
        assert all(report.percent >= shown for report in world.reports)
    assert world.output(stands) == whole["wav"]
    assert proxy.percents == sorted(proxy.percents)


def _was_graceful(world: World, stands: Job, code: int, log: bytes) -> None:
    """The outcome is recorded, or everything is taken back and the job waits for another try."""
    messages = [json.loads(line)["message"] for line in log.splitlines()]
    assert world.open_uploads() == [], messages
    ours = [key for key in world.keys() if stands.job_id in key]  # noqa: SIM118
    if stands.status is Status.COMPLETED:
        assert code == 0, messages
        assert stands.output is not None
        assert ours == [stands.output.key]
    else:
        assert code == 75, messages
        assert ours == []
