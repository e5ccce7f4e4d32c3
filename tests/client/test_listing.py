"""`sluice jobs` and `sluice formats`: what they ask, what they print, how they end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.client.conftest import SLUICE, Run
from tests.client.observed import OFFERS, Observed
from tests.client.service import Trouble
from tests.client.terminal import on_a_terminal

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\r\nfake.wav"


@pytest.fixture
def service() -> Iterator[Observed]:
    with Observed() as service:
        yield service


def job(service: Observed, job_id: str, **changed: object) -> dict[str, object]:
    return service.job_json(service.add(job_id)) | changed


def test_jobs_are_columns_in_a_pipe(service: Observed, tend: Run) -> None:
    service.add("a" * 32, b"a" * 996, "talk.wav")
    service.add("b" * 32, b"text", "notes of today.wav")
    ran = tend("jobs")
    assert (ran.code, ran.stderr) == (0, "")
    made = "1:02, 1.0 kB"
    assert ran.stdout.splitlines() == [
        f"JOB{' ' * 31}STATUS     CREATED               TO   RESULT             FILE",
        f"{'a' * 32}  completed  2026-01-01 00:00:00Z  mp3  {made}       talk.wav",
        f"{'b' * 32}  failed     2026-01-01 00:00:00Z  mp3  UNSUPPORTED_INPUT  notes of today.wav",
    ]


def test_with_json_there_is_an_object_a_job_as_the_api_has_it(service: Observed, tend: Run) -> None:
    told = [job(service, "a" * 32, novelty={"deep": [1]}), job(service, "b" * 32)]
    service.pages = {None: {"jobs": told, "cursor": None}}
    assert tend("jobs", "--json").objects == told


def test_what_is_wanted_is_asked_for(service: Observed, tend: Run) -> None:
    assert tend("jobs", "--file", "a&b=c", "--status", "failed", "--limit", "7").code == 0
    assert service.lists_asked == [{"limit": "7", "fileId": "a&b=c", "status": "failed"}]


def test_pages_are_followed_also_behind_an_empty_one(service: Observed, tend: Run) -> None:
    first, second = job(service, "a" * 32), job(service, "b" * 32)
    service.pages = {
        None: {"jobs": [first], "cursor": "one"},
        "one": {"jobs": [], "cursor": "two"},
        "two": {"jobs": [second]},
    }
    ran = tend("jobs", "--json")
    assert [each["jobId"] for each in ran.objects] == ["a" * 32, "b" * 32]
    assert ran.stderr == ""


def test_no_more_are_listed_than_wanted_and_it_is_said_that_there_are(
    service: Observed, tend: Run
) -> None:
    told = [job(service, f"{number:032x}") for number in range(3)]
    service.pages = {None: {"jobs": told, "cursor": "more"}}
    ran = tend("jobs", "--json", "--limit", "2")
    assert [each["jobId"] for each in ran.objects] == [each["jobId"] for each in told[:2]]
    assert "more than 2" in ran.stderr


def test_no_page_is_asked_for_more_than_the_api_gives(service: Observed, tend: Run) -> None:
    assert tend("jobs", "--limit", "1000").code == 0
    assert service.lists_asked == [{"limit": "100"}]


def test_a_cursor_that_leads_back_to_itself_is_not_followed_for_ever(
    service: Observed, tend: Run
) -> None:
    service.pages = {
        None: {"jobs": [], "cursor": "round"},
        "round": {"jobs": [], "cursor": "round"},
    }
    ran = tend("jobs")
    assert (ran.code, ran.stdout) == (1, "")
    assert "UNEXPECTED_ANSWER" in ran.stderr


@pytest.mark.parametrize("wanted", [(), ("--status", "failed")])
def test_that_there_are_none_is_no_error(tend: Run, wanted: tuple[str, ...]) -> None:
    ran = tend("jobs", *wanted)
    assert (ran.code, ran.stdout) == (0, "")
    assert ran.stderr.startswith("There are no ")


def test_a_name_from_afar_moves_no_cursor_and_makes_no_line(service: Observed, tend: Run) -> None:
    service.add("a" * 32, name=HOSTILE)
    service.pages = {None: {"jobs": [job(service, "b" * 32, fileName=HOSTILE)], "cursor": None}}
    ran = tend("jobs")
    assert len(ran.stdout.splitlines()) == 2
    assert all(each.isprintable() for each in ran.stdout.replace("\n", ""))


@pytest.mark.parametrize(
    "page",
    [
        {"hello": "world"},
        {"jobs": "none"},
        {"jobs": [{"jobId": "a"}]},
        {"jobs": None},
        [],
    ],
)
def test_an_answer_of_another_shape_is_said_to_be_one(
    service: Observed, tend: Run, page: object
) -> None:
    service.pages = {None: page}  # type: ignore[dict-item]
    ran = tend("jobs")
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("UNEXPECTED_ANSWER: ")


@pytest.mark.parametrize(
    "odd",
    [
        {"bytes": "ten"},
        {"bytes": None},
        {"bytes": -1},
        {"bytes": 10**400},
        {"durationSeconds": "long"},
        {"durationSeconds": float("nan")},
        {"fileName": 7},
        {"mode": {}},
    ],
)
def test_an_output_with_an_odd_value_is_no_answer_of_ours(
    service: Observed, tend: Run, odd: dict[str, object]
) -> None:
    told = job(service, "a" * 32)
    told["output"] |= odd  # type: ignore[operator]
    service.pages = {None: {"jobs": [told], "cursor": None}}
    ran = tend("jobs")
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("UNEXPECTED_ANSWER: ")


@pytest.mark.parametrize("name", ["maxUploadBytes", "maxConversions", "retentionDays"])
@pytest.mark.parametrize("odd", ["x", -1, [5], 10**400])
def test_limits_with_an_odd_value_are_no_answer_of_ours(
    service: Observed, tend: Run, name: str, odd: object
) -> None:
    service.answers["formats"] = OFFERS | {"limits": {name: odd}}
    ran = tend("formats")
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("UNEXPECTED_ANSWER: ")


@pytest.mark.parametrize("verb", [("jobs",), ("jobs", "--json"), ("formats",)])
@pytest.mark.parametrize("reader", [">&-", "| head -c 1 >&2"])
def test_nobody_need_read_it(
    service: Observed,
    spawn: Callable[..., subprocess.Popen[str]],
    verb: tuple[str, ...],
    reader: str,
) -> None:
    for number in range(50):
        service.add(f"{number:032x}")
    script = f'set -o pipefail; "$@" {reader}'
    command = ("bash", "-c", script, "bash", *SLUICE, *verb, "--api", service.url)
    process = spawn(*command)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, len(stderr)) == (0, 0 if reader == ">&-" else 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_list_that_fails_for_a_moment_is_asked_for_again(
    service: Observed, tend: Run, status: int
) -> None:
    service.troubles["list_jobs"] = Trouble(times=2, status=status)
    assert tend("jobs").code == 0
    assert service.count("list_jobs") == 3


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("verb", [("jobs",), ("formats",)])
def test_who_is_not_let_in_hears_what_to_give(
    service: Observed, tend: Run, verb: tuple[str, ...], status: int
) -> None:
    service.door = lambda seen: status
    ran = tend(*verb)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"HTTP_{status}: ")
    assert "--token-file" in ran.stderr
    assert "AWS credentials" in ran.stderr


@pytest.mark.parametrize("wrong", [("--limit", "0"), ("--status", "lost"), ("--file", " ")])
def test_what_makes_no_sense_is_wrong_usage(
    service: Observed, tend: Run, wrong: tuple[str, ...]
) -> None:
    assert tend("jobs", *wrong).code == 2
    assert service.log == []


def test_on_a_terminal_it_is_a_table_and_a_name_from_afar_is_only_a_name(
    service: Observed,
) -> None:
    told = job(service, "a" * 32, fileName=f"[red]{HOSTILE}")
    service.pages = {None: {"jobs": [told], "cursor": None}}
    said = on_a_terminal(160, "jobs", "--api", service.url)
    assert "─" in said
    assert "a" * 32 in said
    assert "[red]" in said
    assert "\x1b[2J" not in said
    assert "\x1b]0;" not in said


def test_on_a_narrow_terminal_nothing_is_cut_off(service: Observed) -> None:
    service.add("a" * 32, name="a rather long name of a file.wav")
    said = on_a_terminal(80, "jobs", "--api", service.url)
    assert "a" * 32 in said
    assert "a rather long name of a file.wav" in said


def test_what_can_be_asked_for_is_listed(service: Observed, tend: Run) -> None:
    ran = tend("formats")
    assert (ran.code, ran.stderr) == (0, "")
    said = ran.stdout.splitlines()
    assert said[1].split("  ")[0] == "mp3"
    for word in ("32-320", "0 to 9", "1, 2", "44100, 48000", "tags, cover"):
        assert word in said[1]
    for word in ("lossless", "16, 24", "1-8", "up to 655350", "tags, cover, chapters"):
        assert word in said[2]
    assert "archive-flac  format=flac" in said
    assert "Taken: files ending in flac, wav" in said
    assert "At most: 5.4 GB a file" in said


def test_offers_are_one_object_with_json(tend: Run) -> None:
    assert tend("formats", "--json").object == OFFERS


def test_offers_nobody_knew_of_when_this_was_written_are_left_out(
    service: Observed, tend: Run
) -> None:
    slim = {"formats": [{"name": "new", "novelty": 1}], "novelty": {}}
    service.answers["formats"] = slim
    ran = tend("formats")
    assert (ran.code, ran.stdout.splitlines()[1].split()[0]) == (0, "new")
