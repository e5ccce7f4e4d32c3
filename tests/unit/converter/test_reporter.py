"""What the reporter writes of a run's stages and of its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from conversion.errors import CorruptInput, Interrupted, SluiceError
from conversion.progress import Progress, Stage
from tasks.converter.reporter import Reporter


@dataclass
class Written:
    """A progress store in memory."""

    reports: list[Progress] = field(default_factory=list)
    mark: float = 0.0

    def begin(self, job_id: str, attempt: int) -> float:
        return self.mark

    def report(self, job_id: str, progress: Progress) -> None:
        self.reports.append(progress)

    def read(self, job_ids: Iterable[str]) -> dict[str, Progress]:
        return {}


def ended_by(store: Written, error: SluiceError) -> None:
    with Reporter(store, "j1", 1) as reporter:
        reporter.report(Progress(1, Stage.CONVERTING, percent=40.0, speed=30.0, eta_seconds=9.0))
        raise error


def test_an_interrupted_attempt_says_that_another_will_come() -> None:
    store = Written()
    with pytest.raises(Interrupted):
        ended_by(store, Interrupted("the task was told to stop"))
    last = store.reports[-1]
    assert (last.stage, last.percent) == (Stage.RESTARTING, 40.0)
    assert (last.speed, last.eta_seconds) == (None, None)


def test_a_failed_attempt_leaves_its_last_report() -> None:
    store = Written()
    with pytest.raises(CorruptInput):
        ended_by(store, CorruptInput("not audio"))
    assert store.reports[-1].stage is Stage.CONVERTING


def test_below_the_mark_of_an_earlier_attempt_it_is_restarting() -> None:
    store = Written(mark=60.0)
    with Reporter(store, "j1", 2) as reporter:
        reporter.report(Progress(2, Stage.CONVERTING, percent=10.0))
    assert (store.reports[-1].stage, store.reports[-1].percent) == (Stage.RESTARTING, 60.0)
