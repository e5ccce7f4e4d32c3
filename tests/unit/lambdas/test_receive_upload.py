"""A file's way through the routes: signed, sent, acknowledged, completed, or taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import process_time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from moto.s3 import models

from conversion.uploads import UploadStatus
from tests.contract.examples import BUCKET, FILE_ID, LONG_AGO, UPLOAD
from tests.unit.lambdas.conftest import Answer, Deployment

MIB = 1024**2
BODY = b"RIFF1234"
OWNER = "arn:aws:iam::123456789012:user/ada"

Call = Callable[..., Answer]


@pytest.fixture
def call(deployment: Deployment, event) -> Call:
    """`call(method, path, body, query)`, on the function whose route it is."""

    def called(
        method: str, path: str, body: Any = None, query: str = "", caller: str | None = None
    ) -> Answer:
        asked = event("http_create_upload") | {
            "rawPath": path,
            "rawQueryString": query,
            "queryStringParameters": {name: each[0] for name, each in parse_qs(query).items()},
            "body": None if body is None else json.dumps(body),
        }
        asked["requestContext"]["http"] |= {"method": method, "path": path}
        if caller is not None:
            asked["requestContext"]["authorizer"] = {"iam": {"userArn": caller}}
        creates = (method, path) == ("POST", "/v1/uploads")
        return deployment.call("create_upload" if creates else "receive_upload", asked)

    return called


@pytest.fixture
def single(deployment: Deployment):
    upload = replace(UPLOAD, bytes=len(BODY))
    deployment.uploads.put(upload)
    return upload


@pytest.fixture
def parts(deployment: Deployment, call: Call, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The answer to an upload of three parts."""
    monkeypatch.setattr(models, "S3_UPLOAD_PART_MIN_SIZE", 1)
    body = {"fileName": "talk.wav", "bytes": 16 * MIB + 5, "contentType": "audio/wav"}
    return call("POST", "/v1/uploads", body).json


def put(deployment: Deployment, body: bytes = BODY, media_type: str = "audio/wav") -> None:
    deployment.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=body, ContentType=media_type)


def send(deployment: Deployment, signed: dict[str, Any]) -> None:
    """As the signed URL says: moto checks no signature, and has no server here."""
    url, query = urlsplit(signed["url"]), parse_qs(urlsplit(signed["url"]).query)
    deployment.s3.upload_part(
        Bucket=BUCKET,
        Key=url.path.removeprefix("/"),
        UploadId=query["uploadId"][0],
        PartNumber=int(query["partNumber"][0]),
        Body=b"\0" * int(signed["headers"]["content-length"]),
    )


def test_a_file_in_parts_from_its_first_to_its_last_byte(deployment, call, parts) -> None:
    path = f"/v1/uploads/{parts['fileId']}"
    assert parts["upload"] is None
    assert parts["multipart"] == {"partBytes": 8 * MIB, "partCount": 3, "partsDone": []}

    signed = call("POST", f"{path}/parts", {"partNumbers": [1, 2, 3]}).json["parts"]
    told = [(each["partNumber"], each["offset"], each["bytes"]) for each in signed]
    assert told == [(1, 0, 8 * MIB), (2, 8 * MIB, 8 * MIB), (3, 16 * MIB, 5)]
    for each in signed:
        send(deployment, each)
    shown = [call("PUT", f"{path}/parts/{number}") for number in (3, 1)]

    assert [each.json["bytesReceived"] for each in shown] == [5, 8 * MIB + 5]
    assert [each.json["percent"] for each in shown] == [0.0, 50.0]
    assert shown[-1].json["multipart"]["partsDone"] == [1, 3]
    assert shown[-1].headers["retry-after"] == "1"

    completed = call("POST", f"{path}/complete")
    assert completed.status == 200
    assert completed.json["status"] == "completed"
    assert completed.json["percent"] == 100
    assert completed.json["bytesReceived"] == 16 * MIB + 5
    assert "retry-after" not in completed.headers
    assert call("POST", f"{path}/complete").json == completed.json == call("GET", path).json
    assert call("DELETE", path).is_problem(409, "UPLOAD_FINISHED")


