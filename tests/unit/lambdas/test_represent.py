"""The API's JSON, field by field: changing one breaks somebody's client."""

from __future__ import annotations

import json
from dataclasses import replace

from conversion.conversion import Conversion
from conversion.cost import spent
from conversion.incoming import SignedRequest
from conversion.listing import Page, Place
from conversion.outcome import JobWarning, LoudnessChange, MeasuredLoudness
from conversion.progress import shown
from conversion.uploads import Multipart
from lambdas import represent
from tests.contract.examples import (
    FILE_ID,
    JOB,
    JOB_ID,
    OUTPUT,
    PROGRESS,
    UPLOAD,
    a_job,
    completed,
    failed,
)


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
        "warnings": [],
        "error": None,
        "estimate": None,
        "cost": None,
        "deleteAfterDownload": False,
    }


def test_a_page_of_jobs_has_a_cursor_while_there_is_more() -> None:
    assert represent.page(Page((), None)) == {"jobs": [], "cursor": None}
    place = Place(JOB.created_at, JOB_ID)
    told = represent.page(Page((completed(delete_after_download=True),), place))
    assert told["jobs"] == [represent.job(completed(delete_after_download=True))]
    assert told["jobs"][0]["deleteAfterDownload"] is True
    assert Place.from_cursor(told["cursor"]) == place


def test_a_completed_job_has_an_output_without_its_key() -> None:
    assert represent.job(completed())["output"] == {
        "bytes": 1_440_417,
        "mediaType": "audio/mpeg",
        "fileName": "Ärzte – live.mp3",
        "durationSeconds": 60.024,
        "mode": "stream",
        "loudness": None,
        "waveform": None,
    }


def test_a_conversion_shows_what_was_asked_for_and_nothing_else() -> None:
    asked = {
        "format": "mp3",
        "quality": 2,
        "startSeconds": 1.5,
        "loudness": {"integratedLufs": -16.0, "truePeakDbtp": -1.0},
        "tags": {"title": "Pilot"},
        "waveform": {"samplesPerPixel": 512},
    }
    assert represent.job(a_job(conversion=Conversion.from_request(asked)))["conversion"] == asked


def test_a_preset_shows_what_it_stands_for() -> None:
    job = a_job(conversion=Conversion.from_request({"preset": "archive-flac"}))
    assert represent.job(job)["conversion"] == {"format": "flac", "metadata": "keep"}


def test_loudness_warnings_and_waveform_of_a_completed_job() -> None:
    before, after = MeasuredLoudness(-27.3, 5.2, -3.1), MeasuredLoudness(-16.0, 5.0, None)
    output = replace(
        OUTPUT,
        warnings=(JobWarning("SOMETHING", "Some thing is odd."),),
        loudness=LoudnessChange(before, after),
        waveform=JOB.waveform_keys(1),
    )
    told = represent.job(completed(output=output))
    assert told["warnings"] == [{"code": "SOMETHING", "message": "Some thing is odd."}]
    assert told["output"]["loudness"] == {
        "before": {"integratedLufs": -27.3, "rangeLu": 5.2, "truePeakDbtp": -3.1},
        "after": {"integratedLufs": -16.0, "rangeLu": 5.0, "truePeakDbtp": None},
    }
    assert told["output"]["waveform"] == {
        "json": f"/v1/jobs/{JOB_ID}/waveform.json",
        "png": f"/v1/jobs/{JOB_ID}/waveform.png",
    }
    assert "conversions/" not in json.dumps(told)


def test_what_a_job_costs_is_told_before_and_after() -> None:
    expected, real = spent(2.0, 1, 10, 10), spent(90.0, 2, 10, 10)

    told = represent.job(a_job(estimate=expected, cost=real))

    assert (told["estimate"], told["cost"]) == (expected.to_item(), real.to_item())


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


SIGNED = SignedRequest("PUT", "https://s3/x", {"if-none-match": "*"}, "2026-11-21T10:30:00.000Z")


def test_an_upload_by_one_put() -> None:
    assert represent.upload(UPLOAD, SIGNED) == {
        "fileId": FILE_ID,
        "fileName": "Ärzte – live.wav",
        "bytes": 5292044,
        "contentType": "audio/wav",
        "status": "uploading",
        "bytesReceived": 0,
        "percent": 0,
        "createdAt": "2026-11-21T09:30:11.000Z",
        "expiresAt": "2100-01-01T00:00:00.000Z",
        "deleteAfterDownload": False,
        "conversions": [{"format": "mp3", "bitrateKbps": 192}, {"format": "flac"}],
        "upload": {
            "method": "PUT",
            "url": "https://s3/x",
            "headers": {"if-none-match": "*"},
            "expiresAt": "2026-11-21T10:30:00.000Z",
        },
        "multipart": None,
    }


def test_an_upload_in_parts() -> None:
    multipart = Multipart("id", 1_000_000, frozenset({6, 1}))
    shown = represent.upload(replace(UPLOAD, multipart=multipart))

    assert shown["multipart"] == {"partBytes": 1_000_000, "partCount": 6, "partsDone": [1, 6]}
    assert (shown["bytesReceived"], shown["percent"]) == (1_292_044, 24.4)
    assert shown["upload"] is None


def test_the_id_that_s3_knows_an_upload_by_is_nobodys_business() -> None:
    shown = represent.upload(replace(UPLOAD, multipart=Multipart("secret", 10)))
    assert "secret" not in str(shown)
