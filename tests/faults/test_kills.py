"""Converter tasks killed, and told to stop, at twenty points of a conversion, on the pipeline.

Each time somebody watches the job through the API, twenty times a second, from before the blow to
the end: a percent that falls once is a failure. A point is a share of the processor time that an
undisturbed run of the same conversion uses (tests/faults/tasks.py says why), from the first
instruction to just before the end.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults import tasks
from tests.faults.counts import Counts
from tests.faults.live import PATIENCE_SECONDS, Live, eventually
from tests.faults.poller import Poller
from tests.faults.tasks import Watch

pytestmark = pytest.mark.skipif(not tasks.AVAILABLE, reason=tasks.REASON)

# Each with the seconds of music that keep a converter busy for some seconds: long enough for
# progress to be written on the way.
FORMATS = {"mp3": 90, "flac": 180, "m4a": 45, "opus": 40, "wav": 120}
KILLED, TOLD = signal.SIGKILL, signal.SIGTERM
POINTS = [number / 20 for number in range(20)]
# Every format meets each point once, killed at one and told to stop at the next; every point meets
# both in different formats.
BLOWS = {
    target: [(point, [KILLED, TOLD][(at + shift) % 2]) for at, point in enumerate(POINTS)]
    for shift, target in enumerate(FORMATS)
}
FEW_BLOWS = [(0.0, KILLED), (0.5, TOLD), (0.8, KILLED)]
# More would make one another slow, and their pollers take as much of a core as a converter.
AT_ONCE = 2
# A run may use less than the one that it is measured by, and end before its blow.
_TRIES = 4


@dataclass
class Undisturbed:
    """What the source becomes when nobody disturbs, and the least processor time that has taken."""

    file_id: str
    output: str
    seconds: float


@dataclass
class Run:
    """One conversion that was struck, what was seen of it, and all that is wrong with it."""

    point: float
    blow: signal.Signals
    job_id: str
    was_hit: bool
    stage: str
    looks: int
    falls: int
    wrong: list[str] = field(default_factory=list[str])


@dataclass
class Campaign:
    live: Live
    watch: Watch
    music: Callable[[int], Path]
    undisturbed: dict[str, Undisturbed] = field(default_factory=dict[str, Undisturbed])

    def measure(self, target: str) -> Undisturbed:
        if target not in self.undisturbed:
            file_id = self.live.upload(self.music(FORMATS[target]))
            job_id = self.live.start(file_id, format=target)
            task = self.watch.task(job_id, PATIENCE_SECONDS)
            task.reaches(float("inf"))
            assert self.live.over(job_id)["status"] == "completed"
            found = Undisturbed(file_id, self.live.output(job_id), task.seconds)
            self.undisturbed[target] = found
        return self.undisturbed[target]

    def strike(self, target: str, point: float, blow: signal.Signals) -> list[Run]:
        """Run it until the blow has met it; whatever happens meanwhile counts."""
        runs = [self._strike(target, point, blow)]
        while not runs[-1].was_hit and len(runs) < _TRIES:
            runs.append(self._strike(target, point, blow))
        return runs

    def _strike(self, target: str, point: float, blow: signal.Signals) -> Run:
        whole = self.measure(target)
        job_id = self.live.start(whole.file_id, format=target)
        with Poller(self.live.api, job_id) as poller:
            task = self.watch.task(job_id, PATIENCE_SECONDS)
            was_hit = task.reaches(point * whole.seconds) and task.strike(blow)
            stage = poller.seen[-1].stage if poller.seen else "unseen"
            poller.wait(PATIENCE_SECONDS)
        if not was_hit:
            whole.seconds = min(whole.seconds, task.seconds)
        looks, falls = len(poller.seen), len(poller.falls)
        run = Run(point, blow, job_id, was_hit, stage, looks, falls, poller.wrong)
        run.wrong += self._wrong(run, whole)
        return run

    def _wrong(self, run: Run, whole: Undisturbed) -> list[str]:
        live, job_id = self.live, run.job_id
        job = live.job(job_id)
        if job["status"] != "completed":
            return [f"the job is {job['status']}: {job['error']}"]
        found: list[str] = []
        if live.output(job_id) != whole.output:
            found.append("the output is not that of an undisturbed run")
        if live.ended(job_id)["status"] != "SUCCEEDED":
            found.append("the execution has not succeeded")
        # One that is told to stop may be so near its end that it goes there.
        if run.was_hit and run.blow is KILLED and live.tasks_of(job_id) < 2:
            found.append("no second task was started")
        eventually(lambda: not live.open_uploads(job_id), PATIENCE_SECONDS, "no open upload")
        eventually(lambda: len(live.outputs(job_id)) == 1, PATIENCE_SECONDS, "the output alone")
        return found


@pytest.fixture(scope="module")
def campaign(live: Live, music: Callable[[int], Path]) -> Iterator[Campaign]:
    with Watch() as watch:
        yield Campaign(live, watch, music)


@pytest.mark.parametrize(
    ("target", "blows"),
    [
        pytest.param("mp3", FEW_BLOWS, id="mp3-few"),
        *(pytest.param(each, BLOWS[each], id=each, marks=pytest.mark.long) for each in FORMATS),
    ],
)
def test_a_task_that_is_stopped_anywhere_makes_no_difference_to_the_job(
    campaign: Campaign, counts: Counts, target: str, blows: Sequence[tuple[float, signal.Signals]]
) -> None:
    campaign.measure(target)
    with ThreadPoolExecutor(AT_ONCE) as several:
        struck = list(several.map(lambda each: campaign.strike(target, *each), blows))

    runs = [run for each in struck for run in each]
    hits = [run for run in runs if run.was_hit]
    counts(
        "kills",
        killed=sum(run.blow is KILLED for run in hits),
        told_to_stop=sum(run.blow is TOLD for run in hits),
        looks=sum(run.looks for run in runs),
        falls=sum(run.falls for run in runs),
        not_completed_or_not_the_same=sum(bool(run.wrong) for run in runs),
    )
    at = Counter(f"hit_while_{run.stage}" for run in hits)
    counts("kills", **at)
    assert [run for run in runs if run.wrong] == []
    assert len(hits) >= 0.9 * len(blows), "the points are not where the conversion is"
