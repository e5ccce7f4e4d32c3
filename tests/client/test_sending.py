"""A large file goes up in parts, over real HTTP: what is sent, and what becomes of failures."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from client.answers import SignedRequest
from client.moment import Meter
from client.retry import Patience
from client.source import Source
from client.transfer import Storage
from tests.client.conftest import IMPATIENT, SLUICE, Run
from tests.client.receiving import Received, query, signed_part
from tests.client.service import Service, Trouble, converted

PART = 100_000
PARTS = 11
AUDIO = os.urandom(10 * PART + 17)


@pytest.fixture
def wav(service: Service, tmp_path: Path) -> Path:
    """A file of eleven parts, the last of them short."""
    service.single_put_bytes = service.part_bytes = PART
    file = tmp_path / "a.wav"
    file.write_bytes(AUDIO)
    return file


def only(service: Service) -> Received:
    (upload,) = service.received.values()
    return upload


def sent(service: Service) -> Counter[int]:
    """How often each part was sent to S3."""
    paths = (path for kind, path in service.log if kind == "put_part")
    return Counter(int(query(path)["partNumber"]) for path in paths)


def test_a_large_file_arrives_whole_in_parts_each_acknowledged(
    run: Run, service: Service, wav: Path
) -> None:
    assert run("a.wav", "--to", "mp3").code == 0
    assert Path("a.mp3").read_bytes() == converted(AUDIO, "mp3")
    assert sent(service) == Counter(range(1, PARTS + 1))
    assert only(service).acknowledged == set(range(1, PARTS + 1))
    assert service.count("put") == 0


def test_a_file_of_the_most_that_one_put_takes_is_one_put(
    run: Run, service: Service, wav: Path
) -> None:
    wav.write_bytes(AUDIO[:PART])
    assert run("a.wav", "--to", "mp3").code == 0
    assert (service.count("put"), service.count("put_part")) == (1, 0)


def test_some_parts_are_on_their_way_side_by_side_and_no_more(
    run: Run, service: Service, wav: Path
) -> None:
    service.part_came = lambda number: time.sleep(0.05)
    assert run("a.wav", "--to", "mp3").code == 0
    assert service.most_parts_at_once == 4


def test_signatures_are_asked_for_some_at_a_time(run: Run, service: Service, wav: Path) -> None:
    service.part_bytes = 25_000  # 41 parts
    assert run("a.wav", "--to", "mp3").code == 0
    assert service.count("put_part") == 41
    assert service.count("sign_parts") == 3


def test_parts_whose_signatures_expired_on_the_way_are_signed_anew(
    run: Run, service: Service, wav: Path
) -> None:
    def expire(number: int) -> None:
        if number == 5:
            service.part_came = lambda number: None
            service.signatures.end_all()

    service.part_came = expire
    assert run("a.wav", "--to", "mp3").code == 0
    assert Path("a.mp3").read_bytes() == converted(AUDIO, "mp3")
    again = [number for number, times in sent(service).items() if times > 1]
    assert 5 in again
    assert len(again) <= 4, "those on their way; what was signed with them is not tried"
    assert max(sent(service).values()) == 2


def test_what_s3_refuses_costs_nothing_of_what_it_has(
    run: Run, service: Service, wav: Path
) -> None:
    """It may be no S3 at all: a hotel's network answers 403 to everything."""
    service.signatures.seconds = 0
    error = run("a.wav", "--to", "mp3").object["error"]
    assert error["code"] == "STORAGE_REFUSED"
    assert "Request has expired" in error["message"]
    assert max(sent(service).values()) <= 2
    assert only(service).status == "uploading"
    service.signatures.seconds = 3600
    assert run("a.wav", "--to", "mp3").code == 0
    assert service.count("create_upload") == 1


@pytest.mark.parametrize(
    "trouble",
    [Trouble(3, 503), Trouble(3, None), Trouble(3, None, after=True)],
    ids=["refused", "broken off", "answer lost"],
)
@pytest.mark.parametrize("kind", ["put_part", "sign_parts", "acknowledge", "complete"])
def test_a_passing_failure_is_tried_again(
    run: Run, service: Service, wav: Path, kind: str, trouble: Trouble
) -> None:
    service.troubles[kind] = trouble
    assert run("a.wav", "--to", "mp3").code == 0
    assert Path("a.mp3").read_bytes() == converted(AUDIO, "mp3")
    assert len(service.jobs) == 1


