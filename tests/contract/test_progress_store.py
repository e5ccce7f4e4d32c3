"""What every ProgressStore keeps to: written by the newest attempt alone, and never falling."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversion.errors import SupersededAttempt
from conversion.progress import Mark, Progress, ProgressStore, Stage
from tests.contract.examples import JOB_ID, PROGRESS


def shown(progress: ProgressStore, job_id: str = JOB_ID) -> Progress:
    return progress.read([job_id])[job_id]


def at(percent: float, attempt: int = 1, stage: Stage = Stage.CONVERTING) -> Progress:
    return Progress(attempt, stage, percent)


def test_there_is_nothing_to_read_before_the_first_attempt(progress: ProgressStore) -> None:
    assert progress.read([JOB_ID]) == {}
    assert progress.read([]) == {}


def test_a_first_attempt_starts_at_nothing(progress: ProgressStore) -> None:
    assert progress.begin(JOB_ID, 1) == Mark(0.0, 0.0)

    found = shown(progress)
    assert (found.attempt, found.stage, found.percent) == (1, Stage.STARTING, 0.0)
    assert found.updated_at


def test_a_report_reads_back_as_it_was_written(progress: ProgressStore) -> None:
    progress.begin(JOB_ID, 1)
    progress.report(JOB_ID, PROGRESS)

    found = shown(progress)
    assert replace(found, updated_at="") == replace(PROGRESS, updated_at="")
    assert found.updated_at > PROGRESS.updated_at  # the store's clock, not the caller's


def test_a_report_without_figures_is_a_report(progress: ProgressStore) -> None:
    progress.begin(JOB_ID, 1)
    progress.report(JOB_ID, at(0.0, stage=Stage.PROBING))

    assert replace(shown(progress), updated_at="") == at(0.0, stage=Stage.PROBING)


def test_percent_rises_or_stays(progress: ProgressStore) -> None:
    progress.begin(JOB_ID, 1)
    progress.report(JOB_ID, at(50.0))
    progress.report(JOB_ID, at(49.9))
    assert shown(progress).percent == 50.0

    progress.report(JOB_ID, at(50.0, stage=Stage.FINALIZING))
    assert shown(progress).stage is Stage.FINALIZING


def test_a_new_attempt_shows_the_old_mark_until_it_passes_it(progress: ProgressStore) -> None:
    progress.begin(JOB_ID, 1)
    progress.report(JOB_ID, replace(PROGRESS, percent=95.0))

    mark = progress.begin(JOB_ID, 2).percent

    found = shown(progress)
    assert mark == 95.0
    assert (found.attempt, found.stage, found.percent) == (2, Stage.RESTARTING, 95.0)
    assert (found.speed, found.eta_seconds) == (None, None)  # the dead attempt's, no promise now
    progress.report(JOB_ID, at(10.0, attempt=2).above(mark))
    assert (shown(progress).stage, shown(progress).percent) == (Stage.RESTARTING, 95.0)
    progress.report(JOB_ID, at(96.0, attempt=2).above(mark))
    assert (shown(progress).stage, shown(progress).percent) == (Stage.CONVERTING, 96.0)


def test_beginning_again_is_harmless(progress: ProgressStore) -> None:
    progress.begin(JOB_ID, 1)
    progress.report(JOB_ID, replace(at(20.0), run_seconds=7.5))
    before = shown(progress)

    assert progress.begin(JOB_ID, 1) == Mark(20.0, 0.0)
    assert shown(progress) == before


def test_a_new_attempt_is_told_how_long_those_before_it_ran(progress: ProgressStore) -> None:
    progress.begin(JOB_ID, 1)
    for seconds in (1.25, 2.5):
        progress.report(JOB_ID, replace(at(20.0), run_seconds=seconds))

    assert progress.begin(JOB_ID, 2) == Mark(20.0, 2.5)
    assert progress.begin(JOB_ID, 2) == Mark(20.0, 2.5)  # asked again, the answer being lost
    progress.report(JOB_ID, replace(at(20.0, attempt=2), run_seconds=10.0))
    assert progress.begin(JOB_ID, 2) == Mark(20.0, 2.5)
    assert progress.begin(JOB_ID, 4) == Mark(20.0, 12.5)
    assert progress.begin(JOB_ID, 5) == Mark(20.0, 12.5)


def test_what_is_removed_is_forgotten_and_nobody_reports_on_it(progress: ProgressStore) -> None:
    progress.begin(JOB_ID, 1)
    progress.report(JOB_ID, replace(PROGRESS, run_seconds=3.0))

    progress.remove(JOB_ID)

    assert progress.read([JOB_ID]) == {}
    with pytest.raises(SupersededAttempt):
        progress.report(JOB_ID, PROGRESS)
    assert progress.read([JOB_ID]) == {}
    assert progress.begin(JOB_ID, 1) == Mark(0.0, 0.0)


def test_removing_what_is_not_there_is_no_error(progress: ProgressStore) -> None:
    progress.remove(JOB_ID)
    progress.remove(JOB_ID)
    assert progress.read([JOB_ID]) == {}


def test_a_zombie_is_told_and_changes_nothing(progress: ProgressStore) -> None:
    progress.begin(JOB_ID, 1)
    progress.begin(JOB_ID, 2)
    progress.report(JOB_ID, at(30.0, attempt=2))
    before = shown(progress)

    with pytest.raises(SupersededAttempt):
        progress.report(JOB_ID, at(99.0, attempt=1))
    with pytest.raises(SupersededAttempt):
        progress.begin(JOB_ID, 1)
    assert shown(progress) == before


def test_nobody_reports_before_beginning(progress: ProgressStore) -> None:
    with pytest.raises(SupersededAttempt):
        progress.report(JOB_ID, at(1.0))
    progress.begin(JOB_ID, 1)
    with pytest.raises(SupersededAttempt):
        progress.report(JOB_ID, at(1.0, attempt=2))
    assert shown(progress).percent == 0.0


def test_many_jobs_are_read_at_once_and_never_mixed(progress: ProgressStore) -> None:
    attempts = {f"{number:032x}": number for number in range(1, 102)}  # a batch is 100
    for job_id, attempt in attempts.items():
        progress.begin(job_id, attempt)

    found = progress.read([*attempts, *attempts, "unknown", "", "x" * 2049])

    assert {job_id: each.attempt for job_id, each in found.items()} == attempts


_percents = st.floats(0, 99, allow_nan=False, width=32).map(lambda each: round(each, 1))
_moves = st.lists(
    st.tuples(st.integers(1, 3), st.one_of(st.none(), _percents)),  # (attempt, begin or report)
    max_size=25,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moves=_moves)
def test_no_interleaving_lets_the_shown_percent_fall(progress: ProgressStore, moves) -> None:
    job_id, newest, mark = uuid.uuid4().hex, 0, 0.0
    for attempt, percent in moves:
        try:
            if percent is None:
                assert progress.begin(job_id, attempt).percent == mark
                newest = attempt
            else:
                progress.report(job_id, at(percent, attempt))
                mark = max(mark, percent)
                assert attempt == newest
        except SupersededAttempt:
            assert attempt < newest if percent is None else attempt != newest
        if newest:
            found = shown(progress, job_id)
            assert (found.attempt, found.percent) == (newest, mark)