def test_a_signed_part_says_all_that_its_put_needs(call, parts) -> None:
    path = f"/v1/uploads/{parts['fileId']}/parts"
    answer = call("POST", path, {"partNumbers": [3]})

    [part] = answer.json["parts"]
    assert sorted(part) == [
        "bytes", "expiresAt", "headers", "method", "offset", "partNumber", "url",
    ]  # fmt: skip
    assert (part["method"], part["headers"]) == ("PUT", {"content-length": "5"})
    assert "X-Amz-SignedHeaders=content-length%3Bhost" in part["url"]
    assert part["expiresAt"] < parts["expiresAt"]


def test_after_a_reload_the_parts_that_are_there_are_listed(deployment, call, parts) -> None:
    path = f"/v1/uploads/{parts['fileId']}"
    [signed] = call("POST", f"{path}/parts", {"partNumbers": [2]}).json["parts"]
    send(deployment, signed)  # and it is never acknowledged

    listed = call("GET", f"{path}/parts").json
    assert re.fullmatch("[0-9a-f]{32}", listed["parts"][0].pop("etag"))
    assert listed == {
        "partBytes": 8 * MIB,
        "partCount": 3,
        "parts": [{"partNumber": 2, "bytes": 8 * MIB}],
        "missing": [1, 3],
    }
    assert call("GET", path).json["multipart"]["partsDone"] == [2]


def test_a_look_takes_a_fraction_of_the_second_that_was_promised(call, parts) -> None:
    """In processor time, with moto's in it."""

    def seconds() -> float:
        began = process_time()
        assert call("GET", f"/v1/uploads/{parts['fileId']}").status == 200
        return process_time() - began

    assert median(seconds() for _ in range(5)) < 0.5


def test_what_is_missing_is_named(call, parts) -> None:
    answer = call("POST", f"/v1/uploads/{parts['fileId']}/complete")

    assert answer.is_problem(409, "PARTS_MISSING")
    assert "1, 2, 3" in answer.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"partNumbers": None},
        {"partNumbers": []},
        {"partNumbers": 1},
        {"partNumbers": ["1"]},
        {"partNumbers": [1.5]},
        {"partNumbers": [True]},
        {"partNumbers": [0]},
        {"partNumbers": [4]},
        {"partNumbers": [1] * 101},
        {"partNumbers": [1], "seconds": 60},
        [],
    ],
)
def test_a_wrong_request_for_signatures_is_refused(call, parts, body) -> None:
    answer = call("POST", f"/v1/uploads/{parts['fileId']}/parts", body)
    assert answer.is_problem(400, "INVALID_REQUEST")


@pytest.mark.parametrize("number", ["0", "4", "-1", "x", "1.0", "٣", "²", "9" * 5000])
def test_a_part_that_there_is_not_cannot_be_acknowledged(call, parts, number) -> None:
    answer = call("PUT", f"/v1/uploads/{parts['fileId']}/parts/{number}")
    assert answer.is_problem(400, "INVALID_REQUEST")


def test_a_file_in_parts_is_taken_back(deployment, call, parts) -> None:
    path = f"/v1/uploads/{parts['fileId']}"
    for _ in range(2):
        answer = call("DELETE", path)
        assert (answer.status, answer.text) == (204, "")

    assert call("GET", path).json["status"] == "aborted"
    assert "Uploads" not in deployment.s3.list_multipart_uploads(Bucket=BUCKET)
    assert call("POST", f"{path}/complete").is_problem(409, "UPLOAD_FINISHED")
    signing = call("POST", f"{path}/parts", {"partNumbers": [1]})
    assert signing.is_problem(409, "UPLOAD_FINISHED")


