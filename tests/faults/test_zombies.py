"""An attempt that everybody took for dead goes on: it may change nothing any more.

The first attempt is held at a request, and with it all its other requests; meanwhile the job goes
another way. Then it is let go, and does what it was about to do: reports, parts, the object, the
outcome. The job, its progress and its objects must stay as they were.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from conversion.errors import FenceError
from conversion.job import Job, Status
from conversion.outcome import Failure
from conversion.progress import shown
from tasks.converter.convert import run
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.faults.answers import Answer
from tests.faults.conftest import Through
from tests.faults.counts import Counts
from tests.faults.plans import Fault, Request
from tests.faults.proxy import Proxy

_PARTS = 64 * 1024
_PATIENCE_SECONDS = 120


Point = tuple[str, int, str]


@dataclass
class Hold:
    """From the moment its request is asked, or answered, nothing of the attempt gets through."""

    operation: str
    ordinal: int
    when: str
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    rejected: list[Request] = field(default_factory=list[Request])

    def asked(self, request: Request) -> Fault | None:
        self._look(request, "asked")
        return None

    def answered(self, request: Request, answer: Answer) -> None:
        if self.released.is_set() and b"ConditionalCheckFailed" in answer.body:
            self.rejected.append(request)
        self._look(request, "answered")

    def _look(self, request: Request, when: str) -> None:
        if (request, when) == (Request(self.operation, self.ordinal), self.when):
            self.reached.set()
        if self.reached.is_set():
            assert self.released.wait(_PATIENCE_SECONDS)


@dataclass
class Scene:
    """One world, and attempts at one job that run beside each other."""

    world: World
    endpoint: str
    through: Through
    job: Job
    _opened: ExitStack
    _threads: ThreadPoolExecutor

    def held(self, hold: Hold, **settings: Any) -> Future[None]:
        """An attempt that has come to where it is held."""
        self._opened.callback(hold.released.set)
        proxy = self._opened.enter_context(Proxy(self.endpoint, hold.asked, hold.answered))
        attempt = self._threads.submit(self.convert, **self.through(proxy), **settings)
        attempt.add_done_callback(lambda _: hold.reached.set())
        assert hold.reached.wait(_PATIENCE_SECONDS)
        assert not attempt.done(), [str(each) for each in proxy.seen]
        return attempt

    def convert(self, redrive: int = 0, **changes: Any) -> None:
        around = self.world.surroundings(first_part_bytes=_PARTS, **changes)
        run(self.job.job_id, around, redrive)

    def stands(self) -> tuple[Job, Any, list[str]]:
        """All there is of the job: its record, its progress and its objects."""
        job_id = self.job.job_id
        progress = self.world.around.progress.read([job_id]).get(job_id)
        return self.world.around.jobs.get(job_id), progress, self.world.keys()


@pytest.fixture
def scene(world: World, sounds: Sounds, endpoint: str, through: Through) -> Iterator[Scene]:
    job = world.job(sounds.bytes("wav"), "flac")
    with ThreadPoolExecutor(2) as threads, ExitStack() as opened:
        yield Scene(world, endpoint, through, job, opened, threads)


def _completed(scene: Scene) -> None:
    scene.convert()


def _failed(scene: Scene) -> None:
    scene.convert(max_input_bytes=1)


def _cancelled(scene: Scene) -> None:
    scene.world.around.jobs.cancel(scene.job.job_id)


def _given_up(scene: Scene) -> None:
    failure = Failure("EXECUTION_LOST", "Nobody works on it; convert again.")
    jobs = scene.world.around.jobs
    assert jobs.give_up(scene.job.job_id, jobs.get(scene.job.job_id).attempt, failure)


def _redriven(scene: Scene) -> None:
    _given_up(scene)
    scene.convert(redrive=1)


# What becomes of the job meanwhile, and what its status is then.
ENDINGS: dict[str, tuple[Callable[[Scene], None], Status]] = {
    "completed": (_completed, Status.COMPLETED),
    "failed": (_failed, Status.FAILED),
    "cancelled": (_cancelled, Status.CANCELLED),
    "given up": (_given_up, Status.FAILED),
    "redriven": (_redriven, Status.COMPLETED),
}
# Where no other attempt has begun, the old one still speaks of its progress, and of nothing else.
_WITHOUT_HEIR = ("cancelled", "given up")

# Where a zombie that would complete the job is held.
POINTS: list[Point] = [
    ("UpdateItem jobs", 1, "answered"),
    *(("UpdateItem progress", 1, "asked"), ("UpdateItem progress", 1, "answered")),
    ("UpdateItem progress", 2, "asked"),
    *(("GetObject", 1, "asked"), ("GetObject", 3, "answered")),
    ("CreateMultipartUpload", 1, "answered"),
    *(("UploadPart", 1, "asked"), ("UploadPart", 2, "answered")),
    *(("CompleteMultipartUpload", 1, "asked"), ("CompleteMultipartUpload", 1, "answered")),
    ("HeadObject", 1, "asked"),
    ("UpdateItem jobs", 2, "asked"),
]
# Where one is that would fail it: its output would be too long, which the probe lets it know.
FAILING_POINTS: list[Point] = [
    ("UpdateItem jobs", 1, "answered"),
    *(("UpdateItem progress", 1, "answered"), ("UpdateItem progress", 2, "asked")),
    ("GetObject", 1, "answered"),
    ("UpdateItem jobs", 2, "asked"),
]
_MOST_OUTPUT_BYTES = 100_000


def _every(points: list[Point]) -> list[Any]:
    """Each point with each ending; a usual run takes every other point, with an ending each."""
    return [
        pytest.param(*point, ending, marks=[] if row % 10 == 2 * column else pytest.mark.long)
        for row, point in enumerate(points)
        for column, ending in enumerate(ENDINGS)
    ]


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    """What the sound becomes when nobody disturbs, once a session."""
    return {}


def _goes_on(scene: Scene, hold: Hold, ending: str, counts: Counts, **settings: Any) -> None:
    take, status = ENDINGS[ending]
    zombie = scene.held(hold, **settings)
    take(scene)
    job, progress, _ = scene.stands()
    assert job.status is status

    hold.released.set()
    assert isinstance(zombie.exception(_PATIENCE_SECONDS), FenceError)

    job_after, progress_after, keys = scene.stands()
    changes = (job_after != job) + (keys != ([job.output.key] if job.output else []))
    if ending in _WITHOUT_HEIR:
        before, after = shown(job.standing, progress), shown(job.standing, progress_after)
        changes += (after.percent < before.percent) + (after.stage != before.stage)
    else:
        changes += progress_after != progress
    counts("zombies", let_go=1, writes_rejected=len(hold.rejected), changes=changes)
    assert hold.rejected
    assert scene.world.open_uploads() == []
    assert changes == 0, (job_after, progress_after, keys)


@pytest.mark.parametrize(("operation", "ordinal", "when", "ending"), _every(POINTS))
def test_a_zombie_that_would_complete_the_job(
    scene: Scene,
    counts: Counts,
    whole: dict[str, bytes],
    operation: str,
    ordinal: int,
    when: str,
    ending: str,
) -> None:
    """…takes back its object, and the one that counts is whole."""
    _goes_on(scene, Hold(operation, ordinal, when), ending, counts)

    job, _, _ = scene.stands()
    if job.status is Status.COMPLETED:
        if "flac" not in whole:
            undisturbed = scene.world.convert(scene.world.object(job.source.key), "flac")
            whole["flac"] = scene.world.output(undisturbed)
        assert scene.world.output(job) == whole["flac"]


@pytest.mark.parametrize(("operation", "ordinal", "when", "ending"), _every(FAILING_POINTS))
def test_a_zombie_that_would_fail_the_job(
    scene: Scene, counts: Counts, operation: str, ordinal: int, when: str, ending: str
) -> None:
    hold = Hold(operation, ordinal, when)
    _goes_on(scene, hold, ending, counts, max_output_bytes=_MOST_OUTPUT_BYTES)


_HEIRS_POINTS: list[Point] = [
    ("UpdateItem progress", 1, "answered"),
    ("UploadPart", 1, "asked"),
    ("CompleteMultipartUpload", 1, "answered"),
    ("UpdateItem jobs", 2, "asked"),
]
_SOONEST = [(POINTS[-1], _HEIRS_POINTS[-1]), (POINTS[-4], _HEIRS_POINTS[1])]


@pytest.mark.parametrize(
    ("zombies", "heirs"),
    [
        pytest.param(*pair, marks=[] if pair in _SOONEST else pytest.mark.long)
        for pair in itertools.product(POINTS[::3], _HEIRS_POINTS)
    ],
)
def test_a_zombie_beside_an_heir_who_is_at_work(
    scene: Scene, counts: Counts, zombies: Point, heirs: Point
) -> None:
    """…disturbs nothing of what the heir has made so far, and the heir completes the job."""
    zombie_hold, heir_hold = Hold(*zombies), Hold(*heirs)
    zombie = scene.held(zombie_hold)
    heir = scene.held(heir_hold)
    before = scene.stands()

    zombie_hold.released.set()
    assert isinstance(zombie.exception(_PATIENCE_SECONDS), FenceError)

    job, progress, _ = scene.stands()
    counts("zombies", let_go=1, writes_rejected=len(zombie_hold.rejected))
    assert (job, progress) == before[:2]
    assert (job.status, job.attempt) == (Status.PROCESSING, 2)
    heir_hold.released.set()
    assert heir.exception(_PATIENCE_SECONDS) is None
    job, _, keys = scene.stands()
    assert job.status is Status.COMPLETED
    assert job.output is not None
    assert keys == [job.output.key] == [job.output_key(2)]
    assert scene.world.open_uploads() == []
