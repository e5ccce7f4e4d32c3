"""An upload that was broken off is taken up by the next run of the same command."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from client.source import Source
from client.unfinished import Unfinished, Wanted
from tests.client.conftest import IMPATIENT, SLUICE, Run
from tests.client.receiving import Received, Receiving, query
from tests.client.service import Service, Trouble, converted
from tests.client.test_command import wait_for

Spawn = Callable[..., subprocess.Popen[str]]

PART = 100_000
PARTS = 11
AUDIO = os.urandom(10 * PART + 17)
AT_ONCE = replace(IMPATIENT, attempts=1)


@pytest.fixture
def wav(service: Service, tmp_path: Path) -> Path:
    service.single_put_bytes = service.part_bytes = PART
    file = tmp_path / "a.wav"
    file.write_bytes(AUDIO)
    return file


@pytest.fixture
def broken_off(run: Run, service: Service, wav: Path) -> Received:
    """The upload of a run that failed in its middle; S3 works again, and nothing is in the log."""

    def fail(number: int) -> None:
        if number == 6:
            service.troubles["put_part"] = Trouble(99, 503)

    service.part_came = fail
    assert run("a.wav", "--to", "mp3", patience=AT_ONCE).object["error"]["code"] == "UPLOAD_FAILED"
    service.part_came = lambda number: None
    service.troubles.clear()
    service.log.clear()
    (upload,) = service.received.values()
    assert 0 < len(upload.parts) < PARTS
    return upload


def sent(service: Service) -> Counter[int]:
    paths = (path for kind, path in service.log if kind == "put_part")
    return Counter(int(query(path)["partNumber"]) for path in paths)


def assert_begun_anew(service: Service) -> None:
    assert sent(service) == Counter(range(1, PARTS + 1))
    assert service.count("create_upload") == 1
    assert Path("a.mp3").read_bytes() == converted(AUDIO, "mp3")


@pytest.mark.parametrize(
    ("verb", "end"),
    [("convert", signal.SIGKILL), ("upload", signal.SIGKILL), ("convert", signal.SIGINT)],
)
def test_killed_in_its_middle_and_started_again_it_sends_only_what_is_missing(
    spawn: Spawn, service: Service, wav: Path, state: Path, verb: str, end: signal.Signals
) -> None:
    release = threading.Event()

    def hang(number: int) -> None:
        if number > 5:
            release.wait(20)

    service.part_came = hang
    command = [*SLUICE, verb, "a.wav", "--to", "mp3", "--json", "--api", service.url]
    first = spawn(*command)
    wait_for(lambda: service.parts_at_once == 4)
    (upload,) = service.received.values()
    wait_for(lambda: upload.acknowledged == {1, 2, 3, 4, 5})
    first.send_signal(end)
    first.wait(10)
    service.signatures.end_all()  # what was on its way does not land after all
    release.set()
    wait_for(lambda: service.parts_at_once == 0)
    assert sorted(upload.parts) == [1, 2, 3, 4, 5]
    service.log.clear()

    again = spawn(*command)
    stdout, stderr = again.communicate(timeout=20)
    assert again.returncode == 0
    assert json.loads(stdout)["error"] is None
    assert sent(service) == Counter(range(6, PARTS + 1))
    assert service.count("create_upload") == 0
    assert service.count("parts") == 1
    assert service.objects[upload.file_id] == AUDIO
    assert "a.wav: resuming 50 %" in stderr
    assert list(state.iterdir()) == [], "it is finished"


def test_signatures_of_the_first_run_are_not_needed(
    run: Run, service: Service, broken_off: Received
) -> None:
    service.signatures.end_all()
    assert run("a.wav", "--to", "mp3").code == 0
    assert Path("a.mp3").read_bytes() == converted(AUDIO, "mp3")


def test_what_is_kept_tells_nobody_else_and_is_small(broken_off: Received, state: Path) -> None:
    (kept,) = state.glob("*.json")
    assert json.loads(kept.read_text())["fileId"] == broken_off.file_id
    assert kept.stat().st_size < 1000
    assert state.stat().st_mode & 0o077 == 0


def test_an_upload_that_is_gone_begins_anew(
    run: Run, service: Service, broken_off: Received
) -> None:
    service.received.clear()
    assert run("a.wav", "--to", "mp3").code == 0
    assert_begun_anew(service)


def test_an_upload_that_was_aborted_begins_anew(
    run: Run, service: Service, broken_off: Received
) -> None:
    broken_off.status = "aborted"
    assert run("a.wav", "--to", "mp3").code == 0
    assert_begun_anew(service)


def test_an_upload_that_has_expired_begins_anew(
    run: Run, service: Service, broken_off: Received
) -> None:
    broken_off.status = "expired"
    assert run("a.wav", "--to", "mp3").code == 0
    assert_begun_anew(service)


def test_an_upload_whose_parts_s3_has_given_up_is_not_tried_for_ever(
    run: Run, service: Service, broken_off: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record does not know yet."""

    def given_up(self: Receiving, upload: Received) -> None:
        self.problem(410, "FILE_EXPIRED", "The file has expired: upload it again.")

    with monkeypatch.context() as patched:
        patched.setattr(Receiving, "list_parts", given_up)
        assert run("a.wav", "--to", "mp3").object["error"]["code"] == "FILE_EXPIRED"
    assert run("a.wav", "--to", "mp3").code == 0
    assert_begun_anew(service)


