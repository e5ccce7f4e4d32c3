"""What the reporter writes of a run: its stages, its end, its heartbeat, and how long it ran."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from conversion.errors import (
    CorruptInput,
    Interrupted,
    RecordsUnavailable,
    SluiceError,
    SupersededAttempt,
)
from conversion.progress import Mark, Progress, Stage
from tasks.converter.reporter import Reporter

WAIT = 10.0


@dataclass
class Written:
    """A progress store in memory; `errors` are raised first, one a report."""

    reports: list[Progress] = field(default_factory=list)
    mark: Mark = field(default_factory=lambda: Mark(0.0, 0.0))
    errors: list[Exception | None] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)
    asked: int = 0

    def begin(self, job_id: str, attempt: int) -> Mark:
        return self.mark

    def report(self, job_id: str, progress: Progress) -> None:
        with self.news:
            self.asked += 1
            self.news.notify_all()
            error = self.errors.pop(0) if self.errors else None
            if error is not None:
                raise error
            self.reports.append(progress)

    def read(self, job_ids: Iterable[str]) -> dict[str, Progress]:
        return {}

    def remove(self, job_id: str) -> None: ...

    def wait_for(self, asked: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: self.asked >= asked, WAIT)


def ended_by(store: Written, error: SluiceError) -> None:
    with Reporter(store, "j1", 1) as reporter:
        reporter.report(Progress(1, Stage.CONVERTING, percent=40.0, speed=30.0, eta_seconds=9.0))
        raise error


def test_an_interrupted_attempt_says_that_another_will_come() -> None:
    store = Written()
    with pytest.raises(Interrupted):
        ended_by(store, Interrupted("the task was told to stop"))
    last = store.reports[-1]
    assert (last.stage, last.percent) == (Stage.RESTARTING, 0.0), "40 were not due yet"
    assert (last.speed, last.eta_seconds) == (None, None)


def test_a_failed_attempt_leaves_its_last_report() -> None:
    store = Written()
    with pytest.raises(CorruptInput):
        ended_by(store, CorruptInput("not audio"))
    assert store.reports[-1].stage is Stage.CONVERTING


def test_below_the_mark_of_an_earlier_attempt_it_is_restarting() -> None:
    store = Written(mark=Mark(60.0, 5.0))
    with Reporter(store, "j1", 2) as reporter:
        reporter.report(Progress(2, Stage.CONVERTING, percent=10.0))
    assert (store.reports[-1].stage, store.reports[-1].percent) == (Stage.RESTARTING, 60.0)


def test_every_report_says_how_long_the_attempt_has_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("tasks.converter.reporter.time.monotonic", lambda: now)
    store = Written(mark=Mark(0.0, 30.0))
    with Reporter(store, "j1", 2, seconds_between=0.0) as reporter:
        now = 102.5
        reporter.stage(Stage.PROBING)
        store.wait_for(1)
        assert reporter.seconds == 32.5
        now = 107.0
        reporter.report(Progress(2, Stage.CONVERTING, percent=10.0))
        store.wait_for(2)
    assert [each.run_seconds for each in store.reports] == [2.5, 7.0]


def test_who_has_nothing_new_to_say_says_the_last_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.converter.reporter._HEARTBEAT_SECONDS", 0.01)
    store = Written()
    with Reporter(store, "j1", 1, seconds_between=0.0) as reporter:
        reporter.report(Progress(1, Stage.CONVERTING, percent=40.0))
        store.wait_for(5)
    assert {(each.stage, each.percent) for each in store.reports} == {(Stage.CONVERTING, 40.0)}
    assert store.reports[4].run_seconds >= store.reports[1].run_seconds


def test_nothing_is_said_before_there_is_something_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.converter.reporter._HEARTBEAT_SECONDS", 0.0)
    store = Written()
    with Reporter(store, "j1", 1, seconds_between=0.0):
        pass
    assert store.reports == []


def test_between_two_reports_of_a_stage_there_is_a_pause() -> None:
    """A new stage is said at once, and so is the end; a percent waits, for a reader may remember
    the one before it."""
    store = Written()
    with Reporter(store, "j1", 1, seconds_between=600.0) as reporter:
        reporter.report(Progress(1, Stage.CONVERTING, percent=10.0))
        store.wait_for(1)
        for percent in (20.0, 30.0):
            reporter.report(Progress(1, Stage.CONVERTING, percent=percent))
        reporter.stage(Stage.FINALIZING)
        store.wait_for(2)
        reporter.report(Progress(1, Stage.FINALIZING, percent=99.0))
    told = [(each.stage, each.percent) for each in store.reports]
    assert told == [
        (Stage.CONVERTING, 0.0),
        (Stage.FINALIZING, 0.0),
        (Stage.FINALIZING, 0.0),
    ]


def test_a_percent_that_came_too_soon_is_said_in_its_time() -> None:
    store = Written()
    with Reporter(store, "j1", 1, seconds_between=0.3) as reporter:
        reporter.report(Progress(1, Stage.FINALIZING, percent=99.0))
        with store.news:
            assert store.news.wait_for(
                lambda: 99.0 in [each.percent for each in store.reports], WAIT
            )
    assert [each.percent for each in store.reports[:-1]] in ([0.0], [])


def test_an_outage_is_said_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    down = RecordsUnavailable("DynamoDB is not answering.")
    store = Written(errors=[down, down, down, None])
    with Reporter(store, "j1", 1, seconds_between=0.0) as reporter:
        for number in range(1, 6):
            reporter.report(Progress(1, Stage.CONVERTING, percent=float(number)))
            store.wait_for(number)
    assert [record.getMessage() for record in caplog.records] == [
        "progress cannot be written",
        "progress can be written again",
    ]
    assert store.reports[-1].percent == 5.0


def test_a_fence_reaches_the_run_at_its_next_report() -> None:
    store = Written(errors=[SupersededAttempt("Attempt 1 may not report.")])
    with Reporter(store, "j1", 1, seconds_between=0.0) as reporter:
        reporter.report(Progress(1, Stage.CONVERTING))
        reporter._thread.join(WAIT)
        with pytest.raises(SupersededAttempt):
            reporter.report(Progress(1, Stage.CONVERTING))
