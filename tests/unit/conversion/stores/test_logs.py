"""A job's lines in the log of the converters: its own, the last of them, and no longer than there
is time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from conversion.clock import timestamp
from conversion.errors import RecordsUnavailable
from conversion.history import Log
from conversion.job import Status
from conversion.stores import clients
from conversion.stores.logs import KEPT, MOST_LINES, Logs
from tests.contract.examples import BUCKET, JOB_ID, a_job

GROUP = "/sluice/converter"
CREATED = datetime(2026, 11, 21, 9, 30, 12, tzinfo=UTC)
NOW = CREATED + timedelta(hours=1)
OVER = a_job(status=Status.FAILED, updated_at="2026-11-21T09:31:12.000Z")
ASKED = {
    "logGroupName": GROUP,
    "filterPattern": f'{{ $.jobId = "{JOB_ID}" }}',
    "startTime": ANY,
    "endTime": ANY,
    "startFromHead": False,
}


def always() -> bool:
    return True


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs' own day, whenever the tests run."""
    monkeypatch.setattr("conversion.stores.logs.utc_now", lambda: NOW)


@pytest.fixture
def client(aws: None) -> Any:
    return clients.logs()


@pytest.fixture
def logs(client: Any) -> Logs:
    return Logs(client, GROUP)


@pytest.fixture
def service(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def said(number: int, job_id: str = JOB_ID, **told: Any) -> dict[str, Any]:
    """The line of the `number`th second, as FilterLogEvents gives it."""
    at = CREATED + timedelta(seconds=number)
    line = {"time": at.isoformat(), "level": "INFO", "jobId": job_id, "message": f"line {number}"}
    return {
        "timestamp": int(at.timestamp() * 1000),
        "message": json.dumps(line | told),
        "eventId": str(number),
        "logStreamName": "converter/converter/1dc5c17a422b4dc4b493371970c6c4d6",
    }


def messages(log: Log) -> list[str]:
    return [each.message for each in log.lines]


def test_the_lines_of_the_job_are_found_among_all(client: Any, logs: Logs) -> None:
    """In moto, whose FilterLogEvents knows JSON patterns as little as the engine's does."""
    client.create_log_group(logGroupName=GROUP)
    for stream, events in {
        "converter/converter/1": [said(1), said(2, "b" * 32)],
        "converter/converter/2": [said(3), {**said(4), "message": "Killed"}],
    }.items():
        client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        client.put_log_events(
            logGroupName=GROUP,
            logStreamName=stream,
            logEvents=[{"timestamp": e["timestamp"], "message": e["message"]} for e in events],
        )

    log = logs.of(OVER, (), always)

    assert messages(log) == ["line 1", "line 3"]
    assert log.is_whole


def test_it_is_asked_for_by_the_jobs_id_and_within_its_life(logs: Logs, service: Stubber) -> None:
    margin = timedelta(minutes=5)
    ended = datetime.fromisoformat(OVER.updated_at)
    times = {
        "startTime": int((CREATED - margin).timestamp() * 1000),
        "endTime": int((ended + margin).timestamp() * 1000),
    }
    service.add_response("filter_log_events", {"events": []}, ASKED | times)

    assert logs.of(OVER, (), always) == Log()


def test_the_log_of_a_job_that_runs_is_read_until_now(logs: Logs, service: Stubber) -> None:
    sent: dict[str, Any] = {}
    service.client.meta.events.register(
        "provide-client-params.cloudwatch-logs.FilterLogEvents",
        lambda params, **_: sent.update(params),
    )
    service.add_response("filter_log_events", {"events": []})

    logs.of(a_job(status=Status.PROCESSING), (), always)

    assert sent["endTime"] >= int(NOW.timestamp() * 1000)


def test_pages_are_read_on_also_behind_an_empty_one(logs: Logs, service: Stubber) -> None:
    service.add_response("filter_log_events", {"events": [said(9)], "nextToken": "a"}, ASKED)
    service.add_response(
        "filter_log_events", {"events": [], "nextToken": "b"}, ASKED | {"nextToken": "a"}
    )
    service.add_response("filter_log_events", {"events": [said(1)]}, ASKED | {"nextToken": "b"})

    log = logs.of(OVER, (), always)

    assert messages(log) == ["line 1", "line 9"]
    assert log.is_whole


def test_of_a_long_log_the_end_is_told(logs: Logs, service: Stubber) -> None:
    newest_first = [said(number) for number in range(MOST_LINES, -1, -1)]
    service.add_response("filter_log_events", {"events": newest_first})

    log = logs.of(OVER, (), always)

    assert messages(log) == [f"line {number}" for number in range(1, MOST_LINES + 1)]
    assert not log.is_whole


def test_without_time_no_further_page_is_asked_for(logs: Logs, service: Stubber) -> None:
    service.add_response("filter_log_events", {"events": [said(9)], "nextToken": "a"})
    log = logs.of(OVER, (), lambda: False)

    assert messages(log) == ["line 9"]
    assert not log.is_whole


def test_empty_pages_are_not_followed_for_ever(logs: Logs, service: Stubber) -> None:
    for _ in range(10):
        service.add_response("filter_log_events", {"events": [], "nextToken": "a"})

    assert logs.of(OVER, (), always) == Log(is_whole=False)


def test_the_names_it_is_told_to_hide_are_hidden(logs: Logs, service: Stubber) -> None:
    lost = said(1, message="lost", reason=f"Bucket {BUCKET} is gone")
    service.add_response("filter_log_events", {"events": [lost]})

    (line,) = logs.of(OVER, (BUCKET,), always).lines
    assert line.fields == {"reason": "Bucket … is gone"}


@pytest.mark.parametrize(
    ("code", "status"),
    [("ThrottlingException", 400), ("ServiceUnavailableException", 503), ("InternalFailure", 500)],
)
def test_what_passes_is_transient(logs: Logs, service: Stubber, code: str, status: int) -> None:
    service.add_client_error("filter_log_events", code, http_status_code=status)
    with pytest.raises(RecordsUnavailable, match="CloudWatch Logs"):
        logs.of(OVER, (), always)


def test_what_we_may_not_read_is_ours_to_mend(logs: Logs, service: Stubber) -> None:
    service.add_client_error("filter_log_events", "AccessDeniedException")
    with pytest.raises(ClientError):
        logs.of(OVER, (), always)


def test_what_is_older_than_the_log_is_kept_is_not_whole(logs: Logs, service: Stubber) -> None:
    long_ago = timestamp(NOW - KEPT - timedelta(minutes=1))
    service.add_response("filter_log_events", {"events": []})
    old = replace(OVER, created_at=long_ago, updated_at=long_ago)
    assert logs.of(old, (), always) == Log(is_whole=False)
