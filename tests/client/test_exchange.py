"""What every request to the API has in common: what is asked again, what is told of an error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client.conftest import IMPATIENT, Run
from tests.client.observed import Observed, Problem


@pytest.fixture
def service() -> Iterator[Observed]:
    with Observed() as service:
        yield service


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (Problem(400, {"code": "INVALID_REQUEST", "detail": "No."}), "INVALID_REQUEST: No."),
        (Problem(404, {"code": "FILE_NOT_FOUND", "detail": "None."}), "FILE_NOT_FOUND: None."),
        (Problem(410, {"code": "JOB_EXPIRED", "detail": "Gone."}), "JOB_EXPIRED: Gone."),
        (Problem(409, {"code": "X", "message": "Plain."}), "X: Plain."),
        (Problem(403, {"code": "NO_IDENTITY", "detail": "No sub."}), "NO_IDENTITY: No sub."),
        (Problem(404, "<html>"), "HTTP_404: The API answered 404 Not Found."),
        (Problem(404, "[" * 100_000), "HTTP_404: The API answered 404 Not Found."),
        (Problem(404, ["list"]), "HTTP_404: The API answered 404 Not Found."),
        (Problem(422, {"code": 7, "detail": {"a": 1}}), "7: {'a': 1}"),
        (Problem(400, {"code": "X", "detail": "\x1b[2Ja\r\nb"}), "X:  [2Ja  b"),
    ],
)
def test_an_error_is_told_once_with_its_own_code_and_words(
    service: Observed, tend: Run, problem: Problem, said: str
) -> None:
    service.problems["formats"] = [problem]
    ran = tend("formats")
    assert (ran.code, ran.stdout, ran.stderr) == (1, "", f"{said}\n")
    assert service.count("formats") == 1


@pytest.mark.parametrize(
    "problem",
    [
        Problem(409, {"code": "REQUEST_IN_PROGRESS", "detail": "Wait."}),
        Problem(429, {"code": "TOO_MANY_UPLOADS", "detail": "Full."}),
        Problem(429, "slow down"),
        Problem(500, {"message": "Internal Server Error"}),
        Problem(502, "<html>"),
        Problem(503, {"code": "RECORDS_UNAVAILABLE", "detail": "Soon."}),
        Problem(504, ""),
    ],
)
def test_what_passes_is_asked_for_again(service: Observed, tend: Run, problem: Problem) -> None:
    service.problems["formats"] = [problem, problem]
    assert tend("formats").code == 0
    assert service.count("formats") == 3


def test_what_does_not_pass_is_given_up_with_its_code(service: Observed, tend: Run) -> None:
    lasting = Problem(503, {"code": "RECORDS_UNAVAILABLE", "detail": "Later."})
    service.problems["formats"] = [lasting] * 1000
    ran = tend("formats")
    assert (ran.code, ran.stderr) == (1, "RECORDS_UNAVAILABLE: Later.\n")
    assert service.count("formats") == IMPATIENT.attempts


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_who_calls_is_never_sent_where_another_server_points(
    service: Observed, tend: Run, status: int
) -> None:
    service.problems["formats"] = [Problem(status, {}, {"location": f"{service.origin}/v1/health"})]
    ran = tend("formats", "--token", "secret")
    assert (ran.code, service.count("health")) == (1, 0)
    assert ran.stderr.startswith("UNEXPECTED_ANSWER: ")
    assert "secret" not in ran.stderr


def test_an_answer_not_encoded_as_it_says_is_no_answer_of_ours(
    service: Observed, tend: Run
) -> None:
    service.problems["formats"] = [Problem(200, "plain", {"content-encoding": "gzip"})]
    ran = tend("formats")
    assert (ran.code, ran.stdout, service.count("formats")) == (1, "", 1)
    assert ran.stderr.startswith("UNEXPECTED_ANSWER: ")


PROGRESS = {
    "status": "processing",
    "stage": "converting",
    "percent": 1,
    "speed": 1,
    "etaSeconds": 1,
}
NAN, ENDLESS = float("nan"), float("inf")


@pytest.mark.parametrize(
    "odd",
    [
        {"speed": "fast"},
        {"etaSeconds": "soon"},
        {"etaSeconds": NAN},
        {"percent": ENDLESS},
        {"percent": 10**400},
        {"stage": ["converting"]},
        {"status": 7},
    ],
)
def test_a_progress_with_an_odd_value_is_no_answer_of_ours(
    service: Observed, tend: Run, odd: dict[str, object]
) -> None:
    service.add("a" * 32)
    service.problems["progress"] = [Problem(200, PROGRESS | odd)]
    ran = tend("watch", "a" * 32)
    assert (ran.code, ran.stdout) == (1, "")
    assert f"{'a' * 32}: UNEXPECTED_ANSWER: " in ran.stderr


def test_json_too_deep_to_read_is_no_answer_of_ours(service: Observed, tend: Run) -> None:
    deep = "[" * 100_000
    service.problems["formats"] = [Problem(200, deep)]
    ran = tend("formats")
    assert (ran.code, ran.stdout) == (1, "")
    assert "UNEXPECTED_ANSWER" in ran.stderr
