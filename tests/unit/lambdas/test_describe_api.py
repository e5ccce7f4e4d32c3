"""GET /v1/formats and /v1/openapi.json, and what no other route takes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from conversion.conversion import Conversion
from conversion.formats import FORMATS
from conversion.settings import DescribeApiSettings
from lambdas.offered import offered
from lambdas.openapi.__main__ import USUAL
from lambdas.openapi.document import DOCUMENT

OFFERED = offered(DescribeApiSettings())


@pytest.fixture
def ask(deployment, event):
    def asks(method: str, path: str, **headers: str) -> Any:
        asked = event("http_get_job")
        asked["rawPath"] = asked["requestContext"]["http"]["path"] = path
        asked["requestContext"]["http"]["method"] = method
        asked["headers"] |= headers
        return deployment.call("describe_api", asked)

    return asks


@pytest.mark.parametrize("path", ["/v1/formats", "/v1/openapi.json"])
def test_it_may_be_kept_for_five_minutes_and_is_tagged(ask, path) -> None:
    answer = ask("GET", path)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["etag"] == ask("GET", path).headers["etag"]
    assert answer.headers["etag"].startswith('"')


@pytest.mark.parametrize("path", ["/v1/formats", "/v1/openapi.json"])
def test_who_has_it_already_is_told_so(ask, path) -> None:
    tag = ask("GET", path).headers["etag"]
    answer = ask("GET", path, **{"if-none-match": f'"other", W/{tag}'})

    assert (answer.status, answer.text) == (304, "")
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert ask("GET", path, **{"if-none-match": '"other"'}).status == 200


def test_the_document_is_the_committed_one(ask) -> None:
    assert ask("GET", "/v1/openapi.json").json == json.loads(USUAL.read_text())


def test_the_formats_are_as_the_document_says(ask) -> None:
    schema = {"$ref": "#/components/schemas/Formats", "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(ask("GET", "/v1/formats").json)


@pytest.mark.parametrize("told", OFFERED["formats"], ids=lambda told: told["name"])
def test_whatever_a_format_says_it_takes_can_be_asked_for(told) -> None:
    for field, values in {
        "bitrateKbps": told["bitratesKbps"] or [],
        "quality": list((told["quality"] or {}).values()),
        "sampleRate": told["sampleRates"]
        + [told["anySampleRateTo"]] * bool(told["anySampleRateTo"]),
        "channels": told["channels"],
        "bitDepth": told["bitDepths"],
    }.items():
        for value in values:
            Conversion.from_request({"format": told["name"], field: value})


def test_where_any_bitrate_will_do_a_few_are_shown() -> None:
    told = {each["name"]: each for each in OFFERED["formats"]}

    assert told["wav"]["bitratesKbps"] is None
    assert (told["mp3"]["anyBitrate"], told["opus"]["anyBitrate"]) == (False, True)
    assert told["mp3"]["bitratesKbps"][-1] == 320
    assert 3 < len(told["opus"]["bitratesKbps"]) < 40
    Conversion.from_request({"format": "opus", "bitrateKbps": 97})


def test_every_format_and_preset_is_offered() -> None:
    assert [each["name"] for each in OFFERED["formats"]] == list(FORMATS)
    for preset in OFFERED["presets"]:
        asked = Conversion.from_request({"preset": preset["name"]})
        assert asked == Conversion.from_request(preset["conversion"])


def test_the_limits_are_the_deployments_own() -> None:
    limits = offered(DescribeApiSettings(max_upload_bytes=1000, retention_days=2))["limits"]

    assert (limits["maxUploadBytes"], limits["retentionDays"]) == (1000, 2)
    assert limits["singlePutBytes"] == 16 * 1024**2


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/job", "/v1/jobs/", "/v1/jobs/a/b", "/v2/jobs", "/favicon.ico"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_path_that_is_none_is_not_found(ask, method, path) -> None:
    assert ask(method, path).is_problem(404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/jobs", "POST, GET, OPTIONS"),
        ("/v1/jobs/7c9e6679f3a24a0d9c1b4e1a5d2f8b36", "GET, DELETE, OPTIONS"),
        ("/v1/formats", "GET, OPTIONS"),
        ("/api/convert-audio", "POST, OPTIONS"),
        ("/v1/uploads/x/parts/1", "PUT, OPTIONS"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_told_the_others(ask, path, allowed) -> None:
    answer = ask("PATCH", path)

    assert answer.is_problem(405, "METHOD_NOT_ALLOWED")
    assert all(each in answer.json["detail"] for each in answer.headers["allow"].split(", "))
    assert answer.headers["allow"] == allowed


def test_options_are_the_methods(ask) -> None:
    answer = ask("OPTIONS", "/v1/uploads")

    assert (answer.status, answer.text) == (204, "")
    assert answer.headers["allow"] == "POST, OPTIONS"


def test_head_is_no_get(ask) -> None:
    assert ask("HEAD", "/v1/formats").status == 405
