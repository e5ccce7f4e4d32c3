"""`sluice convert` over real HTTP: what it makes, and what becomes of failures."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from client.source import CHUNK
from tests.client.conftest import IMPATIENT, Run
from tests.client.service import Service, Trouble, converted

AUDIO = os.urandom(3 * CHUNK + 17)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    file = tmp_path / "a.wav"
    file.write_bytes(AUDIO)
    return file


def leftovers(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.name.startswith(".sluice")]


def test_a_file_is_uploaded_converted_and_downloaded(
    run: Run, service: Service, wav: Path, tmp_path: Path
) -> None:
    ran = run("a.wav", "--to", "MP3", "--bitrate", "192k", "--out", "new/folder")
    assert ran.code == 0
    (job,) = service.jobs.values()
    assert ran.object == {
        "file": "a.wav",
        "jobId": job.job_id,
        "status": "completed",
        "output": "new/folder/a.mp3",
        "durationSeconds": 62.5,
        "bytes": len(AUDIO) + 4,
        "mode": "stream",
        "loudness": None,
        "waveform": [],
        "warnings": [],
        "error": None,
    }
    assert (tmp_path / "new/folder/a.mp3").read_bytes() == converted(AUDIO, "mp3")
    assert job.conversion == {"format": "mp3", "bitrateKbps": 192}
    assert leftovers(tmp_path / "new/folder") == []


def test_the_output_gets_the_permissions_any_new_file_gets(run: Run, wav: Path) -> None:
    run("a.wav", "--to", "mp3")
    assert Path("a.mp3").stat().st_mode == Path("a.wav").stat().st_mode


def test_the_signed_headers_are_sent_as_given_and_the_body_unchunked(
    run: Run, service: Service, wav: Path
) -> None:
    run("a.wav", "--to", "mp3")
    (sent,) = service.put_headers
    assert sent["content-length"] == str(len(AUDIO))
    assert sent["content-type"] == "application/octet-stream"
    assert sent["if-none-match"] == "*"
    assert "transfer-encoding" not in sent


def test_what_fails_does_not_harm_the_others(run: Run, service: Service, wav: Path) -> None:
    Path("notes.mp3").write_bytes(b"text, no audio")
    Path("b.flac").write_bytes(b"b")
    Path("empty.wav").touch()
    Path("folder").mkdir()
    ran = run("a.wav", "notes.mp3", "missing.wav", "folder", "empty.wav", "b.flac", "--to", "opus")
    assert ran.code == 1
    by_file = {each["file"]: each for each in ran.objects}
    assert len(ran.objects) == len(by_file) == 6
    assert [by_file[each]["output"] for each in ("a.wav", "b.flac")] == ["a.opus", "b.opus"]
    assert by_file["notes.mp3"]["error"] == {
        "code": "UNSUPPORTED_INPUT",
        "message": "No audio was found: send an audio file.",
    }
    assert by_file["notes.mp3"]["jobId"] in service.jobs
    assert by_file["empty.wav"]["error"]["code"] == "EMPTY_INPUT"
    for unreadable in ("missing.wav", "folder"):
        assert by_file[unreadable]["error"]["code"] == "FILE_NOT_READABLE"
        assert by_file[unreadable]["jobId"] is None
    assert "2 of 6 files converted." in ran.stderr
    assert service.count("create_upload") == 4


def test_a_named_pipe_is_refused_without_waiting_for_a_writer(run: Run, service: Service) -> None:
    os.mkfifo("pipe.wav")
    assert run("pipe.wav", "--to", "mp3").object["error"]["code"] == "FILE_NOT_READABLE"
    assert service.log == []


def test_an_unknown_format_is_refused_by_the_api_and_no_job_is_started(
    run: Run, service: Service, wav: Path
) -> None:
    ran = run("a.wav", "--to", "mp9")
    assert ran.code == 1
    assert ran.object["error"]["code"] == "UNSUPPORTED_OUTPUT_FORMAT"
    assert "Choose one of" in ran.object["error"]["message"]
    assert service.jobs == {}


def test_a_cancelled_job_says_so(run: Run, service: Service, wav: Path) -> None:
    service.cancels = True
    ran = run("a.wav", "--to", "mp3")
    assert (ran.code, ran.object["status"]) == (1, "cancelled")
    assert ran.object["error"]["code"] == "JOB_CANCELLED"


def test_nothing_is_overwritten_and_numbers_follow_the_order_given(run: Run, wav: Path) -> None:
    Path("a.flac").write_bytes(b"second")
    Path("a.mp3").write_bytes(b"precious")
    ran = run("a.flac", "a.wav", "a.flac", "--to", "mp3", "--jobs", "1")
    assert ran.code == 0
    assert [each["output"] for each in ran.objects] == ["a (1).mp3", "a (2).mp3", "a (3).mp3"]
    assert Path("a.mp3").read_bytes() == b"precious"
    assert Path("a (2).mp3").read_bytes() == converted(AUDIO, "mp3")
    assert Path("a (3).mp3").read_bytes() == converted(b"second", "mp3")


def test_a_name_from_afar_cannot_lead_out_of_the_folder(
    run: Run, service: Service, wav: Path
) -> None:
    service.output_name = "../../evil.so/../x.mp3/.."
    assert run("a.wav", "--to", "mp3").object["output"] == "a.mp3"


def test_names_that_are_no_text_can_be_sent_and_reported(
    run: Run, service: Service, tmp_path: Path
) -> None:
    name = os.fsdecode("été".encode("latin-1") + b".wav")
    try:
        Path(name).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert run(name, "--to", "mp3").code == 0
    (upload,) = service.uploads.values()
    assert upload["fileName"] == "\ufffdt\ufffd.wav"
    assert (tmp_path / name).with_suffix(".mp3").exists()


@pytest.mark.parametrize("side_by_side", [1, 3])
def test_so_many_files_are_on_their_way_at_once(
    run: Run, service: Service, side_by_side: int
) -> None:
    names = [f"{number}.wav" for number in range(6)]
    for name in names:
        Path(name).write_bytes(b"x")
    assert run(*names, "--to", "mp3", "--jobs", str(side_by_side)).code == 0
    assert service.most_at_once == side_by_side


@pytest.mark.parametrize("kind", ["create_upload", "put", "list_jobs", "progress", "job", "output"])
@pytest.mark.parametrize("status", [503, None])
def test_a_passing_failure_is_tried_again(
    run: Run, service: Service, wav: Path, kind: str, status: int | None
) -> None:
    service.troubles[kind] = Trouble(2, status)
    assert run("a.wav", "--to", "mp3").code == 0
    assert Path("a.mp3").read_bytes() == converted(AUDIO, "mp3")


@pytest.mark.parametrize("kind", ["list_jobs", "progress", "output"])
def test_once_there_is_a_job_a_line_may_be_gone_for_longer(
    run: Run, service: Service, wav: Path, kind: str
) -> None:
    service.troubles[kind] = Trouble(IMPATIENT.attempts + 1, None)
    assert run("a.wav", "--to", "mp3").code == 0
    assert Path("a.mp3").read_bytes() == converted(AUDIO, "mp3")


def test_retry_after_is_honoured(run: Run, service: Service, wav: Path) -> None:
    service.troubles["create_upload"] = Trouble(1, 429, {"retry-after": "1"})
    assert run("a.wav", "--to", "mp3").code == 0
    first, second = [
        at
        for at, (kind, _) in zip(service.times, service.log, strict=True)
        if kind == "create_upload"
    ]
    assert second - first >= 1.0


def test_polls_keep_the_distance_they_are_asked_for(run: Run, service: Service, wav: Path) -> None:
    service.retry_after, service.polls_until_over = "1", 2
    began = time.monotonic()
    assert run("a.wav", "--to", "mp3").code == 0
    assert time.monotonic() - began >= 1.0
    assert service.count("progress") == 2


def test_a_put_whose_answer_was_lost_is_not_sent_again(
    run: Run, service: Service, wav: Path
) -> None:
    service.troubles["put"] = Trouble(1, None, after=True)
    assert run("a.wav", "--to", "mp3").code == 0
    assert service.count("put") == 1
    assert len(service.jobs) == 1


def test_an_object_in_the_way_of_the_first_put_is_an_error(
    run: Run, service: Service, wav: Path
) -> None:
    service.troubles["put"] = Trouble(1, 412)
    assert run("a.wav", "--to", "mp3").object["error"]["code"] == "STORAGE_REFUSED"


def test_a_signature_that_s3_refuses_is_not_tried_again(
    run: Run, service: Service, wav: Path
) -> None:
    service.troubles["put"] = Trouble(9, 403)
    assert run("a.wav", "--to", "mp3").object["error"]["code"] == "STORAGE_REFUSED"
    assert service.count("put") == 1


def test_a_storage_that_stays_down_is_a_coded_error(run: Run, service: Service, wav: Path) -> None:
    service.troubles["put"] = Trouble(99, 503)
    ran = run("a.wav", "--to", "mp3")
    assert (ran.code, ran.object["error"]["code"]) == (1, "UPLOAD_FAILED")
    assert service.count("put") == 4


def test_a_download_cut_short_is_fetched_again(
    run: Run, service: Service, wav: Path, tmp_path: Path
) -> None:
    service.cut_downloads = 1
    assert run("a.wav", "--to", "mp3").code == 0
    assert Path("a.mp3").read_bytes() == converted(AUDIO, "mp3")
    assert service.count("output") == 1, "a URL that holds is used again"


def test_an_output_of_the_wrong_length_is_never_kept(
    run: Run, service: Service, wav: Path, tmp_path: Path
) -> None:
    service.wrong_bytes = True
    ran = run("a.wav", "--to", "mp3")
    assert ran.object["error"]["code"] == "DOWNLOAD_FAILED"
    assert ran.object["jobId"] in service.jobs
    assert [each.name for each in tmp_path.iterdir()] == ["a.wav"]


def test_a_job_may_take_its_time_to_appear(run: Run, service: Service, wav: Path) -> None:
    service.lists_until_job = 3
    assert run("a.wav", "--to", "mp3").code == 0


def test_a_job_that_never_appears_is_a_coded_error(run: Run, service: Service, wav: Path) -> None:
    service.starts_jobs = False
    ran = run("a.wav", "--to", "mp3")
    assert (ran.code, ran.object["error"]["code"]) == (1, "JOB_NOT_STARTED")


@pytest.mark.parametrize(
    ("stage", "limit"), [("converting", "job_runs_silent"), ("restarting", "job_waits")]
)
def test_a_job_that_moves_no_more_is_given_up_with_a_coded_error(
    run: Run, service: Service, wav: Path, stage: str, limit: str
) -> None:
    service.stuck_at, service.polls_until_over = stage, 10**6
    ran = run("a.wav", "--to", "mp3", patience=replace(IMPATIENT, **{limit: 0.5}))
    error = ran.object["error"]
    assert (ran.code, error["code"]) == (1, "JOB_STALLED")
    assert f"execution named {ran.object['jobId']}" in error["message"]
    assert "convert the file again" in error["message"]


def test_a_job_that_moves_slowly_is_waited_for(run: Run, service: Service, wav: Path) -> None:
    service.polls_until_over = 6
    patience = replace(IMPATIENT, job_runs_silent=0.6, job_waits=0.6)
    assert run("a.wav", "--to", "mp3", patience=patience).code == 0


@pytest.mark.parametrize(
    ("name", "sent", "output"),
    [
        ("a\nb\tc\x1b[2J.wav", "a_b_c_[2J.wav", "a_b_c_[2J.mp3"),
        ("talk.wav\n", "talk.wav", "talk.mp3"),
        ("\u2028.wav", "_.wav", "_.mp3"),
    ],
)
def test_control_characters_in_a_name_reach_neither_the_api_nor_the_output(
    run: Run, service: Service, tmp_path: Path, name: str, sent: str, output: str
) -> None:
    (tmp_path / name).write_bytes(b"x")
    ran = run(name, "--to", "mp3")
    assert (ran.code, ran.object["output"]) == (0, output)
    (upload,) = service.uploads.values()
    assert upload["fileName"] == sent
    assert (tmp_path / output).exists()


def test_nothing_is_called_an_upload_until_it_was_granted(
    run: Run, service: Service, wav: Path
) -> None:
    service.troubles["create_upload"] = Trouble(999, None)
    slow = replace(IMPATIENT, first_wait=0.5, longest_wait=0.5)
    ran = run("a.wav", "--to", "mp3", patience=slow)
    assert ran.object["error"]["code"] == "API_UNREACHABLE"
    assert "a.wav: connecting" in ran.stderr
    assert "uploading" not in ran.stderr


def test_an_api_that_does_not_answer_is_exit_code_3_and_waited_for_once(
    run: Run, service: Service
) -> None:
    names = [f"{number}.wav" for number in range(8)]
    for name in names:
        Path(name).write_bytes(b"x")
    service.troubles["create_upload"] = Trouble(999, None)
    ran = run(*names, "--to", "mp3", "--jobs", "2")
    assert ran.code == 3
    assert {each["error"]["code"] for each in ran.objects} == {"API_UNREACHABLE"}
    assert len(ran.objects) == 8
    assert service.count("create_upload") <= 2 * 4


def test_an_api_that_has_answered_is_asked_again_for_the_files_that_follow(
    run: Run, service: Service, wav: Path
) -> None:
    Path("b.wav").write_bytes(b"b")
    service.troubles["progress"] = Trouble(IMPATIENT.steady.attempts, None)
    ran = run("a.wav", "b.wav", "--to", "mp3", "--jobs", "1")
    by_file = {each["file"]: each for each in ran.objects}
    assert by_file["a.wav"]["error"]["code"] == "API_UNREACHABLE"
    assert by_file["b.wav"]["output"] == "b.mp3"


def test_an_api_that_is_lost_while_a_job_runs_is_not_one_that_could_not_be_tried(
    run: Run, service: Service, wav: Path
) -> None:
    service.troubles["progress"] = Trouble(999, None)
    ran = run("a.wav", "--to", "mp3")
    assert (ran.code, ran.object["error"]["code"]) == (1, "API_UNREACHABLE")
    assert ran.object["jobId"] in service.jobs


def test_an_address_that_is_no_sluice_says_so(run: Run, service: Service, wav: Path) -> None:
    service.troubles["create_upload"] = Trouble(1, 200)
    ran = run("a.wav", "--to", "mp3")
    assert (ran.code, ran.object["error"]["code"]) == (1, "UNEXPECTED_ANSWER")


def test_if_no_file_can_be_read_nobody_is_contacted(run: Run, service: Service) -> None:
    ran = run("no.wav", "nor.wav", "--to", "mp3", local=["/this/would/fail/to/start"])
    assert ran.code == 1
    assert service.log == []


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    run: Run, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert run("a.wav", "--to", "mp3").code == 0


def test_a_mistake_of_our_own_costs_one_file(
    run: Run, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("b.wav").write_bytes(b"b")

    def broken(self: object) -> str:
        if self.path.name == "b.wav":  # type: ignore[attr-defined]
            raise RuntimeError("oops")
        return "a.wav"

    monkeypatch.setattr("client.source.Source.name", property(broken))
    ran = run("a.wav", "b.wav", "--to", "mp3")
    assert ran.code == 1
    by_file = {each["file"]: each for each in ran.objects}
    assert by_file["a.wav"]["status"] == "completed"
    assert by_file["b.wav"]["error"]["code"] == "INTERNAL_ERROR"
    assert "Traceback" in ran.stderr
