"""GET /v1/jobs/{jobId}/output and its waveform: the way to a file, and why there may be none."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from werkzeug.http import parse_options_header

from conversion.conversion import Conversion, Waveform
from conversion.download import attachment, inline
from conversion.job import Status
from tests.contract.examples import (
    BUCKET,
    JOB,
    JOB_ID,
    LONG_AGO,
    OUTPUT,
    a_job,
    completed,
    failed,
)
from tests.unit.lambdas.conftest import asking


def test_a_finished_job_leads_to_its_file(deployment, event) -> None:
    deployment.jobs.put_if_absent(completed())

    answer = deployment.call("get_output", event("http_get_output"))

    assert (answer.status, answer.text) == (303, "")
    url = urlsplit(answer.headers["location"])
    assert url.hostname == "sluice-data.s3.eu-west-1.amazonaws.com"
    assert url.path == f"/{OUTPUT.key}"
    query = parse_qs(url.query)
    assert query["response-content-type"] == ["audio/mpeg"]
    assert query["response-content-disposition"] == [attachment("Ärzte – live.mp3")]
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.parametrize("status", [Status.CREATED, Status.PROCESSING])
def test_a_running_job_has_none_yet(deployment, event, status) -> None:
    deployment.jobs.put_if_absent(a_job(status=status))
    answer = deployment.call("get_output", event("http_get_output"))

    assert answer.is_problem(409, "JOB_NOT_READY")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("job", [failed(), a_job(status=Status.CANCELLED)])
def test_a_job_that_came_to_nothing_has_none(deployment, event, job) -> None:
    deployment.jobs.put_if_absent(job)
    answer = deployment.call("get_output", event("http_get_output"))

    assert answer.status == 409
    assert answer.json["code"] == "NO_OUTPUT"
    assert "retry-after" not in answer.headers
    assert (job.failure is None) or (job.failure.code in answer.json["detail"])


def test_an_unknown_job_has_none(deployment, event) -> None:
    answer = deployment.call("get_output", event("http_get_output"))
    assert answer.is_problem(404, "JOB_NOT_FOUND")


def test_an_expired_job_has_none_any_more(deployment, event) -> None:
    deployment.jobs.put_if_absent(completed(expires_at=LONG_AGO))
    answer = deployment.call("get_output", event("http_get_output"))
    assert answer.is_problem(410, "JOB_EXPIRED")


def test_no_cache_keeps_the_way(deployment, event) -> None:
    deployment.jobs.put_if_absent(JOB)
    deployment.call("get_output", event("http_get_output"))  # asserts no-store for every answer


def test_a_file_may_be_asked_for_by_a_query(deployment, event) -> None:
    deployment.jobs.put_if_absent(completed())
    asked = asking(event("http_get_output"), "GET", "/api/download", jobId=JOB_ID)

    answer = deployment.call("get_output", asked)
    assert answer.status == 303
    assert urlsplit(answer.headers["location"]).path == f"/{OUTPUT.key}"


@pytest.mark.parametrize("query", [{}, {"jobId": ""}])
def test_a_query_for_no_file_says_how_to_ask(deployment, event, query) -> None:
    asked = asking(event("http_get_output"), "GET", "/api/download", **query)
    answer = deployment.call("get_output", asked)
    assert answer.is_problem(400, "INVALID_REQUEST")
    assert "/api/download?jobId=" in answer.json["detail"]


@pytest.mark.parametrize(
    "name",
    [
        "talk.mp3",
        "Ärzte – live.mp3",
        'a"; filename="b.exe',
        "\u202e3pm.exe",
        "שלום 🎧.mp3",
        "x" * 255,
    ],
    ids=range(6),
)
def test_what_is_sent_has_its_type_its_name_and_its_length(deployment, event, name) -> None:
    """From the bucket, by the signed URL."""
    deployment.jobs.put_if_absent(completed(output=replace(OUTPUT, file_name=name)))
    body = b"\xff\xfb" + bytes(998)
    deployment.s3.put_object(Bucket=BUCKET, Key=OUTPUT.key, Body=body, ContentType="text/html")

    location = deployment.call("get_output", event("http_get_output")).headers["location"]
    sent = requests.get(location, timeout=5)

    assert (sent.status_code, sent.content) == (200, body)
    assert sent.headers["content-type"] == "audio/mpeg"
    assert sent.headers["content-length"] == "1000"
    said = parse_options_header(sent.headers["content-disposition"])
    assert said == ("attachment", {"filename": name})


DRAWN = Conversion("mp3", waveform=Waveform())
KEYS = JOB.waveform_keys(1)
KINDS = {
    "json": (KEYS.json, "application/json", attachment("Ärzte – live.waveform.json")),
    "png": (KEYS.png, "image/png", inline("Ärzte – live.waveform.png")),
}


@pytest.fixture
def ask_for_waveform(deployment, event):
    def ask(kind):
        asked = event("http_get_output")
        path = asked["rawPath"].replace("/output", f"/waveform.{kind}")
        asked["rawPath"] = asked["requestContext"]["http"]["path"] = path
        asked["routeKey"] = f"GET /v1/jobs/{{jobId}}/waveform.{kind}"
        return deployment.call("get_output", asked)

    return ask


@pytest.mark.parametrize("kind", KINDS)
def test_a_waveform_has_its_own_type_and_name(deployment, ask_for_waveform, kind) -> None:
    deployment.jobs.put_if_absent(
        completed(conversion=DRAWN, output=replace(OUTPUT, waveform=KEYS))
    )
    answer = ask_for_waveform(kind)

    key, media_type, disposition = KINDS[kind]
    assert (answer.status, answer.text) == (303, "")
    url = urlsplit(answer.headers["location"])
    assert url.path == f"/{key}"
    query = parse_qs(url.query)
    assert query["response-content-type"] == [media_type]
    assert query["response-content-disposition"] == [disposition]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_running_job_has_no_waveform_yet(deployment, ask_for_waveform, kind) -> None:
    deployment.jobs.put_if_absent(a_job(status=Status.PROCESSING, conversion=DRAWN))

    assert ask_for_waveform(kind).is_problem(409, "JOB_NOT_READY")
    assert ask_for_waveform(kind).headers["retry-after"] == "1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_job_has_no_waveform(deployment, ask_for_waveform, kind) -> None:
    deployment.jobs.put_if_absent(failed(conversion=DRAWN))
    assert ask_for_waveform(kind).is_problem(409, "NO_OUTPUT")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("job", [JOB, completed(), failed()], ids=lambda job: job.status.value)
def test_a_job_not_asked_for_one_never_has_it(deployment, ask_for_waveform, job, kind) -> None:
    deployment.jobs.put_if_absent(job)
    answer = ask_for_waveform(kind)

    assert answer.is_problem(404, "NO_WAVEFORM")
    assert "retry-after" not in answer.headers


def test_an_unknown_job_has_no_waveform(deployment, ask_for_waveform) -> None:
    assert ask_for_waveform("json").is_problem(404, "JOB_NOT_FOUND")
    assert ask_for_waveform("exe").is_problem(404, "ROUTE_NOT_FOUND")
