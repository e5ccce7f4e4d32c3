"""`sluice doctor`: what it finds, how it says to mend it, how it ends."""

from __future__ import annotations

import asyncio
import copy
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from client.examine import ffmpeg_finding
from client.surroundings import Surroundings
from client.verbs import main
from tests.client.conftest import IMPATIENT, Ran, Run
from tests.client.observed import WELL, Observed
from tests.client.service import Service

NAMES = ("api", "clock", "authentication", "s3", "dynamodb", "stepFunctions", "ecs", "redis")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Observed]:
    """One whose conversion of a second of sound is an MP3 of one, as far as is looked at."""
    monkeypatch.setattr("tests.client.service.converted", lambda content, target: b"ID3" + content)
    with Observed() as service:
        service.seconds = 1.03
        yield service


@pytest.fixture
def health(service: Observed) -> dict[str, Any]:
    service.answers["health"] = copy.deepcopy(WELL)
    return service.answers["health"]


def findings(ran: Ran) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in ran.objects}


def test_of_a_deployment_that_is_well_all_is_ok(tend: Run) -> None:
    ran = tend("doctor")
    assert (ran.code, ran.stderr) == (0, "")
    found = [line.split()[:2] for line in ran.stdout.splitlines()]
    assert found == [["ok", name] for name in (*NAMES, "capacity", "conversion")]
    assert "running 1 of 100, waiting 0 of 1000, open uploads 2 of 1000" in ran.stdout
    assert "a second of WAV became 88247 bytes of MP3" in ran.stdout


def test_quick_is_without_the_conversion(service: Observed, tend: Run) -> None:
    ran = tend("doctor", "--quick", "--json")
    assert ran.code == 0
    assert tuple(findings(ran)) == (*NAMES, "capacity")
    assert service.uploads == {}


def test_with_json_there_is_an_object_a_check(health: dict[str, Any], tend: Run) -> None:
    health["checks"][0] |= {"status": "failed", "problem": "Look at the bucket's policy."}
    health["status"] = "degraded"
    found = findings(tend("doctor", "--quick", "--json"))
    assert found["s3"] == {
        "check": "s3",
        "status": "wrong",
        "milliseconds": 3.2,
        "detail": None,
        "problem": "Look at the bucket's policy.",
        "code": None,
    }
    assert (found["ecs"]["status"], found["ecs"]["problem"]) == ("ok", None)


@pytest.mark.parametrize("row", range(len(WELL["checks"])))
def test_what_has_failed_is_exit_code_1_and_says_how_to_mend_it(
    health: dict[str, Any], tend: Run, row: int
) -> None:
    health["checks"][row] |= {"status": "failed", "problem": "Do this."}
    ran = tend("doctor", "--quick")
    assert ran.code == 1
    (wrong,) = [line for line in ran.stdout.splitlines() if line.startswith("wrong")]
    assert wrong.split()[1] == health["checks"][row]["name"]
    assert "Do this." in wrong


def test_one_that_is_down_is_told_in_full_but_not_tried(
    service: Observed, health: dict[str, Any], tend: Run
) -> None:
    service.health_status = 503
    health["status"] = "down"
    health["checks"][1] |= {"status": "failed", "problem": None}
    ran = tend("doctor", "--json")
    found = findings(ran)
    assert ran.code == 1
    assert found["dynamodb"]["status"] == "wrong"
    assert found["dynamodb"]["problem"]
    assert found["conversion"]["status"] == "skipped"
    assert service.count("health") == 1, "503 is its answer: not to be asked for again"
    assert service.uploads == {}


@pytest.mark.parametrize(
    ("taken", "status", "told"),
    [
        ({"runningJobs": 100}, "ok", "new jobs wait"),
        ({"waitingJobs": 1000}, "wrong", "maxWaitingJobs"),
        ({"openUploads": 1000}, "wrong", "maxOpenUploads"),
        ({"openUploads": 1000}, "wrong", "DELETE /v1/uploads/{fileId}"),
        ({"waitingJobs": None}, "ok", "running 1 of 100, open uploads 2 of 1000"),
    ],
)
def test_what_there_is_room_for_is_told(
    health: dict[str, Any], tend: Run, taken: dict[str, Any], status: str, told: str
) -> None:
    health["capacity"] |= taken
    found = findings(tend("doctor", "--quick", "--json"))["capacity"]
    assert found["status"] == status
    assert told in (found["problem"] or found["detail"])


