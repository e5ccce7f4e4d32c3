"""`sluice cancel` and `sluice cleanup`: what they ask, what they print, how they end."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from click.testing import CliRunner
from tenacity import RetryCallState

from client.retry import Patience
from client.verbs import main
from tests.client.conftest import IMPATIENT, Run
from tests.client.service import Job, Service, Trouble, cleaned

RUNNING = "7c9e6679f7a349c8a1e0f5d2b6c4a813"
OTHER = "f" * 32


@pytest.fixture
def running(service: Service) -> Job:
    """A job that is not over, and stays so until it is cancelled."""
    service.polls_until_over = 1000
    service.jobs[RUNNING] = Job(RUNNING, "file", "a.wav", {"format": "mp3"}, b"a" * 10)
    return service.jobs[RUNNING]


def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"http://127.0.0.1:{gone.getsockname()[1]}/v1"


def test_a_job_is_cancelled(service: Service, running: Job, tend: Run) -> None:
    ran = tend("cancel", RUNNING)
    assert (ran.code, ran.stdout, ran.stderr) == (0, f"{RUNNING}: cancelled\n", "")
    assert running.cancelled


def test_to_cancel_twice_is_no_error(service: Service, running: Job, tend: Run) -> None:
    assert tend("cancel", RUNNING).code == 0
    assert tend("cancel", RUNNING).code == 0


def test_a_cancel_whose_answer_was_lost_is_asked_again(
    service: Service, running: Job, tend: Run
) -> None:
    service.troubles["cancel"] = Trouble(times=2, status=503)
    assert tend("cancel", RUNNING).code == 0
    assert service.count("cancel") == 3


def test_one_that_cannot_be_cancelled_does_not_keep_the_others_from_it(
    service: Service, running: Job, tend: Run
) -> None:
    done = Job(OTHER, "file", "b.wav", {"format": "mp3"}, b"b", polls=1000)
    service.jobs[OTHER] = done
    ran = tend("cancel", OTHER, "unknown", RUNNING)
    assert ran.code == 1
    assert ran.stdout == f"{RUNNING}: cancelled\n"
    assert [line.split(": ")[:2] for line in ran.stderr.splitlines()] == [
        [OTHER, "JOB_FINISHED"],
        ["unknown", "JOB_NOT_FOUND"],
    ]
    assert not done.cancelled


def test_what_became_of_each_is_an_object_with_json(
    service: Service, running: Job, tend: Run
) -> None:
    ran = tend("cancel", "unknown", RUNNING, "--json")
    assert ran.code == 1
    unknown, cancelled = ran.objects
    assert (unknown["jobId"], unknown["error"]["code"]) == ("unknown", "JOB_NOT_FOUND")
    assert cancelled == {"jobId": RUNNING, "status": "cancelled", "error": None}


@pytest.mark.parametrize("job_id", ["../cleanup", "a/b", "?x", "#x", "a b", "ä", ".."])
def test_an_id_is_only_ever_an_id(service: Service, tend: Run, job_id: str) -> None:
    ran = tend("cancel", job_id)
    assert (ran.code, ran.stdout) == (1, "")
    assert {kind for kind, _ in service.log} <= {"cancel"}


@pytest.mark.parametrize("verb", [("cancel", RUNNING), ("cleanup",), ("cleanup", "--dry-run")])
def test_an_api_that_does_not_answer_is_exit_code_3(tend: Run, verb: tuple[str, ...]) -> None:
    ran = tend(*verb, api=nobody())
    assert (ran.code, ran.stdout) == (3, "")
    assert ran.stderr.startswith("API_UNREACHABLE: ")


def test_with_json_every_job_has_its_object_also_where_the_api_does_not_answer(tend: Run) -> None:
    ran = tend("cancel", RUNNING, OTHER, "--json", api=nobody())
    assert ran.code == 3
    told = [(each["jobId"], each["status"], each["error"]["code"]) for each in ran.objects]
    assert told == [(each, None, "API_UNREACHABLE") for each in (RUNNING, OTHER)]


@pytest.mark.parametrize("verb", [("cancel", RUNNING), ("cleanup",)])
def test_without_an_api_nothing_is_started_for_it(
    verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLUICE_API", raising=False)
    result = CliRunner().invoke(main, list(verb))
    assert result.exit_code == 2
    assert "--api" in result.stderr


def test_the_api_may_come_from_the_environment(
    service: Service, running: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_API", service.origin)
    result = CliRunner().invoke(main, ["cancel", RUNNING])
    assert (result.exit_code, result.stdout) == (0, f"{RUNNING}: cancelled\n")


@pytest.mark.parametrize("verb", [("cancel", RUNNING), ("cleanup",)])
def test_an_api_that_refuses_is_exit_code_1(
    service: Service, tend: Run, verb: tuple[str, ...]
) -> None:
    service.troubles[verb[0]] = Trouble(times=1, status=403)
    ran = tend(*verb)
    assert (ran.code, ran.stdout) == (1, "")
    assert "HTTP_403" in ran.stderr


def test_what_was_removed_is_told_by_kind(service: Service, tend: Run) -> None:
    service.cleanups = [cleaned(jobs=(3, 0), outputs=(6, 12_300_000), parts=(1, 0))]
    ran = tend("cleanup")
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        "Removed expired jobs: 3",
        "Removed their outputs: 6 (12.3 MB)",
        "Removed uploads left open: 1",
    ]
    assert service.cleanups_asked == [{"dryRun": False}]


def test_a_dry_run_asks_for_one_and_says_so(service: Service, tend: Run) -> None:
    service.cleanups = [cleaned(complete=False, jobs=(3, 0))]
    ran = tend("cleanup", "--dry-run")
    assert (ran.code, ran.stdout) == (0, "Would remove expired jobs: 3\n")
    assert "at least" in ran.stderr
    assert service.cleanups_asked == [{"dryRun": True}]


def test_nothing_to_remove_is_said(service: Service, tend: Run) -> None:
    ran = tend("cleanup")
    assert (ran.code, ran.stdout) == (0, "There is nothing to remove.\n")


def test_a_clean_up_goes_on_until_it_is_complete(service: Service, tend: Run) -> None:
    service.cleanups = [
        cleaned(complete=False, jobs=(100, 0)),
        cleaned(complete=False, outputs=(7, 70)),
        cleaned(jobs=(3, 0), novelties=(2, 5)),
    ]
    ran = tend("cleanup", "--json")
    assert ran.code == 0
    assert ran.object == {
        "dryRun": False,
        "complete": True,
        "removed": {
            "jobs": {"count": 103, "bytes": 0},
            "outputs": {"count": 7, "bytes": 70},
            "novelties": {"count": 2, "bytes": 5},
        },
        "failures": 0,
    }
    assert service.count("cleanup") == 3


def test_a_clean_up_that_gets_no_further_ends(service: Service, tend: Run) -> None:
    service.cleanups = [cleaned(complete=False, jobs=(1, 0)), cleaned(complete=False)]
    ran = tend("cleanup")
    assert ran.code == 0
    assert service.count("cleanup") == 2
    assert "by itself" in ran.stderr


def test_what_could_not_be_removed_is_exit_code_1(service: Service, tend: Run) -> None:
    service.cleanups = [cleaned(failures=2, jobs=(1, 0))]
    ran = tend("cleanup")
    assert (ran.code, ran.stdout) == (1, "Removed expired jobs: 1\n")
    assert "2 could not be removed" in ran.stderr


def test_another_server_is_not_taken_for_a_sluice(service: Service, tend: Run) -> None:
    service.cleanups = [{"hello": "world"}]
    ran = tend("cleanup")
    assert (ran.code, ran.stdout) == (1, "")
    assert "UNEXPECTED_ANSWER" in ran.stderr


def test_what_an_answer_says_moves_no_cursor(service: Service, tend: Run) -> None:
    service.cleanups = [cleaned(**{"\x1b[2Jjobs": (1, 0)})]
    assert "\x1b" not in tend("cleanup").stdout


def test_a_full_deployment_is_waited_for_beyond_the_usual_attempts(
    service: Service, running: Job, tend: Run
) -> None:
    """429 says that nothing is broken: it is not counted, and its Retry-After is kept."""
    full = Trouble(times=IMPATIENT.attempts + 3, status=429, headers={"retry-after": "0"})
    service.troubles["cancel"] = full
    assert tend("cancel", RUNNING).code == 0
    assert service.count("cancel") == IMPATIENT.attempts + 4


def test_a_deployment_that_stays_full_is_given_up(
    service: Service, running: Job, tend: Run
) -> None:
    service.troubles["cancel"] = Trouble(times=10_000, status=429)
    ran = tend("cancel", RUNNING, patience=replace(IMPATIENT, full=0.3))
    assert ran.code == 1
    assert service.count("cancel") > 1


def test_between_two_calls_a_full_deployment_gets_the_time_it_asked_for(
    service: Service, running: Job, tend: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    asked = Patience._wait

    def wait(patience: Patience, state: RetryCallState) -> float:
        waits.append(asked(patience, state))
        return 0.0

    monkeypatch.setattr(Patience, "_wait", wait)
    service.troubles["cancel"] = Trouble(times=1, status=429, headers={"retry-after": "17"})
    assert tend("cancel", RUNNING).code == 0
    [waited] = waits
    assert 17 <= waited <= 17 * 1.1


def test_other_troubles_have_their_attempts_beside_a_full_deployments(
    service: Service, running: Job, tend: Run
) -> None:
    service.troubles["cancel"] = Trouble(times=IMPATIENT.attempts, status=503)
    assert tend("cancel", RUNNING).code == 1
    assert service.count("cancel") == IMPATIENT.attempts
