"""Jobs and what they are made of: they survive their own writing, and their ids are determined."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.clock import expiry, timestamp, utc_now
from conversion.conversion import Conversion
from conversion.cost import Cost
from conversion.job import Job, Source, Standing, Status, job_id_for
from conversion.outcome import Failure, Mode, Output
from conversion.stores.attributes import from_attributes, to_attributes
from tests.contract.examples import FAILURE, JOB, LONG_AGO, OUTPUT, SOURCE, a_job
from tests.unit.conversion.asked import conversions

text = st.text(min_size=1, max_size=40)
sizes = st.integers(0, 5 * 1024**4)


sources = st.builds(Source, text, text, text, sizes, text, st.none() | text)
durations = st.floats(0, 1e6, allow_nan=False, allow_subnormal=False).filter(
    lambda each: each == 0 or each > 1e-100  # DynamoDB's smallest number is 1e-130
)
outputs = st.builds(Output, text, sizes, text, text, durations, st.sampled_from(Mode))
costs = st.builds(Cost, durations, durations, sizes, sizes, durations)
jobs = st.builds(
    Job,
    job_id=text,
    file_id=text,
    source=sources,
    conversion=conversions,
    status=st.sampled_from(Status),
    created_at=text,
    updated_at=text,
    expires_at=st.integers(0, 2**40),
    attempt=st.integers(0, 1000),
    output=st.none() | outputs,
    redrive=st.integers(0, 100),
    failure=st.none() | st.builds(Failure, text, text),
    estimate=st.none() | costs,
    cost=st.none() | costs,
)


@given(jobs)
def test_a_job_survives_being_written_and_read(job: Job) -> None:
    assert Job.from_item(job.to_item()) == job
    assert Job.from_item(from_attributes(to_attributes(job.to_item()))) == job
    assert Job.from_item(json.loads(json.dumps(job.to_item()))) == job


def test_a_job_that_the_flow_failed_is_read() -> None:
    """The state machine writes `failure` into an item that has no such field filled."""
    item = a_job().to_item() | {"failure": FAILURE.to_item(), "status": "failed"}
    assert Job.from_item(item).failure == FAILURE
    del item["output"], item["failure"]
    assert Job.from_item(item).output is None


def test_a_job_of_before_redrives_and_costs_is_read() -> None:
    item = a_job().to_item()
    for name in ("redrive", "estimate", "cost"):
        del item[name]
    assert Job.from_item(item) == a_job(redrive=0, estimate=None, cost=None)


@given(jobs)
def test_a_standing_says_what_its_job_says(job: Job) -> None:
    standing = job.standing

    for name in ("job_id", "status", "attempt", "updated_at", "expires_at", "failure"):
        assert getattr(standing, name) == getattr(job, name)
    assert standing.source_bytes == job.source.bytes
    assert standing.has_expired == job.has_expired
    made = (standing.output_bytes, standing.output_seconds)
    assert made == ((job.output.bytes, job.output.duration_seconds) if job.output else (None, None))


def test_a_standing_expires_as_its_job_does() -> None:
    assert isinstance(JOB.standing, Standing)
    assert not JOB.standing.has_expired
    assert replace(JOB, expires_at=LONG_AGO).standing.has_expired


def test_the_id_is_determined_by_object_and_conversion() -> None:
    mp3 = Conversion("mp3")
    job_id = job_id_for(SOURCE, mp3)

    assert re.fullmatch(r"[0-9a-f]{32}", job_id)
    assert job_id_for(replace(SOURCE, bytes=1, file_name="renamed.wav"), mp3) == job_id
    assert job_id_for(replace(SOURCE, etag="other"), mp3) == job_id  # the version says it all
    others = [
        job_id_for(replace(SOURCE, key="uploads/other.wav"), mp3),
        job_id_for(replace(SOURCE, bucket="other"), mp3),
        job_id_for(replace(SOURCE, version_id="other"), mp3),
        job_id_for(replace(SOURCE, version_id=None), mp3),
        job_id_for(replace(SOURCE, version_id=None, etag="another"), mp3),
        job_id_for(SOURCE, Conversion("mp3", 192)),
        job_id_for(SOURCE, mp3, nonce="again"),
    ]
    assert len({job_id, *others}) == 8


def test_the_id_of_today_is_the_id_of_tomorrow() -> None:
    """Changing it would convert everything again whose event is delivered twice."""
    assert job_id_for(SOURCE, Conversion("mp3", 192)) == "af7e28ca59cb09afe0a8d45e90250e1d"


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("talk.wav", "talk.mp3"),
        ("talk", "talk.mp3"),
        (".wav", ".wav.mp3"),
        ("a.b.wav", "a.b.mp3"),
        ("Ärzte – live.wav", "Ärzte – live.mp3"),
        ("نص.wav", "نص.mp3"),
    ],
)
def test_an_output_is_named_after_its_input(given: str, made: str) -> None:
    assert a_job(source=replace(SOURCE, file_name=given)).output_name == made


def test_each_attempt_writes_to_a_key_of_its_own_without_the_name() -> None:
    keys = [JOB.output_key(attempt) for attempt in (1, 2)]
    assert keys == [f"conversions/{JOB.job_id}/{attempt}/output.mp3" for attempt in (1, 2)]


def test_a_new_job_lives_for_the_retention() -> None:
    job = Job.new("id", "file", SOURCE, Conversion("mp3"), retention_days=7)

    assert (job.status, job.attempt, job.output) == (Status.CREATED, 0, None)
    assert abs(job.expires_at - utc_now().timestamp() - 7 * 86400) < 60
    assert not job.has_expired
    assert replace(job, expires_at=LONG_AGO).has_expired
    assert replace(job, expires_at=int(utc_now().timestamp())).has_expired


def test_terminal_statuses() -> None:
    assert {each for each in Status if each.is_terminal} == {
        Status.COMPLETED,
        Status.FAILED,
        Status.CANCELLED,
    }


@pytest.mark.parametrize("status", Status)
def test_what_each_status_may_become(status: Status) -> None:
    created, processing, completed, failed, cancelled = Status
    expected = {
        created: {processing, failed, cancelled},
        processing: {processing, completed, failed, cancelled},
        completed: set(),
        failed: {processing},
        cancelled: set(),
    }
    assert {each for each in Status if status.may_become(each)} == expected[status]


def test_every_status_can_be_reached_and_what_is_over_stays_unless_it_failed() -> None:
    reached = {Status.CREATED}
    while more := {new for old in reached for new in Status if old.may_become(new)} - reached:
        reached |= more
    assert reached == set(Status)
    final = {each for each in Status if not any(each.may_become(other) for other in Status)}
    assert final == {each for each in Status if each.is_terminal} - {Status.FAILED}


@given(st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1)), st.integers(0, 10**9))
def test_timestamps_sort_as_time_does(moment: datetime, seconds: int) -> None:
    earlier = moment.replace(tzinfo=UTC)
    later = (earlier + timedelta(seconds=seconds)).astimezone(timezone(timedelta(hours=9)))

    assert timestamp(earlier) <= timestamp(later)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp(later))


def test_expiry_counts_days() -> None:
    assert expiry(datetime(2026, 11, 21, tzinfo=UTC), 1) == 1795305600


def test_an_output_reads_a_whole_duration() -> None:
    assert Output.from_item(OUTPUT.to_item() | {"durationSeconds": 60}).duration_seconds == 60.0