def test_a_line_that_is_gone_between_a_part_and_its_acknowledgement_is_waited_for(
    run: Run, service: Service, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.parts.AT_ONCE", 1)  # or the others take some of the failures
    service.troubles["acknowledge"] = Trouble(IMPATIENT.attempts + 1, None)
    assert run("a.wav", "--to", "mp3").code == 0
    assert max(sent(service).values()) == 1


@pytest.mark.parametrize("wrong", [{"bytes": 0}, {"offset": 1}, {"bytes": PART + 1}])
def test_a_part_signed_for_other_bytes_than_its_own_is_not_sent(
    run: Run,
    service: Service,
    wav: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, int],
) -> None:
    monkeypatch.setattr(
        "tests.client.receiving.signed_part", lambda *given: signed_part(*given) | wrong
    )
    assert run("a.wav", "--to", "mp3").object["error"]["code"] == "UNEXPECTED_ANSWER"
    assert service.count("put_part") == 0


def test_a_part_that_is_never_taken_is_a_coded_error(run: Run, service: Service, wav: Path) -> None:
    service.troubles["put_part"] = Trouble(999, 503)
    ran = run("a.wav", "--to", "mp3")
    assert (ran.code, ran.object["error"]["code"]) == (1, "UPLOAD_FAILED")
    assert max(sent(service).values()) == IMPATIENT.steady.attempts


def test_a_request_for_an_upload_whose_answer_was_lost_makes_no_second_one(
    run: Run, service: Service, wav: Path
) -> None:
    service.troubles["create_upload"] = Trouble(2, None, after=True)
    assert run("a.wav", "--to", "mp3").code == 0
    assert service.count("create_upload") == 3
    assert len(service.received) == 1


def test_two_uploads_have_keys_of_their_own(run: Run, service: Service, wav: Path) -> None:
    assert run("a.wav", "a.wav", "--to", "mp3").code == 0
    assert len(service.received) == len(service.keys) == 2


def test_a_part_that_s3_has_lost_is_sent_again(run: Run, service: Service, wav: Path) -> None:
    def lose(number: int) -> None:
        if number == PARTS:
            only(service).parts.pop(1, None)
            service.part_came = lambda number: None

    service.part_came = lose
    assert run("a.wav", "--to", "mp3").code == 0
    assert Path("a.mp3").read_bytes() == converted(AUDIO, "mp3")
    assert sent(service)[1] == 2


def test_an_upload_whose_parts_are_lost_again_and_again_is_an_error_and_given_up(
    run: Run, service: Service, wav: Path, state: Path
) -> None:
    service.never_kept = {1}
    ran = run("a.wav", "--to", "mp3")
    assert ran.object["error"]["code"] == "PARTS_MISSING"
    assert service.count("complete") == 3
    assert (only(service).status, list(state.iterdir())) == ("aborted", [])


@pytest.mark.parametrize("trouble", [Trouble(9, 403), Trouble(99, 503), Trouble(99, None)])
def test_one_put_that_fails_for_good_is_given_up_for_nobody_can_go_on_with_it(
    run: Run, service: Service, wav: Path, trouble: Trouble
) -> None:
    wav.write_bytes(AUDIO[:PART])
    service.troubles["put"] = trouble
    assert run("a.wav", "--to", "mp3").code == 1
    assert only(service).status == "aborted"


def test_one_put_that_is_interrupted_is_given_up(
    spawn: Callable[..., subprocess.Popen[str]], service: Service, wav: Path
) -> None:
    wav.write_bytes(AUDIO[:PART])
    came, release = threading.Event(), threading.Event()

    def hang(file_id: str, content: bytes) -> None:
        came.set()
        release.wait(10)

    service.store = hang
    command = spawn(*SLUICE, "upload", "a.wav", "--api", service.url)
    assert came.wait(10)
    command.send_signal(signal.SIGINT)
    assert command.wait(5) == 130
    release.set()
    assert only(service).status == "aborted"


