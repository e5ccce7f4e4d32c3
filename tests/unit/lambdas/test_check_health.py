"""GET /v1/health: what answers, what does not, and what that means."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from conversion.job import Status
from conversion.stores import clients, vital_signs
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET, JOB_ID, a_job
from tests.unit.lambdas.conftest import CLUSTER, SETTINGS, Answer, Context, asking, load

CAPACITY = [
    "mostOpenUploads", "mostRunningJobs", "mostWaitingJobs", "openUploads", "runningJobs",
    "waitingJobs",
]  # fmt: skip


@pytest.fixture
def module(deployment, monkeypatch) -> Any:
    """As after a cold start, with a cluster and a task definition beside the rest."""
    ecs = clients.ecs()
    ecs.create_cluster(clusterName="sluice")
    ecs.register_task_definition(
        family="converter", containerDefinitions=[{"name": "converter", "image": "i", "memory": 1}]
    )
    module = deployment.functions["check_health"]
    monkeypatch.setattr(module, "memory", module.Memory())
    return module


@pytest.fixture
def ask(deployment, event, module) -> Callable[..., Answer]:
    def asked(path: str = "/v1/health") -> Answer:
        return deployment.call("check_health", asking(event("http_get_job"), "GET", path))

    return asked


def failing(answer: Answer) -> list[str]:
    return [each["name"] for each in answer.json["checks"] if each["status"] == "failed"]


@pytest.fixture
def breaks(module, monkeypatch) -> Callable[[str], None]:
    def break_(name: str) -> None:
        def down() -> None:
            raise EndpointConnectionError(endpoint_url=f"https://{pretend.ACCOUNT}.{name}.aws")

        checks = [replace(each, ask=down) if each.name == name else each for each in module.checks]
        assert checks != module.checks
        monkeypatch.setattr(module, "checks", checks)

    return break_


@pytest.mark.parametrize("path", ["/v1/health", "/api/health"])
def test_a_deployment_that_is_well_says_so_of_each_part(ask, path) -> None:
    answer = ask(path)

    assert (answer.status, answer.json["status"]) == (200, "ok"), answer.text
    assert sorted(answer.json) == ["capacity", "checks", "status", "time"]
    names = [each["name"] for each in answer.json["checks"]]
    assert names == ["s3", "dynamodb", "stepFunctions", "ecs"]
    for each in answer.json["checks"]:
        assert sorted(each) == ["milliseconds", "name", "problem", "status"]
        assert (each["status"], each["problem"]) == ("ok", None)
        assert each["milliseconds"] > 0
    assert answer.json["capacity"] == dict.fromkeys(CAPACITY, 0) | {
        "mostOpenUploads": 1000,
        "mostRunningJobs": 100,
        "mostWaitingJobs": 1000,
    }


@pytest.mark.parametrize("gone", ["s3", "dynamodb"])
def test_without_files_or_records_it_is_down(ask, breaks, gone) -> None:
    breaks(gone)
    answer = ask()

    assert (answer.status, answer.json["status"]) == (503, "down")
    assert failing(answer) == [gone]
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("gone", ["stepFunctions", "ecs"])
def test_without_another_it_is_degraded(ask, breaks, gone) -> None:
    breaks(gone)
    answer = ask()

    assert (answer.status, answer.json["status"]) == (200, "degraded")
    assert failing(answer) == [gone]


def remove_bucket(_: Any) -> None:
    clients.s3().delete_bucket(Bucket=BUCKET)


def remove_table(_: Any) -> None:
    clients.dynamodb().delete_table(TableName=tables.PROGRESS)


def remove_machine(module: Any) -> None:
    arn = module.settings.state_machine_arn
    clients.step_functions().delete_state_machine(stateMachineArn=arn)


def remove_cluster(_: Any) -> None:
    clients.ecs().delete_cluster(cluster=CLUSTER)


@pytest.mark.parametrize(
    ("remove", "name", "status"),
    [
        (remove_bucket, "s3", 503),
        (remove_table, "dynamodb", 503),
        (remove_machine, "stepFunctions", 200),
        (remove_cluster, "ecs", 200),
    ],
)
def test_what_was_taken_away_is_missed(module, ask, remove, name, status) -> None:
    remove(module)
    answer = ask()

    assert (answer.status, failing(answer)) == (status, [name])


def test_nothing_leaves_that_names_a_resource_or_an_error(module, ask, breaks) -> None:
    for name in ("s3", "dynamodb", "stepFunctions", "ecs"):
        breaks(name)

    answer = ask()

    assert answer.status == 503
    for secret in ("arn:", pretend.ACCOUNT, BUCKET, "Endpoint", "https", "aws"):
        assert secret not in answer.text
    for each in answer.json["checks"]:
        assert each["problem"].endswith(".")


def test_why_a_check_failed_is_in_the_log(ask, breaks, log) -> None:
    breaks("ecs")
    ask()

    (line,) = [each for each in log() if each.get("check") == "ecs"]
    assert line["level"] == "ERROR"
    assert pretend.ACCOUNT in line["trace"]


def test_what_is_taken_is_counted(deployment, module, ask) -> None:
    module.slots.take(JOB_ID)
    for job_id in (JOB_ID, "b" * 32, "c" * 32):
        deployment.jobs.put_if_absent(a_job(job_id=job_id, status=Status.CREATED))

    capacity = ask().json["capacity"]

    assert (capacity["runningJobs"], capacity["waitingJobs"]) == (1, 2)


def test_where_no_more_jobs_may_wait_it_is_degraded(deployment, module, ask, monkeypatch) -> None:
    deployment.jobs.put_if_absent(a_job())
    module.slots.take("another")
    monkeypatch.setattr(module, "most", replace(module.most, most_running=1, most_waiting=1))

    answer = ask()

    assert (answer.status, answer.json["status"]) == (200, "degraded")
    assert failing(answer) == []


def test_what_cannot_be_counted_is_not_told(module, ask, monkeypatch) -> None:
    remove_table(module)
    clients.dynamodb().delete_table(TableName=tables.SLOTS)

    capacity = ask().json["capacity"]

    assert [capacity[name] for name in ("runningJobs", "waitingJobs", "openUploads")] == [None] * 3


def test_it_is_answered_from_memory_for_two_seconds(module, ask, breaks, monkeypatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    before = ask().json
    breaks("s3")

    now[0] += 1.9
    assert ask().json == before
    now[0] += 0.2
    assert ask().status == 503


def test_a_service_that_hangs_is_not_waited_for(module, ask, monkeypatch) -> None:
    hangs = threading.Event()
    hung = replace(module.checks[0], ask=lambda: hangs.wait(20) and None)
    checks = [hung, *module.checks[1:]]
    monkeypatch.setattr(module, "checks", checks)
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 1.0)

    answer = ask()
    hangs.set()

    assert (answer.status, failing(answer)) == (503, ["s3"])


def test_it_ends_within_its_time(module) -> None:
    """The function has 10 s (infra/)."""
    assert module.DEADLINE_SECONDS < 10
    for each in (clients.ONCE, clients.PROBE):
        assert each.connect_timeout + each.read_timeout < 10


@pytest.fixture
def with_redis(deployment, event, module) -> Callable[[Callable[..., float]], Answer]:
    """Asked where there is a Redis, whose reader answers so."""

    def asked(answers: Callable[..., float]) -> Answer:
        environment = SETTINGS["check_health"].to_env() | {"SLUICE_REDIS_READER": "reader"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(vital_signs, "redis", answers)
            other = load("check_health", environment)
        answered = other.handler(asking(event("http_get_job"), "GET", "/v1/health"), Context())
        return Answer(answered["statusCode"], answered["headers"], answered["body"])

    return asked


def test_redis_is_told_beside_the_others(with_redis) -> None:
    answer = with_redis(lambda *_: 0.4)

    assert answer.json["status"] == "ok"
    assert answer.json["checks"][-1] == {
        "name": "redis",
        "status": "ok",
        "milliseconds": 0.4,
        "problem": None,
    }


def test_without_its_redis_it_is_degraded(with_redis) -> None:
    def unreachable(*_: Any) -> float:
        raise vital_signs.NotWell("ConnectionError")

    answer = with_redis(unreachable)

    assert (answer.status, answer.json["status"]) == (200, "degraded")
    assert failing(answer) == ["redis"]


def test_the_reader_of_progress_asks_redis_when_it_is_asked_to(deployment) -> None:
    """Here without one; tests/unit/conversion/stores/test_redis_ping.py has the others."""
    assert deployment.invoke("get_progress", {"check": "redis"}) == {"error": "NoRedis"}
