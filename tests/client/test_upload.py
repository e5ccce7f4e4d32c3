"""`sluice upload`: files to a deployment and no further."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.client.conftest import Run
from tests.client.service import Service, Trouble


@pytest.fixture(autouse=True)
def wav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.wav"
    file.write_bytes(b"a" * 1000)
    return file


def test_a_file_is_uploaded_and_its_id_is_told(service: Service, tend: Run) -> None:
    ran = tend("upload", "a.wav")
    (file_id,) = service.received
    assert (ran.code, ran.stdout) == (0, f"a.wav -> {file_id}\n")
    assert service.objects[file_id] == b"a" * 1000
    assert (service.jobs, service.count("list_jobs")) == ({}, 0)


def test_with_a_conversion_its_job_is_told_and_not_waited_for(service: Service, tend: Run) -> None:
    service.polls_until_over = 10**6
    ran = tend("upload", "a.wav", "--to", "mp3", "--bitrate", "96")
    (job,) = service.jobs.values()
    assert (ran.code, ran.stdout) == (0, f"a.wav -> {job.file_id}, job {job.job_id}\n")
    assert job.conversion == {"format": "mp3", "bitrateKbps": 96}


def test_with_json_each_file_is_an_object(service: Service, tend: Run) -> None:
    ran = tend("upload", "a.wav", "missing.wav", "--json", "--preset", "podcast-mono-64k")
    assert ran.code == 1
    by_file = {each["file"]: each for each in ran.objects}
    (job,) = service.jobs.values()
    assert by_file["a.wav"] == {
        "file": "a.wav",
        "fileId": job.file_id,
        "status": "uploaded",
        "bytes": 1000,
        "jobIds": [job.job_id],
        "error": None,
    }
    missing = by_file["missing.wav"]
    assert (missing["status"], missing["fileId"], missing["jobIds"]) == ("failed", None, [])
    assert missing["error"]["code"] == "FILE_NOT_READABLE"
    assert "1 of 2 files uploaded." in ran.stderr


def test_a_file_that_is_there_though_no_job_came_is_told_with_the_error(
    service: Service, tend: Run
) -> None:
    service.starts_jobs = False
    ran = tend("upload", "a.wav", "--to", "mp3", "--json")
    assert ran.code == 1
    assert ran.object["fileId"] in service.objects
    assert ran.object["error"]["code"] == "JOB_NOT_STARTED"


def test_what_is_to_be_deleted_after_its_download_is_said(service: Service, tend: Run) -> None:
    assert tend("upload", "a.wav", "--delete-after-download").code == 0
    (upload,) = service.received.values()
    assert upload.asked == {
        "fileName": "a.wav",
        "bytes": 1000,
        "contentType": "audio/x-wav",
        "conversions": [],
        "deleteAfterDownload": True,
    }


@pytest.mark.parametrize("option", [("--quality", "0"), ("--waveform",), ("--tag", "title=")])
def test_an_option_without_a_format_is_wrong_usage(
    service: Service, tend: Run, option: tuple[str, ...]
) -> None:
    ran = tend("upload", "a.wav", *option)
    assert (ran.code, "--to" in ran.stderr) == (2, True)
    assert service.log == []


def test_an_api_that_does_not_answer_is_exit_code_3(service: Service, tend: Run) -> None:
    service.troubles["create_upload"] = Trouble(99, None)
    ran = tend("upload", "a.wav")
    assert (ran.code, ran.stdout) == (3, "")
    assert "a.wav: API_UNREACHABLE" in ran.stderr


def test_an_api_that_is_lost_when_the_file_is_there_is_exit_code_1(
    service: Service, tend: Run
) -> None:
    service.troubles["list_jobs"] = Trouble(99, None)
    ran = tend("upload", "a.wav", "--to", "mp3", "--json")
    assert (ran.code, ran.object["error"]["code"]) == (1, "API_UNREACHABLE")
    assert ran.object["fileId"] in service.objects


def test_its_exit_codes_are_in_its_help(tend: Run) -> None:
    text = tend("upload", "--help").stdout
    for code in ("0 ", "1 ", "2 ", "3 ", "130"):
        assert f"\n    {code}" in text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.WAV", "audio/x-wav"),
        ("a.flac", "audio/flac"),
        ("a.m4a", "audio/mp4"),
        ("a.mp4", "video/mp4"),
        ("data:audio,.mp3", "audio/mpeg"),
        ("a.wav.gz", None),
        ("a.txt", None),
        ("a", None),
    ],
)
def test_a_files_type_is_told_where_its_suffix_is_one_of_sound(
    service: Service, tend: Run, tmp_path: Path, name: str, told: str | None
) -> None:
    (tmp_path / name).write_bytes(b"a")
    assert tend("upload", name).code == 0
    (asked,) = (each for each in service.seen if each.kind == "create_upload")
    assert json.loads(asked.body).get("contentType") == told