@pytest.mark.parametrize("kind", ["upload", "parts", "sign_parts", "acknowledge", "complete"])
@pytest.mark.parametrize("status", [400, 404, 410])
def test_an_answer_that_is_not_sluices_word_for_its_end_ends_no_upload(
    run: Run, service: Service, broken_off: Received, kind: str, status: int
) -> None:
    """A proxy's 404, or a 400 for what another version asks."""
    service.troubles[kind] = Trouble(1, status)
    ran = run("a.wav", "--to", "mp3")
    assert (ran.code, ran.object["error"]["code"]) == (1, f"HTTP_{status}")
    assert broken_off.status == "uploading"
    assert run("a.wav", "--to", "mp3").code == 0
    assert service.count("create_upload") == 0


def test_one_that_was_completed_just_before_the_end_is_not_sent_again(
    run: Run, service: Service, wav: Path
) -> None:
    service.troubles["complete"] = Trouble(AT_ONCE.steady.attempts, None, after=True)
    ran = run("a.wav", "--to", "mp3", patience=AT_ONCE)
    assert ran.object["error"]["code"] == "API_UNREACHABLE"
    service.log.clear()
    assert run("a.wav", "--to", "mp3").code == 0
    assert (service.count("put_part"), service.count("create_upload")) == (0, 0)
    assert len(service.jobs) == 1


def test_a_file_that_has_changed_between_two_runs_begins_anew_and_the_old_one_is_aborted(
    run: Run, service: Service, broken_off: Received, wav: Path
) -> None:
    wav.write_bytes(AUDIO[::-1])
    assert run("a.wav", "--to", "mp3").code == 0
    assert Path("a.mp3").read_bytes() == converted(AUDIO[::-1], "mp3")
    assert sent(service) == Counter(range(1, PARTS + 1))
    assert broken_off.status == "aborted"


@pytest.mark.parametrize(
    "otherwise",
    [("--to", "flac"), ("--to", "mp3", "--delete-after-download")],
)
def test_another_wish_is_another_upload(
    run: Run, service: Service, broken_off: Received, otherwise: tuple[str, ...]
) -> None:
    assert run("a.wav", *otherwise).code == 0
    assert sent(service) == Counter(range(1, PARTS + 1))
    assert broken_off.status == "uploading", "it can still be gone on with"
    service.log.clear()
    assert run("a.wav", "--to", "mp3").code == 0
    assert service.count("create_upload") == 0


def test_to_begin_anew_gives_up_what_it_replaces_and_can_itself_be_taken_up(
    run: Run, service: Service, broken_off: Received
) -> None:
    service.troubles["complete"] = Trouble(99, 503)
    assert run("a.wav", "--to", "mp3", "--no-resume", patience=AT_ONCE).code == 1
    assert sent(service) == Counter(range(1, PARTS + 1))
    assert (broken_off.status, service.count("create_upload")) == ("aborted", 1)
    service.troubles.clear()
    service.log.clear()
    assert run("a.wav", "--to", "mp3").code == 0
    assert (service.count("put_part"), service.count("create_upload")) == (0, 0)


