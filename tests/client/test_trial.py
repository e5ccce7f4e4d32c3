"""The trial of `sluice doctor`: what a second of sound proves, and what it leaves."""

from __future__ import annotations

import signal
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from client.trial import write_sound
from tests.client.conftest import IMPATIENT, SLUICE, Ran, Run
from tests.client.observed import Observed


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Observed]:
    """One whose conversion of a second of sound is an MP3 of one, as far as is looked at."""
    monkeypatch.setattr("tests.client.service.converted", lambda content, target: b"ID3" + content)
    with Observed() as service:
        service.seconds = 1.03
        yield service


def findings(ran: Ran) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in ran.objects}


def test_a_trial_leaves_nothing_but_what_goes_by_itself(
    service: Observed, tend: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert tend("doctor").code == 0
    (upload,) = service.uploads.values()
    assert upload["deleteAfterDownload"] is True
    assert upload["fileName"] == "sluice-doctor.wav"
    assert list(tmp_path.iterdir()) == []


def test_a_deployment_whose_jobs_never_start_is_found_out(service: Observed, tend: Run) -> None:
    service.starts_jobs = False
    ran = tend("doctor", "--json", patience=replace(IMPATIENT, job_appears=0.3))
    found = findings(ran)["conversion"]
    assert (ran.code, found["code"]) == (1, "JOB_NOT_STARTED")
    assert "while queued" in found["problem"]


def test_a_conversion_that_fails_is_told_with_its_job(service: Observed, tend: Run) -> None:
    service.cancels = True
    ran = tend("doctor", "--json")
    (job,) = service.jobs.values()
    found = findings(ran)["conversion"]
    assert (ran.code, found["code"]) == (1, "JOB_CANCELLED")
    assert job.job_id in found["problem"]


def test_a_job_that_is_given_up_is_cancelled(service: Observed, tend: Run) -> None:
    service.stuck_at = "converting"
    service.polls_until_over = 10_000
    ran = tend("doctor", "--json", patience=replace(IMPATIENT, job_runs_silent=0.3))
    assert findings(ran)["conversion"]["code"] == "JOB_STALLED"
    (job,) = service.jobs.values()
    assert job.cancelled


def test_a_trial_that_takes_too_long_is_given_up_and_cancelled(
    service: Observed, tend: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.trial.MOST_SECONDS", 0.5)
    service.polls_until_over = 10_000
    found = findings(tend("doctor", "--json"))["conversion"]
    assert found["status"] == "wrong"
    assert "was not over" in found["problem"]
    (job,) = service.jobs.values()
    assert job.cancelled


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_whoever_ends_it_leaves_no_job_behind(
    service: Observed,
    spawn: Callable[..., subprocess.Popen[str]],
    sent: signal.Signals,
    code: int,
) -> None:
    service.polls_until_over = 10_000
    process = spawn(*SLUICE, "doctor", "--api", service.url)
    while service.count("progress") < 1:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(sent)
    assert process.wait(20) == code
    assert "Traceback" not in process.communicate()[1]
    (job,) = service.jobs.values()
    assert job.cancelled


@pytest.mark.parametrize("seconds", [0.5, 62.5, None])
def test_an_output_of_another_length_in_time_is_wrong(
    service: Observed, tend: Run, seconds: float | None
) -> None:
    told = service.job_json

    def of_this_length(job: Any) -> dict[str, Any]:
        body = told(job)
        if body["output"]:
            body["output"]["durationSeconds"] = seconds
        return body

    service.job_json = of_this_length  # type: ignore[method-assign]
    found = findings(tend("doctor", "--json"))["conversion"]
    assert (found["status"], found["code"]) == ("wrong", "UNEXPECTED_ANSWER")


def test_an_output_that_is_no_mp3_is_wrong(
    service: Observed, tend: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.client.service.converted", lambda content, target: b"<html>")
    found = findings(tend("doctor", "--json"))["conversion"]
    assert "no MP3" in found["problem"]


def test_the_sound_that_is_sent_is_a_second_of_wav(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    write_sound(file)
    with wave.open(str(file)) as sound:
        assert sound.getnframes() / sound.getframerate() == 1.0
        assert max(sound.readframes(1000)) > 0
