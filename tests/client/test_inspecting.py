"""`sluice inspect`: a job's whole story, to be read at 3 a.m."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.client.conftest import Run
from tests.client.observed import Observed
from tests.client.service import Trouble

ONE = "a" * 32
AT = "2026-03-01T02:00:0{}.250Z"


@pytest.fixture
def service() -> Iterator[Observed]:
    with Observed() as service:
        yield service


@pytest.fixture
def history(service: Observed) -> dict[str, Any]:
    """Of a job that was interrupted once and then failed."""
    job = service.job_json(service.add(ONE, b"text", "talk.wav"))
    job |= {
        "conversion": {"format": "mp3", "bitrateKbps": 192, "quality": None},
        "expiresAt": "2026-03-08T02:00:00.000Z",
        "deleteAfterDownload": True,
        "warnings": [{"code": "COVER_LEFT_OUT", "message": "The cover is too large."}],
        "estimate": {"vcpuSeconds": 60.0, "gbSeconds": 120.0, "requests": 30, "usd": 0.001},
        "cost": {"vcpuSeconds": 123.4, "gbSeconds": 246.8, "requests": 61, "usd": 0.002345},
    }
    error = {"code": "TaskFailed", "message": "The converter was interrupted."}
    service.histories[ONE] = {
        "jobId": ONE,
        "job": job,
        "execution": {
            "status": "FAILED",
            "startedAt": AT.format(0),
            "stoppedAt": AT.format(9),
            "redrives": 2,
        },
        "states": [
            {
                "name": "Convert",
                "enteredAt": AT.format(0),
                "leftAt": AT.format(8),
                "seconds": 8.0,
                "error": error,
            },
            {
                "name": "Failed",
                "enteredAt": AT.format(9),
                "leftAt": None,
                "seconds": None,
                "error": None,
            },
        ],
        "statesAreWhole": True,
        "attempts": [
            {
                "number": 1,
                "startedAt": AT.format(1),
                "stoppedAt": AT.format(3),
                "seconds": 2.0,
                "exitCode": 75,
                "reason": "It was interrupted.",
            },
            {
                "number": 2,
                "startedAt": None,
                "stoppedAt": AT.format(4),
                "seconds": None,
                "exitCode": None,
                "reason": "It never ran.",
            },
            {
                "number": 3,
                "startedAt": AT.format(5),
                "stoppedAt": None,
                "seconds": None,
                "exitCode": None,
                "reason": None,
            },
        ],
        "log": [
            {
                "at": AT.format(2),
                "level": "warning",
                "message": "interrupted",
                "fields": {"signal": "SIGTERM", "attempt": 1},
            }
        ],
        "logIsWhole": False,
    }
    return service.histories[ONE]


def test_what_became_of_it_comes_first_with_what_to_do(history: dict[str, Any], tend: Run) -> None:
    ran = tend("inspect", ONE)
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[:3] == [
        f"Job {ONE}: failed",
        "  error       UNSUPPORTED_INPUT",
        "  what to do  No audio was found: send an audio file.",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "  file        talk.wav (4 bytes, file)",
        "  conversion  format=mp3, bitrateKbps=192",
        "  warning     COVER_LEFT_OUT: The cover is too large.",
        "  expires     2026-03-08 02:00:00Z",
        "              its output goes after the first download",
        "  estimate    $0.001000 (60.0 vCPU s, 120.0 GB s, 30 requests)",
        "  cost        $0.002345 (123.4 vCPU s, 246.8 GB s, 61 requests)",
        "Execution: FAILED, 2026-03-01 02:00:00Z to 2026-03-01 02:00:09Z, redriven 2 times",
        "  Convert  2026-03-01 02:00:00Z  8.0          TaskFailed: The converter was interrupted.",
        "  Failed   2026-03-01 02:00:09Z  still there  -",
        "  1        2026-03-01 02:00:01Z  2.0            75         It was interrupted.",
        "  2        never                 -              -          It never ran.",
        "  3        2026-03-01 02:00:05Z  still running  -          -",
        "Log (there is more: these are the last)",
        "  2026-03-01 02:00:02Z warning interrupted  signal=SIGTERM, attempt=1",
    ],
)
def test_its_story_is_told(history: dict[str, Any], tend: Run, line: str) -> None:
    assert line in tend("inspect", ONE).stdout.splitlines()


def test_with_json_it_is_one_object_as_the_api_has_it(history: dict[str, Any], tend: Run) -> None:
    history["novelty"] = [{"deep": None}]
    assert tend("inspect", ONE, "--json").object == history


def test_of_a_completed_job_its_output_is_told(
    service: Observed, history: dict[str, Any], tend: Run
) -> None:
    history["job"] = service.job_json(service.add(ONE))
    said = tend("inspect", ONE).stdout
    assert f"Job {ONE}: completed" in said
    assert "  output      a.mp3 (1:02, 14 bytes, stream)" in said
    assert "what to do" not in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"execution": None, "states": []}, "Execution: none"),
        ({"statesAreWhole": False}, "first states are left out"),
        ({"log": [], "logIsWhole": True}, "Log: nothing\n"),
        ({"log": []}, "could not be read"),
        ({"states": None, "attempts": None, "log": None, "novelty": 1}, f"Job {ONE}: failed"),
    ],
)
def test_what_is_missing_is_said_or_left_out(
    history: dict[str, Any], tend: Run, changed: dict[str, Any], said: str
) -> None:
    history |= changed
    ran = tend("inspect", ONE)
    assert ran.code == 0
    assert said in ran.stdout


HOSTILE = "\x1b[2J\r\nfake: line\u202e\x07"


def poisoned(told: Any) -> Any:
    """Every text but the job's status and times."""
    if isinstance(told, dict):
        return {name: poisoned(value) for name, value in told.items()}
    if isinstance(told, list):
        return [poisoned(each) for each in told]
    return told + HOSTILE if isinstance(told, str) else told


