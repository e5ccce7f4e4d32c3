"""The clean-up as a function: by the hour, and when somebody asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from conversion.cleaned import Cleaned, Kind, NotRemoved
from conversion.clock import expiry, timestamp, utc_now
from conversion.job import Job
from conversion.settings import CleanUpSettings
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET, LONG_AGO, completed
from tests.contract.throttled import refused
from tests.unit.lambdas.conftest import Answer, Context, Deployment, load

FUNCTION = "clean_up"
SETTINGS = CleanUpSettings(BUCKET, tables.UPLOADS, tables.JOBS, tables.PROGRESS)
NOTHING = {kind.value: {"count": 0, "bytes": 0} for kind in Kind}


@pytest.fixture(scope="module")
def module() -> Any:
    with pretend.aws():
        return load(FUNCTION, SETTINGS.to_env())


@pytest.fixture
def world(deployment: Deployment, module: Any) -> Deployment:
    deployment.functions = deployment.functions | {FUNCTION: module}
    return deployment


@pytest.fixture
def expired(world: Deployment) -> Job:
    """A completed job of long ago, with an output of ten bytes."""
    job = completed(created_at="2001-09-09T01:46:40.000Z", expires_at=LONG_AGO)
    world.jobs.put_if_absent(job)
    world.s3.put_object(Bucket=BUCKET, Key=job.output_key(1), Body=b"x" * 10)
    return job


def is_there(world: Deployment, job: Job) -> bool:
    found = world.s3.list_objects_v2(Bucket=BUCKET, Prefix=job.output_key(1))["KeyCount"]
    item = world.dynamodb.get_item(TableName=tables.JOBS, Key={"jobId": {"S": job.job_id}})
    assert bool(found) == ("Item" in item)
    return bool(found)


def ask(world: Deployment, event: Any, body: str) -> Answer:
    asked = event("http_create_job") | {
        "routeKey": "POST /v1/cleanup",
        "rawPath": "/v1/cleanup",
        "body": body,
    }
    asked["requestContext"]["routeKey"] = asked["routeKey"]
    asked["requestContext"]["http"]["path"] = asked["rawPath"]
    return world.call(FUNCTION, asked)


class Scheduled(Context):
    def __init__(self, seconds: float = 900) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


REMOVED = NOTHING | {"jobs": {"count": 1, "bytes": 0}, "outputs": {"count": 1, "bytes": 10}}


def test_the_schedule_cleans_up_and_logs_counts_and_bytes(
    world: Deployment, expired: Job, event: Any, log: Callable[[], list[dict[str, Any]]]
) -> None:
    answered = world.functions[FUNCTION].handler(event("schedule"), Scheduled())

    said = {"dryRun": False, "complete": True, "removed": REMOVED, "failures": 0}
    assert answered == said
    assert not is_there(world, expired)
    (line,) = [each for each in log() if each["message"] == "cleaned up"]
    assert {name: line[name] for name in said} == said


def test_a_schedule_without_time_left_says_that_there_is_more(
    world: Deployment, expired: Job, event: Any
) -> None:
    answered = world.functions[FUNCTION].handler(event("schedule"), Scheduled(seconds=59))
    assert (answered["complete"], answered["removed"]) == (False, NOTHING)
    assert is_there(world, expired)


@pytest.mark.parametrize("body", ["{}", '{"dryRun": false}', '{"dryRun": null}'])
def test_a_request_cleans_up(world: Deployment, expired: Job, event: Any, body: str) -> None:
    answer = ask(world, event, body)

    assert answer.status == 200
    assert answer.json == {"dryRun": False, "complete": True, "removed": REMOVED, "failures": 0}
    assert not is_there(world, expired)


def test_a_dry_run_says_the_same_and_removes_nothing(
    world: Deployment, expired: Job, event: Any
) -> None:
    answer = ask(world, event, '{"dryRun": true}')

    assert answer.json == {"dryRun": True, "complete": True, "removed": REMOVED, "failures": 0}
    assert is_there(world, expired)


@pytest.mark.parametrize(
    "body", ["", "[]", "nonsense", '{"dryRun": "yes"}', '{"dryRun": 1}', '{"dryrun": true}']
)
def test_what_is_misspelt_removes_nothing(
    world: Deployment, expired: Job, event: Any, body: str
) -> None:
    assert ask(world, event, body).is_problem(400, "INVALID_REQUEST")
    assert is_there(world, expired)


def test_a_request_answers_before_the_gateway_gives_up(
    world: Deployment, module: Any, expired: Job, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.0)
    answer = ask(world, event, "{}")
    assert (answer.status, answer.json["complete"]) == (200, False)
    assert is_there(world, expired)


def test_a_live_job_is_not_removed_by_any_of_them(world: Deployment, event: Any) -> None:
    now = utc_now()
    job = completed(created_at=timestamp(now), expires_at=expiry(now, 7))
    world.jobs.put_if_absent(job)
    world.s3.put_object(Bucket=BUCKET, Key=job.output_key(1), Body=b"x")

    world.functions[FUNCTION].handler(event("schedule"), Scheduled())
    ask(world, event, "{}")

    assert is_there(world, job)


def test_failures_are_counted_for_the_caller_and_told_in_the_log(
    world: Deployment,
    module: Any,
    event: Any,
    log: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed = Cleaned(False, failures=[(Kind.DROPPED, NotRemoved("S3 refused: AccessDenied."))] * 30)
    failed.failures.insert(0, (Kind.JOBS, KeyError("status")))
    monkeypatch.setattr(module, "clean_up", lambda *_: replace(failed))

    assert ask(world, event, "{}").json["failures"] == 31

    told = [(each["kind"], each["code"]) for each in log() if each["message"] == "not removed"]
    assert told[:2] == [("jobs", "KeyError"), ("dropped", "NOT_REMOVED")]
    assert len(told) == 20


def test_the_log_holds_no_file_name(
    world: Deployment, expired: Job, event: Any, log: Callable[[], list[dict[str, Any]]]
) -> None:
    ask(world, event, "{}")
    assert log()
    assert "live" not in json.dumps(log(), ensure_ascii=False)


def test_a_scheduled_run_that_could_not_remove_all_fails_when_it_has_done_the_rest(
    world: Deployment,
    module: Any,
    expired: Job,
    event: Any,
    log: Callable[[], list[dict[str, Any]]],
) -> None:
    """So that an alarm tells."""
    with (
        refused(module.objects._client, "ListMultipartUploads"),
        pytest.raises(module.CleanUpIncomplete, match=r"\d removals failed"),
    ):
        module.handler(event("schedule"), Scheduled())

    assert not is_there(world, expired)
    (line,) = [each for each in log() if each["message"] == "cleaned up"]
    assert line["failures"] > 0
