"""POST /v1/uploads: what is remembered, what is signed, and everything that is refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from conversion.conversion import Conversion
from conversion.formats import INPUT_SUFFIXES
from conversion.stores.slots import SlotsTable
from tests.contract import tables
from tests.contract.examples import a_job

GOOD = {"fileName": "talk.wav", "bytes": 10}


def test_an_upload_is_remembered_and_its_put_signed(deployment, event) -> None:
    answer = deployment.call("create_upload", event("http_create_upload"))

    assert answer.status == 201
    made = answer.json
    assert sorted(made) == ["expiresAt", "fileId", "upload"]
    assert answer.headers["location"] == f"/v1/uploads/{made['fileId']}"
    assert answer.headers["content-type"] == "application/json"
    kept = deployment.uploads.find(made["fileId"])
    assert (kept.file_name, kept.bytes) == ("Ärzte – live.wav", 5292044)
    assert kept.conversions == (Conversion("mp3", 192), Conversion("flac"))
    assert made["upload"]["method"] == "PUT"
    assert made["upload"]["headers"] == {
        "content-length": "5292044",
        "content-type": "audio/wav",
        "if-none-match": "*",
    }
    assert made["upload"]["expiresAt"] < made["expiresAt"]


def test_the_signed_url_is_held_to_what_was_declared(deployment, event) -> None:
    answer = deployment.call("create_upload", event("http_create_upload"))

    url = urlsplit(answer.json["upload"]["url"])
    assert url.hostname == "sluice-data.s3.eu-west-1.amazonaws.com"
    assert url.path == f"/uploads/{answer.json['fileId']}.wav"
    query = parse_qs(url.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host;if-none-match"]


def test_two_uploads_of_one_file_are_two(deployment, event) -> None:
    first, second = (
        deployment.call("create_upload", event("http_create_upload")).json["fileId"]
        for _ in range(2)
    )
    assert first != second


def test_a_body_that_api_gateway_encoded_is_read(deployment, event) -> None:
    asked = event("http_create_upload")
    asked["body"] = base64.b64encode(json.dumps(GOOD).encode()).decode()
    asked["isBase64Encoded"] = True

    assert deployment.call("create_upload", asked).status == 201


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"fileName": None}, 400, "INVALID_REQUEST"),
        ({"fileName": 7}, 400, "INVALID_REQUEST"),
        ({"fileName": " "}, 400, "INVALID_REQUEST"),
        ({"fileName": "a" * 252 + ".wav"}, 400, "INVALID_REQUEST"),
        ({"fileName": "a\r\nSet-Cookie: x.wav"}, 400, "INVALID_REQUEST"),
        ({"fileName": "\ud800.wav"}, 400, "INVALID_REQUEST"),
        ({"fileName": "notes.txt"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"fileName": "setup.exe"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"fileName": "wav"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"bytes": None}, 400, "INVALID_REQUEST"),
        ({"bytes": "10"}, 400, "INVALID_REQUEST"),
        ({"bytes": 10.5}, 400, "INVALID_REQUEST"),
        ({"bytes": True}, 400, "INVALID_REQUEST"),
        ({"bytes": -1}, 400, "INVALID_REQUEST"),
        ({"bytes": 0}, 400, "EMPTY_INPUT"),
        ({"bytes": 5 * 1024**3 + 1}, 413, "INPUT_TOO_LARGE"),
        ({"contentType": 3}, 400, "INVALID_REQUEST"),
        ({"contentType": "audio"}, 400, "INVALID_REQUEST"),
        ({"contentType": "audio/wav\r\n;x"}, 400, "INVALID_REQUEST"),
        ({"contentType": "audio/wav;" + "x" * 300}, 400, "INVALID_REQUEST"),
        ({"conversions": None}, 400, "INVALID_REQUEST"),
        ({"conversions": "mp3"}, 400, "INVALID_REQUEST"),
        ({"conversions": ["mp3"]}, 400, "INVALID_REQUEST"),
        ({"conversions": [{}]}, 400, "INVALID_REQUEST"),
        ({"conversions": [{"format": "mp3"}] * 21}, 400, "INVALID_REQUEST"),
        ({"conversions": [{"format": "mp4"}]}, 400, "UNSUPPORTED_OUTPUT_FORMAT"),
        ({"conversions": [{"format": "mp3", "bitrateKbps": 999}]}, 400, "INVALID_REQUEST"),
        ({"conversions": [{"format": "mp3", "bitrateKbps": "192"}]}, 400, "INVALID_REQUEST"),
        ({"conversions": [{"format": "flac", "bitrateKbps": 192}]}, 400, "INVALID_REQUEST"),
    ],
)
def test_what_can_never_work_is_refused(deployment, event, changes, status, code) -> None:
    answer = deployment.post("create_upload", event("http_create_upload"), GOOD | changes)

    assert answer.is_problem(status, code)
    assert deployment.dynamodb.scan(TableName="uploads")["Count"] == 0


def test_a_refused_name_is_told_what_is_accepted(deployment, event) -> None:
    answer = deployment.post("create_upload", event("http_create_upload"), GOOD | {"fileName": "a"})

    assert all(each in answer.json["detail"] for each in INPUT_SUFFIXES)


@pytest.mark.parametrize(
    "body",
    [None, "", "{", "[]", '"talk.wav"', "null", "[" * 100_000, "9" * 5000],
    ids=["none", "empty", "broken", "list", "text", "null", "deep", "long number"],
)
def test_a_body_that_is_no_json_object_is_refused(deployment, event, body) -> None:
    answer = deployment.call("create_upload", event("http_create_upload") | {"body": body})
    assert answer.is_problem(400, "INVALID_REQUEST")


@pytest.mark.parametrize("body", ["not base64!", base64.b64encode(b"\xff\xfe{}").decode()])
def test_an_encoded_body_that_cannot_be_decoded_is_refused(deployment, event, body) -> None:
    asked = event("http_create_upload") | {"body": body, "isBase64Encoded": True}
    assert deployment.call("create_upload", asked).is_problem(400, "INVALID_REQUEST")


def test_the_limits_are_the_deployments(deployment, event, monkeypatch) -> None:
    function = deployment.functions["create_upload"]
    monkeypatch.setattr(function, "settings", replace(function.settings, max_upload_bytes=9))

    answer = deployment.post("create_upload", event("http_create_upload"), GOOD)

    assert answer.is_problem(413, "INPUT_TOO_LARGE")
    assert "up to 9" in answer.json["detail"]


def test_conversions_are_refused_when_too_many_jobs_wait(deployment, event, monkeypatch) -> None:
    function = deployment.functions["create_upload"]
    monkeypatch.setattr(function, "slots", SlotsTable(deployment.dynamodb, tables.SLOTS, 1))
    monkeypatch.setattr(function, "settings", replace(function.settings, max_waiting_jobs=1))
    asking = GOOD | {"conversions": [{"format": "mp3"}]}
    function.slots.take("running")
    assert deployment.post("create_upload", event("http_create_upload"), asking).status == 201

    deployment.jobs.put_if_absent(a_job())
    answer = deployment.post("create_upload", event("http_create_upload"), asking)
    assert answer.is_problem(429, "TOO_MANY_JOBS")
    assert answer.headers["retry-after"] == "30"
    assert deployment.dynamodb.scan(TableName="uploads")["Count"] == 1

    assert deployment.post("create_upload", event("http_create_upload"), GOOD).status == 201