def test_one_put_is_signed_anew_with_each_look_until_it_is_there(deployment, call, single) -> None:
    path = f"/v1/uploads/{FILE_ID}"
    before = call("GET", path)
    assert before.json["upload"]["headers"]["content-length"] == str(len(BODY))
    assert (before.json["percent"], before.json["multipart"]) == (0, None)
    assert before.headers["retry-after"] == "1"

    put(deployment)
    after = call("GET", path)
    assert (after.json["status"], after.json["percent"]) == ("completed", 100)
    assert after.json["upload"] is None
    assert "retry-after" not in after.headers
    assert deployment.uploads.find(FILE_ID).status is UploadStatus.COMPLETED


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("POST", "/complete")])
@pytest.mark.parametrize(("body", "media_type"), [(b"RIFF", "audio/wav"), (BODY, "text/plain")])
def test_what_is_not_as_declared_is_told(
    deployment, call, single, method, suffix, body, media_type
) -> None:
    put(deployment, body, media_type)
    answer = call(method, f"/v1/uploads/{FILE_ID}{suffix}")
    assert answer.is_problem(409, "UPLOAD_MISMATCH")


def test_one_put_has_no_parts_and_nothing_to_complete_before_it_comes(call, single) -> None:
    path = f"/v1/uploads/{FILE_ID}"
    assert call("GET", f"{path}/parts").is_problem(409, "NOT_MULTIPART")
    assert call("PUT", f"{path}/parts/1").is_problem(409, "NOT_MULTIPART")
    assert call("POST", f"{path}/parts", {"partNumbers": [1]}).is_problem(409, "NOT_MULTIPART")
    assert call("POST", f"{path}/complete").is_problem(409, "PARTS_MISSING")


def test_the_other_form_of_the_route_answers_the_same(deployment, call, single) -> None:
    put(deployment)
    answer = call("GET", "/api/upload-progress", query=f"fileId={FILE_ID}")
    assert answer.json == call("GET", f"/v1/uploads/{FILE_ID}").json

    assert call("GET", "/api/upload-progress").is_problem(400, "INVALID_REQUEST")


ROUTES = [
    ("GET", "", None),
    ("DELETE", "", None),
    ("POST", "/complete", None),
    ("GET", "/parts", None),
    ("PUT", "/parts/1", None),
    ("POST", "/parts", {"partNumbers": [1]}),
]


@pytest.mark.parametrize(("method", "suffix", "body"), ROUTES)
def test_an_upload_is_seen_by_nobody_but_its_owner(
    deployment, call, single, method, suffix, body
) -> None:
    deployment.uploads.put(replace(single, owner=OWNER))
    route = (method, f"/v1/uploads/{FILE_ID}{suffix}", body)

    stranger = call(*route, caller="arn:aws:iam::123456789012:user/bob")
    assert stranger.is_problem(404, "FILE_NOT_FOUND")
    assert not call(*route, caller=OWNER).text.count("FILE_NOT_FOUND")


@pytest.mark.parametrize(("method", "suffix", "body"), ROUTES)
def test_what_is_not_there_and_what_has_expired(
    deployment, call, single, method, suffix, body
) -> None:
    deployment.uploads.put(replace(single, expires_at=LONG_AGO))

    assert call(method, f"/v1/uploads/{FILE_ID}{suffix}", body).is_problem(410, "FILE_EXPIRED")
    unknown = call(method, f"/v1/uploads/unknown{suffix}", body)
    assert unknown.is_problem(404, "FILE_NOT_FOUND")
    no_key = call(method, f"/v1/uploads/{'x' * 3000}{suffix}", body)
    assert (no_key.status, no_key.json["code"]) == (404, "FILE_NOT_FOUND")


def test_neither_urls_nor_names_are_logged(call, parts, log) -> None:
    path = f"/v1/uploads/{parts['fileId']}"
    for method, suffix, body in ROUTES:
        call(method, f"{path}{suffix}", body)

    assert parts["fileId"] in str(log())
    assert "Amz-Signature" not in str(log())
    assert "talk" not in str(log())
