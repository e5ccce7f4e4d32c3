"""The clean origin: what it passes on, and what it answers when there is nobody to pass it to."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.child import Engine
from local.errors import PortInUse
from local.gateway import Gateway, listen
from tests.local.conftest import ROLE, zipped

ECHO = """
import base64, json

def handler(event, context):
    if event["rawPath"] == "/v1/output":
        return {"statusCode": 303, "headers": {"location": "http://elsewhere/x?y=%20z"}}
    if event["rawPath"] == "/v1/bytes":
        body = base64.b64encode(bytes(range(256)) * 4096).decode()
        return {"statusCode": 200, "body": body, "isBase64Encoded": True}
    seen = {key: event.get(key) for key in ("rawPath", "rawQueryString", "body", "headers")}
    seen["method"] = event["requestContext"]["http"]["method"]
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return {"statusCode": 201, "headers": headers, "body": json.dumps(seen)}
"""


@pytest.fixture(scope="module")
def api_id(engine: Engine) -> str:
    functions, gateway = engine.client("lambda"), engine.client("apigatewayv2")
    function = functions.create_function(
        FunctionName="echo",
        Runtime="python3.13",
        Role=ROLE,
        Handler="main.handler",
        Code={"ZipFile": zipped({"main.py": ECHO})},
    )["FunctionArn"]
    api = gateway.create_api(Name="echo", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=function,
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return api


@pytest.fixture(scope="module")
def origin(engine: Engine, api_id: str) -> Iterator[str]:
    with Gateway(listen(0), engine.url, api_id) as gateway:
        yield gateway.url


def test_a_request_arrives_as_it_was_sent_and_the_answer_as_it_was_given(origin: str) -> None:
    answer = httpx.post(
        f"{origin}/v1/jobs/a%20b?fileId=1&x=%2F",
        json={"format": "mp3"},
        headers={"idempotency-key": "k", "content-type": "application/json"},
    )

    seen: dict[str, Any] = answer.json()
    assert answer.status_code == 201
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "application/json",
        "no-store",
    )
    assert (seen["method"], seen["rawPath"]) == ("POST", "/v1/jobs/a b")
    assert seen["rawQueryString"] == "fileId=1&x=%2F"
    assert json.loads(seen["body"]) == {"format": "mp3"}
    assert seen["headers"]["idempotency-key"] == "k"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_every_method_is_passed_on(origin: str, method: str) -> None:
    assert httpx.request(method, f"{origin}/v1/jobs").status_code in (200, 201, 204)


def test_a_redirect_is_the_callers_to_follow(origin: str) -> None:
    answer = httpx.get(f"{origin}/v1/output")

    assert (answer.status_code, answer.headers["location"]) == (303, "http://elsewhere/x?y=%20z")


def test_bytes_come_through_whole_and_many_at_once(origin: str) -> None:
    with httpx.Client(base_url=origin) as client:
        answers = [client.get("/v1/bytes").content for _ in range(4)]

    assert set(answers) == {bytes(range(256)) * 4096}


def test_an_engine_that_is_gone_is_a_bad_gateway() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with Gateway(listen(0), url, "api") as gateway:
            answer = httpx.get(f"{gateway.url}/v1/jobs")

    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "ENGINE_UNREACHABLE"


def test_a_port_in_use_is_an_error_with_exit_code_2() -> None:
    with listen(0) as taken, pytest.raises(PortInUse, match="is in use") as refused:
        listen(taken.getsockname()[1])

    assert refused.value.exit_code == 2