def test_room_that_is_not_told_is_no_fault(health: dict[str, Any], tend: Run) -> None:
    health["capacity"] = None
    ran = tend("doctor", "--quick", "--json")
    assert (ran.code, findings(ran)["capacity"]["status"]) == (0, "skipped")


@pytest.mark.parametrize(
    ("off", "status", "told"),
    [
        (timedelta(minutes=6), "wrong", "behind"),
        (timedelta(minutes=-6), "wrong", "ahead"),
        (timedelta(days=400), "wrong", "behind"),
        (timedelta(minutes=2), "ok", "behind"),
        (timedelta(), "ok", "agrees"),
    ],
)
def test_this_machines_clock_is_held_against_the_deployments(
    service: Observed, tend: Run, off: timedelta, status: str, told: str
) -> None:
    service.clock_off = off
    ran = tend("doctor", "--quick", "--json")
    found = findings(ran)["clock"]
    assert (found["status"], ran.code) == (status, int(status == "wrong"))
    assert told in (found["problem"] or found["detail"])


def test_where_it_is_not_let_in_the_clock_is_looked_at_too(service: Observed, tend: Run) -> None:
    service.clock_off = timedelta(minutes=10)
    service.door = lambda seen: 403
    ran = tend("doctor", "--json")
    found = findings(ran)
    assert ran.code == 1
    assert list(found) == ["authentication", "clock"]
    assert found["authentication"]["code"] == "HTTP_403"
    assert "--token-file" in found["authentication"]["problem"]
    assert found["clock"]["status"] == "wrong"


def test_a_health_open_to_all_does_not_hide_that_jobs_are_not(service: Observed, tend: Run) -> None:
    service.door = lambda seen: 401 if seen.kind == "list_jobs" else None
    found = findings(tend("doctor", "--json"))
    assert found["authentication"]["status"] == "wrong"
    assert found["conversion"]["status"] == "skipped"


def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"http://127.0.0.1:{gone.getsockname()[1]}/v1"


def test_an_api_that_does_not_answer_is_exit_code_3(tend: Run) -> None:
    ran = tend("doctor", api=nobody())
    assert ran.code == 3
    assert ran.stdout.startswith("wrong    api ")
    assert "check --api" in ran.stdout


@pytest.mark.parametrize("body", [[], {"status": "UP"}, {"checks": [3]}, "ok", None])
def test_another_server_is_not_taken_for_a_sluice(service: Observed, tend: Run, body: Any) -> None:
    service.answers["health"] = body
    found = findings(tend("doctor", "--json"))
    assert (found["api"]["status"], found["api"]["code"]) == ("wrong", "UNEXPECTED_ANSWER")
    assert "is this the address of a Sluice" in found["api"]["problem"]


def test_without_an_address_a_local_pipeline_is_started_and_examined(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLUICE_API", raising=False)
    said = f'print(\'{{"api": "{service.url}"}}\', flush=True); input()'
    local = [sys.executable, "-c", f"try:\n {said}\nexcept EOFError: pass"]
    pipeline = Surroundings(local, IMPATIENT)
    result = CliRunner().invoke(main, ["doctor", "--quick"], obj=pipeline)
    found = [line.split()[:2] for line in result.stdout.splitlines()]
    assert (result.exit_code, found[:2]) == (0, [["ok", "ffmpeg"], ["ok", "api"]])


def test_a_local_pipeline_that_does_not_start_is_exit_code_3(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SLUICE_API", raising=False)
    broken = Surroundings(["false"], IMPATIENT)
    result = CliRunner().invoke(main, ["doctor"], obj=broken)
    assert result.exit_code == 3
    assert "wrong    local pipeline" in result.stdout


def test_an_ffmpeg_that_will_not_do_says_what_it_lacks() -> None:
    lacking = [sys.executable, "-c", "import sys; sys.exit('No ffmpeg here: install it.')"]
    found = asyncio.run(ffmpeg_finding(lacking))
    assert (found.status, found.told) == ("wrong", "No ffmpeg here: install it.")
