"""`sluice smoke`: of a deployment that keeps its promises nothing fails, and each broken one is
found."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.client.conftest import SLUICE, Ran, Run, environment
from tests.client.promising import MADE, Promising, made

CLUSTER = "arn:aws:ecs:eu-central-1:123456789012:cluster/sluice"
STEPS = (
    *("health", "formats", "upload", "upload in parts"),
    *(f"convert to {each}" for each in MADE),
    *("download", "sent twice", "cancel", "killed task", "no audio", "cut off", "refusals"),
    *("users", "progress", "dry clean-up", "tidy"),
)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Promising]:
    """One whose jobs are seen at work once before they are over."""
    monkeypatch.setattr("tests.client.service.converted", made)
    for name in MADE:
        monkeypatch.setitem(sys.modules["tests.client.service"].FORMATS, name, name)
    monkeypatch.setenv("PATH", "")  # no ffmpeg could play what is made here
    monkeypatch.setattr("client.smoke.sounds._NOISE_SECONDS", 30)
    monkeypatch.setattr("client.retry.LEAST_POLL", 0.01)
    with Promising() as service:
        service.polls_until_over = 3
        service.single_put_bytes, service.part_bytes = 200_000, 300_000
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECS", service.origin)
        yield service


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def steps(ran: Ran) -> dict[str, dict[str, Any]]:
    return {each["step"]: each for each in ran.objects}


def smoke(tend: Run, *more: str) -> Ran:
    return tend("smoke", "--json", "--users", "3", "--cluster", CLUSTER, *more)


def failed(ran: Ran) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in steps(ran).items() if each["status"] == "failed"}


def test_of_a_deployment_that_keeps_its_promises_every_step_passes(
    service: Promising, tend: Run
) -> None:
    ran = smoke(tend)
    assert {name: each["status"] for name, each in steps(ran).items()} == dict.fromkeys(
        STEPS, "passed"
    ), ran.stdout
    assert (ran.code, ran.stderr) == (0, "")


def test_people_get_a_table(service: Promising, tend: Run) -> None:
    ran = tend("smoke", "--users", "1")
    assert ran.code == 0
    heading, *rows = ran.stdout.splitlines()
    assert heading.split() == ["STEP", "STATUS", "SECONDS", "WHAT"]
    assert len(rows) == len(STEPS)
    assert "passed: convert to flac (" in ran.stderr


def test_whatever_it_makes_goes_with_its_download_or_is_cancelled(
    service: Promising, tend: Run
) -> None:
    assert smoke(tend).code == 0
    assert all(each["deleteAfterDownload"] for each in service.jobs_asked)
    fetched = {
        path.rpartition("/")[2].partition("?")[0] for kind, path in service.log if kind == "get"
    }
    completed = {each for each, job in service.jobs.items() if service.status(job) == "completed"}
    assert completed <= fetched
    assert {service.status(each) for each in service.jobs.values()} <= {
        *("completed", "failed", "cancelled")
    }


def test_each_user_sends_a_sound_of_its_own(service: Promising, tend: Run) -> None:
    assert smoke(tend).code == 0
    users = [u for u in service.uploads.values() if "-user-" in u["fileName"]]
    assert len({each["fileName"] for each in users}) == 3
    assert [each["conversions"] for each in users] == [[{"format": "flac"}]] * 3


def test_a_users_output_that_is_anothers_is_found_out(service: Promising, tend: Run) -> None:
    service.shares_outputs = True
    ran = smoke(tend)
    assert ran.code == 1
    assert "not those that were sent" in failed(ran)["users"]["detail"]


def test_a_percentage_that_falls_is_found_out(service: Promising, tend: Run) -> None:
    service.falls = True
    ran = smoke(tend)
    assert ran.code == 1
    assert failed(ran)["convert to wav"]["code"] == "NOT_AS_PROMISED"
    assert "fell from 33 % to 1 %" in failed(ran)["convert to wav"]["detail"]


def test_progress_that_is_never_told_is_found_out(service: Promising, tend: Run) -> None:
    service.shows_nothing = True
    told = failed(smoke(tend))
    assert set(told) == {"cancel", "killed task", "progress"}
    assert "none was ever seen between 0 and 100 %" in told["progress"]["detail"]


def test_a_format_that_comes_too_short_is_found_out(
    service: Promising, tend: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = lambda content, target: made(content, target)[:90_000]  # noqa: E731
    monkeypatch.setattr("tests.client.service.converted", half)
    told = failed(smoke(tend))
    assert set(told) == {"convert to wav"}
    assert "2 s were sent, and 1.020 s came back" in told["convert to wav"]["detail"]


def test_s3_without_ranges_is_found_out(service: Promising, tend: Run) -> None:
    service.serves_ranges = False
    assert set(failed(smoke(tend))) == {"download"}


def test_a_deployment_that_is_ill_fails_and_is_tried_all_the_same(
    service: Promising, tend: Run
) -> None:
    ill = {"name": "redis", "status": "failed", "milliseconds": None, "problem": "Mend it."}
    service.answers["health"] = {"status": "degraded", "checks": [ill], "capacity": None}
    ran = smoke(tend)
    assert (ran.code, set(failed(ran))) == (1, {"health"})
    assert "redis: Mend it." in steps(ran)["health"]["detail"]


def test_a_request_that_is_taken_though_it_should_be_refused_is_found_out(
    service: Promising, tend: Run
) -> None:
    service.answers["formats"]["limits"] = {"maxUploadBytes": 1000}
    ran = smoke(tend)
    assert set(failed(ran)) == {"refusals"}
    assert "INPUT_TOO_LARGE was taken" in failed(ran)["refusals"]["detail"]
    assert service.count("abort") == 1


def test_where_nothing_arrives_what_hangs_on_it_is_skipped(service: Promising, tend: Run) -> None:
    service.door = lambda seen: 403 if seen.kind == "create_upload" else None
    ran = smoke(tend)
    assert ran.code == 1
    told = steps(ran)
    assert told["upload"]["status"] == "failed"
    assert told["convert to flac"] == {
        "step": "convert to flac",
        "status": "skipped",
        "seconds": pytest.approx(0, abs=1),
        "detail": "not tried: upload did not pass",
        "code": None,
    }


def test_without_a_cluster_no_task_is_stopped_and_it_says_so(service: Promising, tend: Run) -> None:
    ran = tend("smoke", "--json", "--users", "1")
    assert (ran.code, steps(ran)["killed task"]["status"]) == (0, "skipped")
    assert "--cluster" in steps(ran)["killed task"]["detail"]
    assert service.seen_by_ecs == []


def test_the_task_of_its_own_job_is_stopped_and_no_other(service: Promising, tend: Run) -> None:
    assert smoke(tend).code == 0
    stopped = [body["task"] for action, body, _ in service.seen_by_ecs if action == "StopTask"]
    (arn,) = stopped
    job = service.jobs[arn.rpartition("/")[2]]
    assert (job.format, job.conversion["sampleRate"]) == ("opus", 48_000)
    assert {body["cluster"] for _, body, _ in service.seen_by_ecs} == {CLUSTER}
    signed = {
        "ListTasks": "/eu-central-1/ecs/aws4_request",
        "SignedHeaders": "content-type;host;x-amz-date;x-amz-target",
    }
    assert all(each in service.seen_by_ecs[0][2] for each in signed.values())


@pytest.mark.parametrize("action", ["ListTasks", "DescribeTasks", "StopTask"])
def test_who_names_a_cluster_and_may_not_stop_its_tasks_has_not_proved_it(
    service: Promising, tend: Run, action: str
) -> None:
    service.denies = action
    ran = smoke(tend)
    assert (ran.code, set(failed(ran))) == (1, {"killed task"})
    assert f"may not ecs:{action}" in steps(ran)["killed task"]["detail"]


def test_its_task_is_found_among_more_than_ecs_lists_at_once(service: Promising, tend: Run) -> None:
    service.other_tasks = 101
    ran = smoke(tend)
    assert steps(ran)["killed task"]["status"] == "passed", ran.stdout
    described = [len(body["tasks"]) for action, body, _ in service.seen_by_ecs if body.get("tasks")]
    assert max(described) == 100


def test_a_job_that_is_over_before_its_task_is_found_is_told_as_that(
    service: Promising, tend: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.client.promising._task", lambda arn: {"taskArn": arn})
    monkeypatch.setattr("client.smoke.faults._LOOK_SECONDS", 0.01)
    told = failed(smoke(tend))
    assert set(told) == {"killed task"}
    assert "was completed before its task was found" in told["killed task"]["detail"]


def test_a_job_that_cannot_be_cancelled_is_left_and_named(service: Promising, tend: Run) -> None:
    service.door = lambda seen: 403 if seen.kind == "cancel" else None
    told = failed(smoke(tend))
    assert set(told) == {"cancel", "tidy"}
    (left,) = (job for job in service.jobs.values() if service.status(job) == "processing")
    assert f"{left.job_id} (" in told["tidy"]["detail"]


def test_what_ends_by_itself_was_not_cancelled(
    service: Promising, tend: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs whose progress nobody could see are asked for again by nobody: two ended meanwhile."""
    service.falls = True
    ran = smoke(tend)
    fell = [each for each in service.jobs.values() if each.polls == 2]
    for each in fell:
        assert each.cancelled
    told = steps(ran)["tidy"]
    assert (told["status"], told["detail"].split()[0]) == ("passed", str(len(fell)))


