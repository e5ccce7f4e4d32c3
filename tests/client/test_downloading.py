"""`sluice download`: whole outputs or none, under names that harm nobody, over lines that break."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from client.fetch import WORTHWHILE
from tests.client.conftest import IMPATIENT, SLUICE, Run
from tests.client.observed import Observed, Problem
from tests.client.service import Trouble

ONE, OTHER = "a" * 32, "b" * 32
LARGE = os.urandom(5 * WORTHWHILE)


@pytest.fixture
def service() -> Iterator[Observed]:
    with Observed() as service:
        yield service


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> list[str]:
    """Hidden ones too."""
    return sorted(each.name for each in folder.iterdir())


def test_an_output_comes_whole_under_its_own_name(service: Observed, tend: Run, here: Path) -> None:
    job = service.add(ONE, name="Grüße.wav")
    ran = tend("download", ONE)
    assert (ran.code, ran.stdout) == (0, f"{ONE} -> Grüße.mp3 (1:02, 14 bytes)\n")
    assert (here / "Grüße.mp3").read_bytes() == job.made
    assert files(here) == ["Grüße.mp3"]


def test_with_json_there_is_an_object_a_job(service: Observed, tend: Run) -> None:
    service.add(ONE)
    service.add(OTHER, b"text")
    ran = tend("download", ONE, OTHER, "missing", "--out", "deep/er", "--json")
    assert ran.code == 1
    told = {each.pop("jobId"): each for each in ran.objects}
    assert told[ONE] == {
        "status": "completed",
        "output": "deep/er/a.mp3",
        "bytes": 14,
        "waveform": [],
        "error": None,
    }
    assert (told[OTHER]["status"], told[OTHER]["output"]) == ("failed", None)
    assert told[OTHER]["error"]["code"] == "UNSUPPORTED_INPUT"
    assert (told["missing"]["status"], told["missing"]["error"]["code"]) == (None, "JOB_NOT_FOUND")


def test_nothing_is_ever_overwritten(service: Observed, tend: Run, here: Path) -> None:
    (here / "a.mp3").write_text("mine")
    service.add(ONE)
    service.add(OTHER)
    ran = tend("download", ONE, OTHER)
    assert ran.code == 0
    assert (here / "a.mp3").read_text() == "mine"
    assert files(here) == ["a (1).mp3", "a (2).mp3", "a.mp3"]


def test_a_waveform_comes_with_its_output(service: Observed, tend: Run, here: Path) -> None:
    service.made_anew = {f"{ONE}.json": b"json", f"{ONE}.png": b"png"}
    service.add(ONE).conversion["waveform"] = True
    assert tend("download", ONE, "--json").object["waveform"] == [
        "a.waveform.json",
        "a.waveform.png",
    ]
    assert files(here) == ["a.mp3", "a.waveform.json", "a.waveform.png"]


@pytest.mark.parametrize(
    ("told", "saved"),
    [
        ("../../escape.mp3", "_.._escape.mp3"),
        ("/etc/passwd.mp3", "_etc_passwd.mp3"),
        ("..\\up.mp3", "_up.mp3"),
        ("C:evil.mp3", "C_evil.mp3"),
        (".hidden.mp3", "hidden.mp3"),
        ("...", ONE + ".mp3"),
        ("", ONE + ".mp3"),
        ("a\r\nb\x1b[2J.mp3", "a__b_[2J.mp3"),
        ("x.sh/y", "x.sh_y.mp3"),
        ("ü" * 300 + ".mp3", "ü" * 115 + ".mp3"),
        ("💿.mp3", "💿.mp3"),
    ],
)
def test_a_name_from_afar_stays_in_its_folder(
    service: Observed, tend: Run, here: Path, told: str, saved: str
) -> None:
    service.add(ONE)
    service.output_name = told or " "
    ran = tend("download", ONE, "--out", "in")
    assert ran.code == 0
    assert files(here / "in") == [saved]
    assert files(here) == ["in"]
    assert ran.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("job_id", "code"),
    [("missing", "JOB_NOT_FOUND"), ("gone", "JOB_EXPIRED"), (ONE, "JOB_NOT_READY")],
)
def test_what_cannot_be_had_is_exit_code_1_and_leaves_nothing(
    service: Observed, tend: Run, here: Path, job_id: str, code: str
) -> None:
    service.expired = {"gone"}
    service.add(ONE).polls = 0
    ran = tend("download", job_id)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-1].startswith(f"{job_id}: {code}: ")
    assert files(here) == []


def test_one_that_was_let_go_meanwhile_says_so(service: Observed, tend: Run) -> None:
    service.add(ONE)
    service.troubles["output"] = Trouble(times=1, status=410)
    ran = tend("download", ONE)
    assert (ran.code, ran.stdout) == (1, "")
    assert "HTTP_410" in ran.stderr


def test_a_download_that_broke_off_is_gone_on_with(
    service: Observed, tend: Run, here: Path
) -> None:
    made = service.add(ONE, LARGE).made
    service.breaks = [len(made) // 2]
    assert tend("download", ONE).code == 0
    assert (here / "a.mp3").read_bytes() == made
    first, second = service.ranges
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").rstrip("-")) <= len(made) // 2
    assert service.count("output") == 1, "a URL that holds is used again"
    begun, gone_on = (each.headers for each in service.seen if each.kind == "get")
    assert "if-match" not in begun
    assert gone_on["if-match"] == f'"{hashlib.md5(made).hexdigest()}"'
    assert {each["accept-encoding"] for each in (begun, gone_on)} == {"identity"}


def test_breaks_that_got_it_further_are_not_counted(
    service: Observed, tend: Run, here: Path
) -> None:
    made = service.add(ONE, LARGE * 3).made
    service.breaks = [WORTHWHILE + 65536] * (IMPATIENT.attempts + 4)
    assert tend("download", ONE).code == 0
    assert (here / "a.mp3").read_bytes() == made


def test_a_line_that_gets_it_no_further_is_given_up(
    service: Observed, tend: Run, here: Path
) -> None:
    service.add(ONE, LARGE)
    service.breaks = [10] * 1000
    ran = tend("download", ONE)
    assert (ran.code, len(service.ranges)) == (1, IMPATIENT.attempts)
    assert f"{ONE}: DOWNLOAD_FAILED: " in ran.stderr
    assert files(here) == []


def test_a_url_that_has_expired_is_signed_again_and_what_is_here_is_kept(
    service: Observed, tend: Run, here: Path
) -> None:
    made = service.add(ONE, LARGE).made
    service.url_holds = 1
    service.breaks = [len(made) // 2]
    assert tend("download", ONE).code == 0
    assert (here / "a.mp3").read_bytes() == made
    assert service.count("output") == 2
    assert service.ranges[-1] != "bytes=0-"
    assert service.ranges[-1] is not None


def test_a_url_refused_from_the_start_is_an_error_that_says_what_s3_said(
    service: Observed, tend: Run, here: Path
) -> None:
    service.add(ONE)
    service.url_holds = 0
    ran = tend("download", ONE)
    assert (ran.code, service.count("output")) == (1, 1)
    said = "STORAGE_REFUSED: S3 answered 403, AccessDenied: Request has expired: the link has"
    assert said in ran.stderr
    assert "clock" not in ran.stderr, "a signed URL does not depend on this machine's"
    assert files(here) == []


@pytest.mark.parametrize("without", ["serves_ranges", "serves_etags"])
def test_where_it_cannot_be_gone_on_with_it_begins_anew(
    service: Observed, tend: Run, here: Path, without: str
) -> None:
    made = service.add(ONE, LARGE).made
    setattr(service, without, False)
    service.breaks = [len(made) // 2]
    assert tend("download", ONE).code == 0
    assert (here / "a.mp3").read_bytes() == made


def test_two_halves_of_different_objects_are_never_put_together(
    service: Observed, tend: Run, here: Path
) -> None:
    made = service.add(ONE, LARGE).made
    other = bytes(reversed(made))

    def change(_: object) -> None:
        service.made_anew = {ONE: other}

    service.breaks = [len(made) // 2]
    service.after_get = change
    assert tend("download", ONE).code == 0
    assert (here / "a.mp3").read_bytes() == other


def test_a_range_that_begins_elsewhere_than_asked_is_not_taken(
    service: Observed, tend: Run, here: Path
) -> None:
    made = service.add(ONE, LARGE).made
    service.breaks = [len(made) // 2]
    service.ranges_begin_before = 10
    assert tend("download", ONE).code == 0
    assert (here / "a.mp3").read_bytes() == made


def test_a_range_of_another_object_is_not_taken(service: Observed, tend: Run, here: Path) -> None:
    made = service.add(ONE, LARGE).made
    service.breaks = [len(made) // 2]
    service.ranges_are_of = bytes(reversed(made))
    assert tend("download", ONE).code == 0
    assert (here / "a.mp3").read_bytes() == made


ENDLESS = 64 * WORTHWHILE


def test_an_output_that_goes_on_and_on_fills_no_disk(
    service: Observed, tend: Run, here: Path
) -> None:
    service.add(ONE)
    service.goes_on_for = {ONE: ENDLESS}
    ran = tend("download", ONE)
    assert (ran.code, files(here)) == (1, [])
    assert "DOWNLOAD_FAILED: The output has 14 bytes at most, but more came" in ran.stderr
    assert service.sent < ENDLESS
    assert all(int(each) <= 100 for each in re.findall(r"(\d+) %", ran.stderr))


def test_a_waveform_that_goes_on_and_on_fills_no_disk(
    service: Observed, tend: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.fetch.MOST_OF_NO_KNOWN_SIZE", WORTHWHILE)
    service.add(ONE).conversion["waveform"] = True
    service.made_anew = {f"{ONE}.json": b"json", f"{ONE}.png": b"png"}
    service.goes_on_for = {f"{ONE}.png": ENDLESS}
    ran = tend("download", ONE)
    assert (ran.code, files(here)) == (1, [])
    assert "DOWNLOAD_FAILED" in ran.stderr
    assert service.sent < ENDLESS


def test_a_waveform_announced_too_large_is_not_begun(
    service: Observed, tend: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.fetch.MOST_OF_NO_KNOWN_SIZE", 100)
    service.made_anew = {f"{ONE}.json": b"j" * 101, f"{ONE}.png": b"png"}
    service.add(ONE).conversion["waveform"] = True
    ran = tend("download", ONE)
    assert (ran.code, files(here)) == (1, [])
    assert "is to have 101 bytes, which no waveform has" in ran.stderr


@pytest.mark.parametrize("status", [203, 204, 300, 302, 304])
def test_only_the_object_is_taken_for_it(
    service: Observed, tend: Run, here: Path, status: int
) -> None:
    service.add(ONE).conversion["waveform"] = True
    elsewhere = Problem(status, "", {"location": f"{service.origin}/v1/health"})
    service.problems["get"] = [elsewhere] * 100
    ran = tend("download", ONE)
    assert (ran.code, files(here)) == (1, [])
    assert f"DOWNLOAD_FAILED: S3 answered {status}, and no output" in ran.stderr


@pytest.mark.parametrize(
    "location",
    ["http://[::1", "mailto:a", "ftp://a/b", "http://127.0.0.1:99999/", "http://xn--/"],
)
def test_a_location_that_is_no_url_is_no_answer_of_ours(
    service: Observed, tend: Run, here: Path, location: str
) -> None:
    service.add(ONE)
    service.problems["output"] = [Problem(303, "", {"location": location})]
    ran = tend("download", ONE)
    assert (ran.code, files(here), service.count("output")) == (1, [], 1)
    assert f"{ONE}: UNEXPECTED_ANSWER: " in ran.stderr


def test_an_error_not_encoded_as_it_says_is_no_answer_of_ours(
    service: Observed, tend: Run, here: Path
) -> None:
    service.add(ONE)
    service.problems["get"] = [Problem(403, "plain", {"content-encoding": "gzip"})]
    ran = tend("download", ONE)
    assert (ran.code, files(here)) == (1, [])
    assert f"{ONE}: UNEXPECTED_ANSWER: " in ran.stderr


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_when_it_is_stopped_every_job_has_its_object_all_the_same(
    service: Observed,
    spawn: Callable[..., subprocess.Popen[str]],
    here: Path,
    sent: signal.Signals,
    code: int,
) -> None:
    service.add(ONE)
    service.add(OTHER)
    go_on = Event()
    service.after_get = lambda name: None if name == ONE else go_on.wait(20) and None
    process = spawn(*SLUICE, "download", ONE, OTHER, "--json", "--api", service.url)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    while not any(OTHER in each.path for each in service.seen if each.kind == "get"):
        time.sleep(0.02)
    process.send_signal(sent)
    assert process.wait(20) == code
    go_on.set()
    (second,) = map(json.loads, process.stdout.read().splitlines())
    assert (first["jobId"], first["error"]) == (ONE, None)
    assert (second["jobId"], second["error"]["code"]) == (OTHER, "INTERRUPTED")
    assert files(here) == ["a.mp3"]


def test_that_nobody_reads_what_is_said_keeps_no_output_from_coming(
    service: Observed, spawn: Callable[..., subprocess.Popen[str]], here: Path
) -> None:
    service.add(ONE)
    service.add(OTHER)
    process = spawn(*SLUICE, "download", ONE, OTHER, "--api", service.url)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(20) == 0
    assert "Traceback" not in process.stderr.read()
    assert files(here) == ["a (1).mp3", "a.mp3"]


def test_an_output_of_another_length_than_the_job_says_is_never_kept(
    service: Observed, tend: Run, here: Path
) -> None:
    service.add(ONE)
    service.wrong_bytes = True
    ran = tend("download", ONE)
    assert ran.code == 1
    assert "DOWNLOAD_FAILED" in ran.stderr
    assert files(here) == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_storage_that_is_busy_is_asked_again(
    service: Observed, tend: Run, here: Path, status: int
) -> None:
    service.add(ONE)
    service.troubles["get"] = Trouble(times=2, status=status, headers={"retry-after": "0"})
    assert tend("download", ONE).code == 0
    assert files(here) == ["a.mp3"]


def test_a_folder_that_cannot_be_made_is_wrong_usage(service: Observed, tend: Run) -> None:
    assert tend("download", ONE, "--out", "/proc/nothing").code == 2
    assert service.log == []
