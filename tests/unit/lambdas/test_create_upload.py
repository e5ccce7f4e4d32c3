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
    assert made["status"] == "uploading"
    assert made["multipart"] is None
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
        ({"contentType": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"contentType": "Image/PNG"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"contentType": "application/x-msdownload; a=b"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
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
        ({"deleteAfterDownload": "yes"}, 400, "INVALID_REQUEST"),
        ({"owner": "somebody"}, 400, "INVALID_REQUEST"),
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


def test_so_many_conversions_may_be_asked_for_as_the_deployment_says(
    deployment, event, monkeypatch
) -> None:
    function = deployment.functions["create_upload"]
    monkeypatch.setattr(function, "settings", replace(function.settings, max_conversions=1))
    two = GOOD | {"conversions": [{"format": "mp3"}, {"format": "flac"}]}

    answer = deployment.post("create_upload", event("http_create_upload"), two)
    assert answer.is_problem(400, "INVALID_REQUEST")
    assert "up to 1" in answer.json["detail"]


def test_more_open_uploads_than_may_be_are_told_to_come_back(
    deployment, event, monkeypatch
) -> None:
    function = deployment.functions["create_upload"]
    monkeypatch.setattr(function, "settings", replace(function.settings, max_open_uploads=1))
    assert deployment.post("create_upload", event("http_create_upload"), GOOD).status == 201

    answer = deployment.post("create_upload", event("http_create_upload"), GOOD)
    assert answer.is_problem(429, "TOO_MANY_UPLOADS")
    assert answer.headers["retry-after"] == "30"


@pytest.mark.parametrize(("length", "parts"), [(16 * 1024**2, None), (16 * 1024**2 + 1, 3)])
def test_above_16_mib_a_file_comes_in_parts(deployment, event, length, parts) -> None:
    asked = GOOD | {"bytes": length}
    made = deployment.post("create_upload", event("http_create_upload"), asked).json

    assert (made["multipart"] and made["multipart"]["partCount"]) == parts
    assert (made["upload"] is None) == (parts is not None)
    kept = deployment.uploads.find(made["fileId"])
    opened = deployment.s3.list_multipart_uploads(Bucket="sluice-data").get("Uploads", [])
    assert [each["Key"] for each in opened] == ([kept.key] if parts else [])


def test_an_upload_is_its_callers(deployment, event) -> None:
    asked = event("http_create_upload")
    role = "arn:aws:sts::123456789012:assumed-role/caller"
    asked["requestContext"]["authorizer"] = {"iam": {"userArn": f"{role}/session"}}
    made = deployment.post("create_upload", asked, GOOD | {"deleteAfterDownload": True}).json

    kept = deployment.uploads.find(made["fileId"])
    assert (kept.owner, kept.delete_after_download) == (role, True)
    assert made["deleteAfterDownload"] is True


def test_asked_twice_with_one_key_it_is_one_upload(deployment, event) -> None:
    asked = event("http_create_upload")
    asked["headers"]["idempotency-key"] = "8e03978e-40d5-43dd-bc93-6894a57f9324"
    first, second = (deployment.call("create_upload", asked) for _ in range(2))

    assert (first.status, second.status) == (201, 201)
    assert first.headers["location"] == second.headers["location"]
    assert second.json["upload"]["method"] == "PUT"
    assert deployment.dynamodb.scan(TableName="uploads")["Count"] == 1

    other = deployment.post("create_upload", asked, GOOD)
    assert other.is_problem(422, "IDEMPOTENCY_KEY_REUSED")


def test_the_other_form_of_the_route_answers_the_same(deployment, event) -> None:
    asked = event("http_create_upload") | {"rawPath": "/api/upload-audio"}
    asked["requestContext"]["http"]["path"] = "/api/upload-audio"

    answer = deployment.call("create_upload", asked)
    assert answer.status == 201
    assert answer.headers["location"] == f"/v1/uploads/{answer.json['fileId']}"


def test_an_upload_is_logged_with_its_bytes_its_parts_and_its_conversions(
    deployment, event, log
) -> None:
    asked = event("http_create_upload")
    body = json.loads(asked["body"]) | {"bytes": 16 * 1024**2 + 5}
    made = deployment.call("create_upload", asked | {"body": json.dumps(body)})

    (line,) = [each for each in log() if each["message"] == "upload asked for"]
    assert line["fileId"] == made.json["fileId"]
    assert (line["bytes"], line["parts"]) == (16 * 1024**2 + 5, 3)
    assert line["conversions"] == ["mp3@192", "flac"]
