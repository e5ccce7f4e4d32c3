"""`sluice start`: a job for a file that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.conftest import Run
from tests.client.service import Service, Trouble


@pytest.fixture
def file_id(service: Service, tend: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"a" * 1000)
    assert tend("upload", "a.wav").code == 0
    (file_id,) = service.received
    return file_id


def test_a_job_is_started_and_its_id_told(service: Service, tend: Run, file_id: str) -> None:
    ran = tend("start", file_id, "--to", "mp3", "--bitrate", "96k")
    (job,) = service.jobs.values()
    assert (ran.code, ran.stdout) == (0, f"{file_id} -> job {job.job_id}\n")
    assert service.jobs_asked == [
        {"fileId": file_id, "conversion": {"format": "mp3", "bitrateKbps": 96}}
    ]


def test_that_the_output_is_to_go_is_said_only_when_it_is_asked(
    service: Service, tend: Run, file_id: str
) -> None:
    tend("start", file_id, "--to", "mp3", "--delete-after-download")
    assert service.jobs_asked[0]["deleteAfterDownload"] is True


def test_a_lost_answer_starts_no_second_job(service: Service, tend: Run, file_id: str) -> None:
    service.troubles["create_job"] = Trouble(times=2, status=503)
    assert tend("start", file_id, "--to", "mp3").code == 0
    assert (len(service.jobs), service.count("create_job")) == (1, 3)
    keys = {each.headers["idempotency-key"] for each in service.seen if each.path == "/v1/jobs"}
    assert len(keys) == 1


def test_a_file_that_is_not_there_does_not_harm_the_others(
    service: Service, tend: Run, file_id: str
) -> None:
    ran = tend("start", "f" * 32, file_id, "--to", "flac", "--json")
    missing, started = ran.objects
    (job,) = service.jobs.values()
    assert ran.code == 1
    assert (missing["jobId"], missing["error"]["code"]) == (None, "FILE_NOT_FOUND")
    assert started == {
        "fileId": file_id,
        "jobId": job.job_id,
        "status": started["status"],
        "error": None,
    }


def test_with_json_every_file_has_its_object_also_where_the_api_does_not_answer(
    service: Service, tend: Run
) -> None:
    service.troubles["create_job"] = Trouble(times=1000, status=None)
    ran = tend("start", "e" * 32, "f" * 32, "--to", "flac", "--json")
    assert ran.code == 3
    told = [(each["fileId"], each["jobId"], each["error"]["code"]) for each in ran.objects]
    assert told == [(each * 32, None, "API_UNREACHABLE") for each in "ef"]


def test_what_to_make_must_be_said(tend: Run) -> None:
    ran = tend("start", "f" * 32)
    assert ran.code == 2
    assert "--to FORMAT" in ran.stderr