def test_another_caller_is_another_upload(
    run: Run, service: Service, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    sign = ("a.wav", "--to", "mp3", "--region", "eu-west-1")
    service.troubles["complete"] = Trouble(99, 503)
    for key in ("AKIDONE", "AKIDTWO"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        assert run(*sign, patience=AT_ONCE).code == 1
    service.troubles.clear()
    service.log.clear()
    for key in ("AKIDONE", "AKIDTWO"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        assert run(*sign).code == 0
    assert (service.count("put_part"), service.count("create_upload")) == (0, 0)
    assert len(service.received) == 2


def test_another_deployment_is_another_upload(
    run: Run, service: Service, broken_off: Received
) -> None:
    other = service.url.replace("127.0.0.1", "localhost")
    assert run("a.wav", "--to", "mp3", api=other).code == 0
    assert_begun_anew(service)


def test_two_of_the_same_at_the_same_time_are_two_uploads(
    run: Run, service: Service, broken_off: Received, state: Path
) -> None:
    """Another process holds it, which is as if this one had no memory."""
    (kept,) = state.glob("*.json")
    before = kept.read_text()
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run("a.wav", "--to", "mp3").code == 0
    assert_begun_anew(service)
    assert kept.read_text() == before


def test_one_that_nobody_could_take_up_is_given_up(
    run: Run, service: Service, broken_off: Received, state: Path
) -> None:
    (kept,) = state.glob("*.json")
    service.troubles["put_part"] = Trouble(999, 503)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run("a.wav", "--to", "mp3").code == 1
    first, second = service.received.values()
    assert (first.status, second.status) == ("uploading", "aborted")


def test_a_file_named_twice_in_one_call_is_two_uploads(
    run: Run, service: Service, wav: Path, state: Path
) -> None:
    assert run("a.wav", "a.wav", "--to", "mp3").code == 0
    assert len(service.objects) == 2
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"fileId": 7}', '{"fileId": "../../x"}'])
def test_what_is_kept_but_cannot_be_used_is_as_nothing(
    run: Run, service: Service, broken_off: Received, state: Path, garbage: str
) -> None:
    (kept,) = state.glob("*.json")
    kept.write_text(garbage)
    assert run("a.wav", "--to", "mp3").code == 0
    assert_begun_anew(service)


def test_where_nothing_can_be_kept_the_file_is_sent_all_the_same(
    run: Run, service: Service, wav: Path, state: Path
) -> None:
    state.parent.parent.joinpath("sluice").write_text("a file where a folder should be")
    assert run("a.wav", "--to", "mp3").code == 0
    assert_begun_anew(service)


def test_where_no_more_can_be_kept_it_is_said_once_and_nothing_is_left(
    run: Run, service: Service, wav: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav.with_name("b.wav").write_bytes(AUDIO)

    def full(path: Path, text: str) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    ran = run("a.wav", "b.wav", "--to", "mp3")
    assert ran.code == 0
    assert ran.stderr.count("cannot be taken up again") == 1
    assert str(state) in ran.stderr
    assert list(state.iterdir()) == []


def test_what_cannot_be_written_whole_leaves_what_was_there(wav: Path, state: Path) -> None:
    notes: list[str] = []
    with Unfinished("https://x.example/v1", "", notes.append).memory(
        Source.at(wav), Wanted()
    ) as memory:
        memory.remember("first")
        (kept,) = state.glob("*.json")
        kept.with_suffix(".new").symlink_to("/dev/full")
        memory.remember("second")
    assert json.loads(kept.read_text())["fileId"] == memory.file_id == "first"
    assert len(notes) == 1


def test_a_token_that_runs_out_on_the_way_leaves_the_rest_for_a_new_one(
    run: Run, service: Service, wav: Path
) -> None:
    service.door = lambda seen: 401 if service.count("acknowledge") > 3 else None
    first = run("a.wav", "--to", "mp3", "--token", "old")
    assert first.object["error"]["code"] == "HTTP_401"
    (upload,) = service.received.values()
    assert upload.status == "uploading"
    there = set(upload.parts)
    service.door = lambda seen: None
    service.log.clear()
    assert run("a.wav", "--to", "mp3", "--token", "new").code == 0
    assert not there & set(sent(service))


def test_what_is_older_than_any_upload_is_swept_away(run: Run, wav: Path, state: Path) -> None:
    state.mkdir(parents=True)
    for name, age in (("old.json", 31), ("young.json", 29)):
        (state / name).write_text("{}")
        os.utime(state / name, (wav.stat().st_mtime - age * 86400,) * 2)
    assert run("a.wav", "--to", "mp3").code == 0
    assert [each.name for each in state.iterdir()] == ["young.json"]