def test_nothing_in_it_moves_a_cursor_or_makes_a_line(
    service: Observed, history: dict[str, Any], tend: Run
) -> None:
    well = tend("inspect", ONE).stdout
    service.histories[ONE] = poisoned(copy.deepcopy(history))
    ran = tend("inspect", ONE)
    assert ran.code == 0
    assert len(ran.stdout.splitlines()) == len(well.splitlines())
    assert all(each.isprintable() for each in ran.stdout.replace("\n", ""))


@pytest.mark.parametrize("body", [[], {}, {"job": {}}, {"job": {"jobId": 1}}, {"states": 3}, None])
def test_another_server_is_not_taken_for_a_sluice(
    service: Observed, history: dict[str, Any], tend: Run, body: Any
) -> None:
    service.histories[ONE] = body
    ran = tend("inspect", ONE)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("UNEXPECTED_ANSWER: ")


@pytest.mark.parametrize(
    "odd",
    [
        {"source": "x"},
        {"source": {"bytes": "many"}},
        {"cost": {"usd": "abc"}},
        {"cost": "abc"},
        {"estimate": {"usd": 1, "requests": "some"}},
    ],
)
def test_a_job_with_an_odd_value_is_no_answer_of_ours(
    history: dict[str, Any], tend: Run, odd: dict[str, Any]
) -> None:
    history["job"] |= odd
    ran = tend("inspect", ONE)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("UNEXPECTED_ANSWER: ")


@pytest.mark.parametrize(
    ("job_id", "code"), [("missing", "JOB_NOT_FOUND"), ("gone", "JOB_EXPIRED")]
)
def test_a_job_that_is_not_there_is_exit_code_1(
    service: Observed, tend: Run, job_id: str, code: str
) -> None:
    service.expired = {"gone"}
    ran = tend("inspect", job_id)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"{code}: ")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_history_is_asked_for_again(
    service: Observed, history: dict[str, Any], tend: Run, status: int
) -> None:
    service.troubles["history"] = Trouble(times=2, status=status)
    assert tend("inspect", ONE).code == 0
