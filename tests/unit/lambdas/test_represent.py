"""The API's JSON, field by field: changing one breaks somebody's client."""

from __future__ import annotations

from conversion.progress import shown
from conversion.stores.objects import SignedRequest
from lambdas import represent
from tests.contract.examples import FILE_ID, JOB, JOB_ID, PROGRESS, UPLOAD, completed, failed


def test_a_new_job() -> None:
    assert represent.job(JOB) == {
        "jobId": JOB_ID,
        "fileId": FILE_ID,
        "fileName": "Ärzte – live.wav",
        "status": "created",
        "attempt": 0,
        "conversion": {"format": "mp3", "bitrateKbps": 192},
        "createdAt": "2026-11-21T09:30:12.000Z",
        "updatedAt": "2026-11-21T09:30:12.000Z",
        "expiresAt": "2100-01-01T00:00:00.000Z",
        "source": {"bytes": 5292044},
        "output": None,
        "error": None,
    }


def test_a_completed_job_has_an_output_without_its_key() -> None:
    assert represent.job(completed())["output"] == {
        "bytes": 1_440_417,
        "mediaType": "audio/mpeg",
        "fileName": "Ärzte – live.mp3",
        "durationSeconds": 60.024,
        "mode": "stream",
    }


def test_a_failed_job_has_an_error() -> None:
    assert represent.job(failed())["error"] == {
        "code": "CORRUPT_INPUT",
        "message": "The file cannot be decoded; export it again.",
    }


def test_progress() -> None:
    job = failed()
    assert represent.progress(job, shown(job, PROGRESS)) == {
        "jobId": JOB_ID,
        "status": "failed",
        "stage": "failed",
        "percent": 42.5,
        "speed": None,
        "etaSeconds": None,
        "secondsDone": 25.5,
        "durationSeconds": 60.0,
        "bytesIn": 2_250_000,
        "bytesOut": 612_000,
        "attempt": 1,
        "updatedAt": job.updated_at,
        "error": {"code": job.failure.code, "message": job.failure.message},
    }


def test_an_upload() -> None:
    signed = SignedRequest(
        "PUT", "https://s3/x", {"if-none-match": "*"}, "2026-11-21T10:30:00.000Z"
    )
    assert represent.upload(UPLOAD, signed) == {
        "fileId": FILE_ID,
        "expiresAt": "2100-01-01T00:00:00.000Z",
        "upload": {
            "method": "PUT",
            "url": "https://s3/x",
            "headers": {"if-none-match": "*"},
            "expiresAt": "2026-11-21T10:30:00.000Z",
        },
    }
