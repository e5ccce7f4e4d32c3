"""`sluice watch`: jobs until they are over."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.client.conftest import IMPATIENT, SLUICE, Run
from tests.client.observed import Observed, Problem
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


def test_when_it_is_stopped_every_job_has_its_object_all_the_same(
    service: Service, running: Job, spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    service.polls_until_over = 10_000
    add(service, OTHER, polls=10_000)
    process = spawn(*SLUICE, "watch", ONE, OTHER, "--json", "--api", service.url)
    assert process.stdout is not None
    over = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    left = json.loads(process.stdout.read())
    assert (over["jobId"], over["error"]) == (OTHER, None)
    assert (left["jobId"], left["status"], left["error"]["code"]) == (ONE, None, "INTERRUPTED")


def test_a_stage_from_afar_moves_no_cursor_among_the_bars(service: Service, running: Job) -> None:
    service.stuck_at = "\x1b[2J\x1b]0;owned\x07baking"
    said = on_a_terminal(160, "watch", ONE, "--api", service.url)
    assert "baking" in said
    assert "\x1b[2J" not in said
    assert "\x1b]0;" not in said
    assert f"{ONE}: completed (1:02, 14 bytes)" in said


def test_a_line_that_is_gone_for_longer_than_a_verb_waits_is_no_end(
    service: Service, running: Job, tend: Run
) -> None:
    service.troubles["progress"] = Trouble(IMPATIENT.attempts + 1, None)
    assert tend("watch", ONE).code == 0


@pytest.fixture
def several() -> Iterator[Observed]:
    """It tells of several jobs at once, which the small one does not."""
    with Observed() as service:
        service.polls_until_over = 3
        yield service


def test_several_jobs_are_one_request(several: Observed, tend: Run) -> None:
    for each in (ONE, OTHER):
        several.add(each).polls = 0
    ran = tend("watch", ONE, OTHER, api=several.url)
    assert (ran.code, len(ran.stdout.splitlines())) == (0, 2)
    assert several.asked_together == [[ONE, OTHER]] * 3
    assert several.count("progress") == 0
    assert f"{ONE}: converting 33 %, 8.0x, 0:03 left" in ran.stderr


def test_no_more_than_a_hundred_are_asked_for_at_once(several: Observed, tend: Run) -> None:
    names = [f"{number:032x}" for number in range(101)]
    for each in names:
        several.add(each)
    ran = tend("watch", *names, api=several.url)
    assert (ran.code, len(ran.stdout.splitlines())) == (0, 101)
    assert several.asked_together == [names[:100]]
    assert several.count("progress") == 1


def test_one_that_is_not_among_them_is_told_why(several: Observed, tend: Run) -> None:
    several.expired = {OTHER}
    several.add(ONE)
    ran = tend("watch", ONE, OTHER, api=several.url)
    assert (ran.code, ran.stdout) == (1, f"{ONE}: completed (1:02, 14 bytes)\n")
    assert f"{OTHER}: JOB_EXPIRED: " in ran.stderr


@pytest.mark.parametrize("problem", [Problem(404, {"code": "NOT_FOUND"}), Problem(200, [])])
def test_where_they_are_not_told_together_each_is_asked_for(
    several: Observed, tend: Run, problem: Problem
) -> None:
    several.problems["progresses"] = [problem]
    for each in (ONE, OTHER):
        several.add(each).polls = 0
    assert tend("watch", ONE, OTHER, api=several.url).code == 0
    assert (several.count("progresses"), several.count("progress")) == (1, 6)


def test_where_nothing_answers_several_are_exit_code_3(several: Observed, tend: Run) -> None:
    several.troubles["progresses"] = Trouble(times=1000, status=None)
    ran = tend("watch", ONE, OTHER, "--json", api=several.url)
    assert ran.code == 3
    assert [each["error"]["code"] for each in ran.objects] == ["API_UNREACHABLE"] * 2


def test_what_keeps_several_from_being_asked_for_is_told_of_each(
    several: Observed, tend: Run, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    several.door = lambda seen: token.unlink()
    for each in (ONE, OTHER):
        several.add(each).polls = 0
    ran = tend("watch", ONE, OTHER, "--json", "--token-file", str(token), api=several.url)
    assert ran.code == 1
    assert [each["error"]["code"] for each in ran.objects] == ["NO_CREDENTIALS"] * 2
