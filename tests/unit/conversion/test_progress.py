"""What people see of a job's way, for every status and stage there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.clock import timestamp, utc_now
from conversion.job import Status
from conversion.progress import MOST_BEFORE_VERIFICATION, Progress, Stage, shown
from conversion.stores.attributes import from_attributes, to_attributes
from tests.contract.examples import FAILURE, OUTPUT, PROGRESS, a_job, completed

figures = st.none() | st.floats(0, 1e6, allow_nan=False).map(lambda each: round(each, 3))
reports = st.builds(
    Progress,
    attempt=st.integers(1, 100),
    stage=st.sampled_from(Stage),
    percent=st.floats(0, 100).map(lambda each: round(each, 2)),
    speed=figures,
    eta_seconds=figures,
    seconds_done=figures,
    duration_seconds=figures,
    bytes_in=st.integers(0, 2**40),
    bytes_out=st.integers(0, 2**40),
    updated_at=st.just("") | st.datetimes(timezones=st.just(UTC)).map(timestamp),
)


@given(reports)
def test_a_report_survives_being_written_and_read(report: Progress) -> None:
    assert Progress.from_item(report.to_item()) == report
    assert Progress.from_item(from_attributes(to_attributes(report.to_item()))) == report


def test_a_record_that_only_began_is_read() -> None:
    began = {"attempt": 2, "stage": "restarting", "percent": 0, "updatedAt": "then"}
    assert Progress.from_item(began) == Progress(2, Stage.RESTARTING, updated_at="then")


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("last", [None, PROGRESS], ids=["never reported", "reported"])
def test_every_status_has_a_stage(status: Status, last: Progress | None) -> None:
    job = a_job(status=status, output=OUTPUT if status is Status.COMPLETED else None)
    expected = {
        Status.CREATED: Stage.QUEUED if last is None else last.stage,
        Status.PROCESSING: Stage.STARTING if last is None else last.stage,
        Status.COMPLETED: Stage.COMPLETED,
        Status.FAILED: Stage.FAILED,
        Status.CANCELLED: Stage.CANCELLED,
    }
    assert shown(job.standing, last).stage is expected[status]


@given(last=st.none() | reports, status=st.sampled_from(Status))
def test_100_percent_is_for_the_completed_and_they_are_at_it(last, status) -> None:
    if last:
        last = replace(last, percent=min(last.percent, MOST_BEFORE_VERIFICATION))
    job = completed() if status is Status.COMPLETED else a_job(status=status)

    assert (shown(job.standing, last).percent == 100.0) == (status is Status.COMPLETED)


def test_what_is_over_promises_nothing() -> None:
    for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED):
        job = a_job(status=status, failure=FAILURE, attempt=3)
        seen = shown(job.standing, PROGRESS)
        assert (seen.speed, seen.eta_seconds, seen.attempt) == (None, None, 3)


def test_nothing_is_foreseen_by_a_report_that_is_old() -> None:
    job = a_job(status=Status.PROCESSING).standing
    fresh = replace(PROGRESS, updated_at=timestamp(utc_now()))
    old = replace(PROGRESS, updated_at=timestamp(utc_now() - timedelta(seconds=31)))

    assert shown(job, fresh) == fresh
    assert shown(job, old) == replace(old, speed=None, eta_seconds=None)


def test_a_completed_job_shows_the_jobs_own_figures() -> None:
    seen = shown(completed().standing, PROGRESS)
    assert seen.bytes_out == OUTPUT.bytes
    assert seen.seconds_done == seen.duration_seconds == OUTPUT.duration_seconds


@given(reports, st.floats(0, 99))
def test_nothing_is_shown_below_the_mark(report: Progress, mark: float) -> None:
    above = report.above(mark)

    assert above.percent == max(report.percent, mark)
    assert above.stage is (report.stage if report.percent >= mark else Stage.RESTARTING)
