"""Of a converter's log only what is on the list is shown, and no name of a resource."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from conversion.log_lines import read_line, without_names
from tests.contract.examples import BUCKET, JOB_ID

HEARD_AT = datetime(2026, 11, 21, 9, 30, 14, tzinfo=UTC)


def line(**told: Any) -> str:
    usual = {
        "time": "2026-11-21T09:30:12.345+00:00",
        "level": "WARNING",
        "jobId": JOB_ID,
        "logger": "tasks.converter.convert",
        "message": "failed",
    }
    return json.dumps(usual | told)


def test_a_line_has_its_time_level_message_and_fields() -> None:
    read = read_line(line(code="CORRUPT_INPUT", attempt=2), HEARD_AT, JOB_ID)

    assert read is not None
    assert read.at == datetime(2026, 11, 21, 9, 30, 12, 345000, tzinfo=UTC)
    assert (read.level, read.message) == ("WARNING", "failed")
    assert read.fields == {"code": "CORRUPT_INPUT", "attempt": 2}


@pytest.mark.parametrize(
    "name", ["pid", "command", "key", "trace", "logger", "url", "task", "anything"]
)
def test_what_is_not_on_the_list_is_not_shown(name: str) -> None:
    read = read_line(line(**{name: "x"}), HEARD_AT, JOB_ID)

    assert read is not None
    assert read.fields == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Killed",
        "[1, 2]",
        "null",
        '{"half":',
        "[" * 100_000,
        json.dumps({"message": "of no job"}),
        json.dumps({"jobId": "b" * 32, "message": "of another job"}),
    ],
)
def test_what_is_no_line_of_the_job_is_left_out(text: str) -> None:
    assert read_line(text, HEARD_AT, JOB_ID) is None


@pytest.mark.parametrize("time", [None, 3, "yesterday", "2026-11-21T09:30:12"])
def test_a_line_without_a_time_of_its_own_is_of_when_it_was_heard(time: Any) -> None:
    read = read_line(line(time=time), HEARD_AT, JOB_ID)

    assert read is not None
    assert read.at == HEARD_AT


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('at "https://123456789012.ddb.eu-west-1.amazonaws.com/" now', 'at "…" now'),
        (f"arn:aws:s3:::{BUCKET}/uploads/a.wav is gone", "… is gone"),
        ("User 123456789012 may not", "User … may not"),
        ("sluice-x7.serverless.euw1.cache.amazonaws.com:6379 refused", "… refused"),
        ("Connection to 10.0.12.7:6379 failed", "Connection to … failed"),
        (f"bucket {BUCKET} says no", "bucket … says no"),
        ("nothing at uploads/0f8fad5b.wav there", "nothing at … there"),
        ("read 5292044 of 84672078 bytes in 3.642 s", "read 5292044 of 84672078 bytes in 3.642 s"),
    ],
)
def test_names_of_resources_are_hidden_in_what_is_said(said: str, shown: str) -> None:
    read = read_line(line(message=said, reason=said, stderr=[said]), HEARD_AT, JOB_ID, [BUCKET])

    assert read is not None
    assert read.message == shown
    assert read.fields == {"reason": shown, "stderr": [shown]}


def test_a_name_is_hidden_whole_where_another_begins_it() -> None:
    assert without_names("sluice-data-2 and sluice-data", ["sluice-data", "sluice-data-2"]) == (
        "… and …"
    )


def test_nothing_grows_beyond_what_anybody_reads() -> None:
    long = line(
        message="x" * 10_000, stderr=["y" * 10_000] * 1000, sound={"tags": {"a": "z" * 999}}
    )
    read = read_line(long, HEARD_AT, JOB_ID)

    assert read is not None
    assert len(read.message) == 500
    assert len(read.fields["stderr"]) == 40
    assert len(read.fields["sound"]["tags"]["a"]) == 500
