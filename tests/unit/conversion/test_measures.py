"""What a change of a job's record is measured as."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conversion import errors, measures
from conversion.job import Job, Status
from conversion.measures import Measured
from conversion.metrics import Metric
from conversion.outcome import Failure
from tests.contract.examples import COST, JOB, OUTPUT, a_job, completed

CLAIMED = a_job(
    status=Status.PROCESSING,
    attempt=1,
    created_at="2026-11-21T09:30:00.000Z",
    updated_at="2026-11-21T09:30:12.500Z",
)
DONE = replace(
    CLAIMED,
    status=Status.COMPLETED,
    updated_at="2026-11-21T09:30:14.500Z",
    output=replace(OUTPUT, duration_seconds=60.0),
    cost=COST,
)


def measured(before: Job | None, after: Job) -> dict[Metric, float]:
    found = list(measures.measures(before, after))
    plain = {each.metric: each.value for each in found if each.code is None}
    assert len(plain) == sum(each.code is None for each in found)
    return plain


def test_a_completed_job_tells_how_long_it_took_how_fast_it_was_and_what_it_cost() -> None:
    assert measured(CLAIMED, DONE) == {
        Metric.JOBS_COMPLETED: 1,
        Metric.JOB_SECONDS: 14.5,
        Metric.CONVERSION_SECONDS: 2.0,
        Metric.REAL_TIME_FACTOR: 30.0,
        Metric.JOB_COST: COST.usd,
    }


def test_the_first_claim_tells_how_long_the_job_has_waited() -> None:
    created = replace(CLAIMED, status=Status.CREATED, attempt=0, updated_at=CLAIMED.created_at)
    assert measured(created, CLAIMED) == {Metric.QUEUED_SECONDS: 12.5}


def test_another_attempt_is_no_wait() -> None:
    assert measured(CLAIMED, replace(CLAIMED, attempt=2)) == {}


def test_what_a_person_has_redriven_says_nothing_of_our_pace() -> None:
    reopened = replace(CLAIMED, redrive=1, attempt=2)
    told = measured(reopened, replace(DONE, redrive=1, attempt=2))
    assert Metric.JOB_SECONDS not in told
    assert told[Metric.CONVERSION_SECONDS] == 2.0


@pytest.mark.parametrize(
    "code", sorted({each.code for each in errors.PermanentError.__subclasses__()})
)
def test_a_failure_is_counted_by_its_code_and_once_more_where_no_file_is_at_fault(
    code: str,
) -> None:
    failed = replace(CLAIMED, status=Status.FAILED, failure=Failure(code, "It failed."))
    told = list(measures.measures(CLAIMED, failed))
    assert Measured(Metric.JOBS_FAILED, 1) in told
    assert Measured(Metric.JOBS_FAILED, 1, code) in told
    assert (Measured(Metric.FAILURES_TO_MEND, 1) in told) is (code in measures.TO_MEND)


def test_a_cancelled_job_costs_what_it_ran() -> None:
    cancelled = replace(CLAIMED, status=Status.CANCELLED, cost=COST)
    assert measured(CLAIMED, cancelled) == {Metric.JOBS_CANCELLED: 1, Metric.JOB_COST: COST.usd}


def test_a_redriven_job_costs_what_came_on_top() -> None:
    """Its record has what all attempts have cost, those before the redrive among them."""
    reopened = replace(CLAIMED, redrive=1, attempt=2, cost=COST)
    whole = replace(COST, usd=COST.usd + 0.5)
    told = measured(reopened, replace(DONE, redrive=1, attempt=2, cost=whole))
    assert told[Metric.JOB_COST] == pytest.approx(0.5)


def test_a_job_that_is_written_as_failed_is_counted() -> None:
    born = replace(JOB, status=Status.FAILED, failure=Failure("UPLOAD_MISMATCH", "It is not."))
    assert list(measures.measures(None, born)) == [
        Measured(Metric.JOBS_FAILED, 1),
        Measured(Metric.JOBS_FAILED, 1, "UPLOAD_MISMATCH"),
    ]


def test_clocks_that_differ_make_no_negative_time() -> None:
    early = replace(DONE, updated_at="2026-11-21T09:29:59.000Z")
    told = measured(CLAIMED, early)
    assert (told[Metric.JOB_SECONDS], told[Metric.CONVERSION_SECONDS]) == (0, 0)
    assert Metric.REAL_TIME_FACTOR not in told


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, JOB), (JOB, JOB), (CLAIMED, replace(CLAIMED, expires_at=1)), (DONE, completed())],
)
def test_nothing_else_is_measured(before: Job | None, after: Job) -> None:
    assert measured(before, after) == {}
