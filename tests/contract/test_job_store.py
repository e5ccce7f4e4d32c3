"""What every JobStore keeps to: one truth a job, changed by the newest attempt alone."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversion.clock import utc_now
from conversion.errors import FenceError, JobExpired, JobNotFound, JobOver, SupersededAttempt
from conversion.job import JobStore, Status
from conversion.outcome import Failure
from tests.contract.examples import (
    FAILURE,
    FILE_ID,
    JOB,
    JOB_ID,
    LONG_AGO,
    OUTPUT,
    a_job,
    completed,
    failed,
)

NEVER_AN_ID = ["", "x" * 2049, "é" * 1025, "\ud800"]


def test_a_job_reads_back_as_it_was_written(jobs: JobStore) -> None:
    for each in (JOB, completed(job_id="1" * 32), failed(job_id="2" * 32)):
        assert jobs.put_if_absent(each) is True
        assert jobs.get(each.job_id) == each


def test_a_second_put_changes_nothing(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    jobs.claim(JOB_ID, retention_days=7)

    assert jobs.put_if_absent(JOB) is False
    assert jobs.get(JOB_ID).status is Status.PROCESSING


@pytest.mark.parametrize("job_id", [JOB_ID, *NEVER_AN_ID], ids=range(5))
def test_an_unknown_job_is_not_found(jobs: JobStore, job_id: str) -> None:
    with pytest.raises(JobNotFound):
        jobs.get(job_id)


def test_an_expired_job_is_gone_before_it_is_deleted(jobs: JobStore) -> None:
    jobs.put_if_absent(a_job(expires_at=LONG_AGO))

    with pytest.raises(JobExpired):
        jobs.get(JOB_ID)
    assert jobs.of_file(FILE_ID) == []


def test_a_files_jobs_come_oldest_first_and_are_its_own(jobs: JobStore) -> None:
    newer = a_job(job_id="b" * 32, created_at="2026-11-21T10:00:00.000Z")
    for each in (newer, JOB, a_job(job_id="c" * 32, file_id="another")):
        jobs.put_if_absent(each)

    assert jobs.of_file(FILE_ID) == [JOB, newer]


@pytest.mark.parametrize("file_id", ["nobody", *NEVER_AN_ID], ids=range(5))
def test_an_unknown_file_has_no_jobs(jobs: JobStore, file_id: str) -> None:
    assert jobs.of_file(file_id) == []


def test_each_claim_is_a_new_attempt_and_keeps_the_job_alive(jobs: JobStore) -> None:
    jobs.put_if_absent(a_job(expires_at=int(utc_now().timestamp()) + 60))

    first, second = (jobs.claim(JOB_ID, retention_days=7) for _ in range(2))

    assert (first.attempt, second.attempt) == (1, 2)
    assert first.status is Status.PROCESSING
    assert first.updated_at > JOB.updated_at
    assert first.expires_at > utc_now().timestamp() + 6 * 86400
    assert jobs.get(JOB_ID) == second


def test_an_unknown_job_cannot_be_claimed(jobs: JobStore) -> None:
    with pytest.raises(JobNotFound):
        jobs.claim(JOB_ID, retention_days=7)


@pytest.mark.parametrize("over", [completed(), failed(), a_job(status=Status.CANCELLED)])
def test_what_is_over_stays_as_it_is(jobs: JobStore, over) -> None:
    jobs.put_if_absent(over)

    with pytest.raises(JobOver):
        jobs.claim(JOB_ID, retention_days=7)
    with pytest.raises(JobOver):
        jobs.complete(JOB_ID, over.attempt, replace(OUTPUT, bytes=1))
    with pytest.raises(JobOver):
        jobs.fail(JOB_ID, over.attempt, Failure("INPUT_TOO_LONG", "too long"))
    assert jobs.get(JOB_ID) == over


def test_the_claimant_completes_the_job(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    claimed = jobs.claim(JOB_ID, retention_days=7)

    jobs.complete(JOB_ID, claimed.attempt, OUTPUT)

    found = jobs.get(JOB_ID)
    assert (found.status, found.output, found.failure) == (Status.COMPLETED, OUTPUT, None)
    assert found.updated_at >= claimed.updated_at


def test_the_claimant_fails_the_job(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    claimed = jobs.claim(JOB_ID, retention_days=7)

    jobs.fail(JOB_ID, claimed.attempt, FAILURE)

    found = jobs.get(JOB_ID)
    assert (found.status, found.output, found.failure) == (Status.FAILED, None, FAILURE)


def test_finishing_again_after_a_lost_answer_is_no_error(jobs: JobStore) -> None:
    for job_id, finish in (("a" * 32, "complete"), ("b" * 32, "fail")):
        jobs.put_if_absent(a_job(job_id=job_id))
        attempt = jobs.claim(job_id, retention_days=7).attempt
        outcome = OUTPUT if finish == "complete" else FAILURE
        getattr(jobs, finish)(job_id, attempt, outcome)
        before = jobs.get(job_id)

        getattr(jobs, finish)(job_id, attempt, outcome)

        assert jobs.get(job_id) == before


def test_a_job_that_is_gone_cannot_be_finished(jobs: JobStore) -> None:
    with pytest.raises(JobNotFound):
        jobs.complete(JOB_ID, 1, OUTPUT)
    with pytest.raises(JobNotFound):
        jobs.fail(JOB_ID, 1, FAILURE)


def test_of_two_attempts_only_the_newer_speaks(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    zombie = jobs.claim(JOB_ID, retention_days=7).attempt
    heir = jobs.claim(JOB_ID, retention_days=7).attempt

    with pytest.raises(SupersededAttempt):
        jobs.complete(JOB_ID, zombie, OUTPUT)
    assert jobs.get(JOB_ID).status is Status.PROCESSING

    won = replace(OUTPUT, key=JOB.output_key(heir))
    jobs.complete(JOB_ID, heir, won)
    with pytest.raises(SupersededAttempt):
        jobs.fail(JOB_ID, zombie, FAILURE)
    assert jobs.get(JOB_ID).output == won


@dataclass
class Model:
    """The rule by which any interleaving is judged."""

    attempt: int = 0
    over: bool = False

    def may_finish(self, attempt: int) -> bool:
        return not self.over and attempt == self.attempt and attempt > 0


_steps = st.lists(
    st.one_of(
        st.just(("claim", 0)),
        st.tuples(st.sampled_from(["complete", "fail"]), st.integers(1, 4)),
    ),
    max_size=12,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_steps)
def test_any_interleaving_of_attempts_ends_once(jobs: JobStore, steps) -> None:
    job_id, model, marks = uuid.uuid4().hex, Model(), itertools.count(1)
    jobs.put_if_absent(a_job(job_id=job_id))
    for step, attempt in steps:
        before = jobs.get(job_id)
        allowed = not model.over if step == "claim" else model.may_finish(attempt)
        try:
            if step == "claim":
                assert jobs.claim(job_id, retention_days=7).attempt == model.attempt + 1
            elif step == "complete":
                jobs.complete(job_id, attempt, replace(OUTPUT, bytes=next(marks)))
            else:
                jobs.fail(job_id, attempt, Failure("CORRUPT_INPUT", f"no. {next(marks)}"))
        except FenceError:
            assert not allowed
            assert jobs.get(job_id) == before
        else:
            assert allowed
            model.attempt += step == "claim"
            model.over = step != "claim"
    assert jobs.get(job_id).status.is_terminal == model.over
