"""`sluice watch`: jobs until they are over."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.client.conftest import IMPATIENT, SLUICE, Run
from tests.client.service import Job, Service, Trouble
from tests.client.terminal import on_a_terminal

ONE, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def running(service: Service) -> Job:
    """A job that is over on its third poll."""
    service.polls_until_over = 3
    return add(service, ONE)


def add(service: Service, job_id: str, content: bytes = b"a" * 10, polls: int = 0) -> Job:
    service.jobs[job_id] = Job(job_id, "file", "a.wav", {"format": "mp3"}, content, polls)
    return service.jobs[job_id]


def test_a_job_is_watched_until_it_is_over(service: Service, running: Job, tend: Run) -> None:
    ran = tend("watch", ONE)
    assert (ran.code, ran.stdout) == (0, f"{ONE}: completed (1:02, 14 bytes)\n")
    assert running.polls == 3
    assert f"{ONE}: converting 33 %, 8.0x, 0:03 left" in ran.stderr


def test_jobs_are_watched_side_by_side_and_each_but_once(
    service: Service, running: Job, tend: Run
) -> None:
    add(service, OTHER, polls=2)
    ran = tend("watch", ONE, OTHER, ONE)
    assert ran.code == 0
    assert [line.split(":")[0] for line in ran.stdout.splitlines()] == [OTHER, ONE]


def test_one_that_failed_is_exit_code_1_and_says_why(
    service: Service, running: Job, tend: Run
) -> None:
    add(service, OTHER, b"text")
    ran = tend("watch", ONE, OTHER)
    assert ran.code == 1
    assert ran.stdout.startswith(f"{ONE}: completed")
    why = f"{OTHER}: UNSUPPORTED_INPUT: No audio was found: send an audio file."
    assert why in ran.stderr.splitlines()


def test_one_that_is_cancelled_meanwhile_is_exit_code_1(
    service: Service, running: Job, tend: Run
) -> None:
    running.cancelled = True
    ran = tend("watch", ONE)
    assert (ran.code, ran.stdout) == (1, "")
    assert f"{ONE}: JOB_CANCELLED: " in ran.stderr


def test_with_json_there_is_an_object_a_job(service: Service, running: Job, tend: Run) -> None:
    add(service, OTHER, b"text", polls=1000)
    ran = tend("watch", ONE, OTHER, "--json")
    assert ran.code == 1
    failed, completed = ran.objects
    assert (failed["jobId"], failed["status"]) == (OTHER, "failed")
    assert failed["error"]["code"] == "UNSUPPORTED_INPUT"
    assert completed["job"] == service.job_json(running)
    assert completed["error"] is None


def test_a_job_that_is_over_already_is_told_at_once(service: Service, tend: Run) -> None:
    add(service, ONE, polls=1000)
    assert tend("watch", ONE).stdout.startswith(f"{ONE}: completed")


@pytest.mark.parametrize(
    ("status", "body_code"), [(404, "HTTP_404"), (410, "HTTP_410"), (403, "HTTP_403")]
)
def test_a_job_that_is_not_there_keeps_nobody_from_watching_the_others(
    service: Service, running: Job, tend: Run, status: int, body_code: str
) -> None:
    service.troubles["progress"] = Trouble(times=1, status=status)
    add(service, OTHER)
    ran = tend("watch", ONE, OTHER)
    assert ran.code == 1
    assert len(ran.stdout.splitlines()) == 1
    assert body_code in ran.stderr


def test_a_job_that_vanishes_while_it_is_watched_is_exit_code_1(
    service: Service, running: Job, tend: Run
) -> None:
    service.troubles["job"] = Trouble(times=1, status=404)
    ran = tend("watch", ONE)
    assert (ran.code, ran.stdout) == (1, "")
    assert f"{ONE}: HTTP_404" in ran.stderr


def test_a_job_that_moves_no_more_is_given_up(service: Service, running: Job, tend: Run) -> None:
    service.stuck_at = "converting"
    service.polls_until_over = 10_000
    ran = tend("watch", ONE, patience=replace(IMPATIENT, job_runs_silent=0.5))
    assert ran.code == 1
    assert f"{ONE}: JOB_STALLED: " in ran.stderr


def test_an_api_that_does_not_answer_is_exit_code_3(service: Service, tend: Run) -> None:
    service.troubles["progress"] = Trouble(times=1000, status=None)
    assert tend("watch", ONE, OTHER).code == 3


@pytest.mark.parametrize("job_id", ["../cleanup", "a/b", "?x", "#x", "..", ".", "ä"])
def test_an_id_is_only_ever_an_id(service: Service, tend: Run, job_id: str) -> None:
    service.door = lambda seen: 404
    assert tend("watch", job_id).code == 1
    (path,) = {path for _, path in service.log}
    assert path.startswith("/v1/jobs/")
    assert path.endswith("/progress")
    assert path.count("/") == 4


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_watching_ends_when_it_is_told_to_and_the_job_runs_on(
    service: Service,
    running: Job,
    spawn: Callable[..., subprocess.Popen[str]],
    sent: signal.Signals,
    code: int,
) -> None:
    service.polls_until_over = 10_000
    process = spawn(*SLUICE, "watch", ONE, "--api", service.url)
    while running.polls < 1:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(sent)
    assert process.wait(20) == code
    assert process.communicate()[0] == ""
    assert not running.cancelled


def test_a_stage_from_afar_moves_no_cursor_among_the_bars(service: Service, running: Job) -> None:
    service.stuck_at = "\x1b[2J\x1b]0;owned\x07baking"
    said = on_a_terminal(160, "watch", ONE, "--api", service.url)
    assert "baking" in said
    assert "\x1b[2J" not in said
    assert "\x1b]0;" not in said
    assert f"{ONE}: completed (1:02, 14 bytes)" in said