def test_what_cannot_be_told_that_it_is_over_does_not_keep_the_interrupted_waiting(
    spawn: Callable[..., subprocess.Popen[str]], service: Service, wav: Path
) -> None:
    wav.write_bytes(AUDIO[:PART])
    came, release = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        came.set()
        release.wait(10)

    service.store = hang
    service.troubles["abort"] = Trouble(999, 503)
    command = spawn(*SLUICE, "upload", "a.wav", "--api", service.url)
    assert came.wait(10)
    command.send_signal(signal.SIGINT)
    assert command.wait(4) == 130
    release.set()


def test_a_file_that_changes_on_the_way_is_never_completed(
    run: Run, service: Service, wav: Path, state: Path
) -> None:
    def change(number: int) -> None:
        if number == 3:
            wav.write_bytes(AUDIO[::-1])

    service.part_came = change
    ran = run("a.wav", "--to", "mp3")
    assert (ran.code, ran.object["error"]["code"]) == (1, "FILE_CHANGED")
    assert only(service).status == "aborted"
    assert (service.jobs, list(state.iterdir())) == ({}, [])


def test_a_file_that_changes_when_its_last_part_is_gone_is_never_completed(
    run: Run, service: Service, wav: Path
) -> None:
    def change(number: int) -> None:
        if len(only(service).parts) == PARTS - 1:
            wav.write_bytes(AUDIO[::-1])

    service.part_came = change
    assert run("a.wav", "--to", "mp3").object["error"]["code"] == "FILE_CHANGED"
    assert service.count("complete") == 0


def test_what_the_deployment_is_to_delete_is_said_with_the_upload(
    run: Run, service: Service, wav: Path
) -> None:
    assert run("a.wav", "--to", "mp3", "--delete-after-download").code == 0
    assert only(service).asked["deleteAfterDownload"] is True


def test_nothing_that_says_who_calls_is_sent_to_s3(run: Run, service: Service, wav: Path) -> None:
    (wav.parent / "small.wav").write_bytes(b"x")
    assert run("a.wav", "small.wav", "--to", "mp3", "--token", "secret").code == 0
    to_s3 = [each for each in service.seen if each.path.startswith("/bucket/")]
    to_the_api = [each for each in service.seen if each.path.startswith("/v1/")]
    assert {each.kind for each in to_s3} == {"put", "put_part", "get"}
    assert not [each for each in to_s3 if "secret" in str(each)]
    assert {each.headers["authorization"] for each in to_the_api} == {"Bearer secret"}


def test_a_put_that_landed_although_it_broke_off_is_done_when_it_is_in_the_way(
    service: Service, tmp_path: Path
) -> None:
    """The API may not have seen it yet when the attempt after it begins."""
    file = tmp_path / "a.wav"
    file.write_bytes(b"x")
    service.troubles["put"] = Trouble(1, None, after=True)

    async def put() -> None:
        async with httpx.AsyncClient() as http:
            asked = {"fileName": "a.wav", "bytes": 1, "conversions": []}
            headers = {"idempotency-key": "k"}
            answer = await http.post(f"{service.url}/uploads", json=asked, headers=headers)
            request = SignedRequest.from_json(answer.json()["upload"])

            async def signed() -> SignedRequest:
                return request

            storage = Storage(http, Patience(first_wait=0.01))
            await storage.put(Source.at(file), signed, lambda done: None)

    asyncio.run(put())
    assert service.count("put") == 2
    assert list(service.objects.values()) == [b"x"]


def test_progress_of_an_upload_that_goes_on_counts_what_was_there_but_not_as_speed() -> None:
    meter = Meter("uploading", 1000, before=600)
    assert str(meter.at(600)) == "uploading 60 %"
    meter._began -= 10.0  # ten seconds ago
    assert str(meter.at(800)) == "uploading 80 %, 19 bytes/s, 0:10 left"


def test_progress_never_falls_when_a_part_is_sent_again() -> None:
    meter = Meter("uploading", 1000)
    meter.at(700)
    assert meter.at(500).percent == 70