def test_a_clean_up_that_the_caller_may_not_is_skipped(service: Promising, tend: Run) -> None:
    service.door = lambda seen: 403 if seen.kind == "cleanup" else None
    ran = smoke(tend)
    assert (ran.code, steps(ran)["dry clean-up"]["status"]) == (0, "skipped")


def test_an_api_that_does_not_answer_is_exit_code_3(tend: Run) -> None:
    ran = tend("smoke", "--json", api="http://127.0.0.1:9/v1")
    assert (ran.code, list(steps(ran))) == (3, ["health"])


def test_a_cluster_needs_the_deployment_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLUICE_API", raising=False)
    ran = subprocess.run(
        [*SLUICE, "smoke", "--cluster", CLUSTER], capture_output=True, text=True, env=environment()
    )
    assert ran.returncode == 2
    assert "--api" in ran.stderr


def test_a_clusters_name_without_a_region_is_wrong_usage(service: Promising, tend: Run) -> None:
    ran = tend("smoke", "--cluster", "sluice")
    assert ran.code == 2
    assert "--region" in ran.stderr


def test_after_ctrl_c_its_jobs_are_cancelled(
    service: Promising, spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    service.polls_until_over = 1_000_000
    process = spawn(*SLUICE, "smoke", "--users", "1", "--api", service.url)
    deadline = time.monotonic() + 60
    # Each has been asked for its progress: the client has learnt its id.
    while sum(job.polls > 0 for job in service.jobs.copy().values()) < len(MADE):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert {service.status(each) for each in service.jobs.values()} == {"cancelled"}


@pytest.mark.long
def test_the_local_pipeline_keeps_every_promise() -> None:
    """A pipeline of its own, in which it stops a task too."""
    ran = subprocess.run(
        [*SLUICE, "smoke", "--json"], capture_output=True, text=True, env=environment(), timeout=900
    )
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {each["status"] for each in told} == {"passed"}, ran.stdout + ran.stderr
    assert "killed task" in {each["step"] for each in told}
    assert sum(each["step"].startswith("convert to ") for each in told) == 13
    assert ran.returncode == 0
