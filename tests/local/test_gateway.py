"""The clean origin: what it passes on, and what it answers when there is nobody to pass it to."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
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


@pytest.mark.parametrize("path", ["/v1/a%0d%0aX:y", "/v1/%00", "/v1/%ff", "/"])
def test_every_path_is_passed_on(origin: str, path: str) -> None:
    assert httpx.get(f"{origin}{path}").status_code == 201


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


def test_what_is_not_http_is_refused_and_a_client_that_goes_away_is_not_reported(
    origin: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = b"GET /v1/bytes HTTP/1.1\r\nhost: x\r\n\r\n"
    for sent in (b"\x16\x03\x01 nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"):
        assert b" 400 " in said_to(origin, sent)
    for _ in range(3):
        said_to(origin, whole * 4)
        said_to(origin, b"POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{", False)
        chunked = b"POST /v1/jobs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
        said_to(origin, chunked, False)

    assert httpx.get(f"{origin}/v1/jobs").status_code == 201  # and the others are served
    time.sleep(0.3)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert "Traceback" not in capfd.readouterr().err


def test_an_answer_the_engine_breaks_off_is_broken_off(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as engine:
        engine.bind(("127.0.0.1", 0))
        engine.listen()
        threading.Thread(target=answer_in_part, args=(engine,), daemon=True).start()
        url = f"http://127.0.0.1:{engine.getsockname()[1]}"
        with Gateway(listen(0), url, "api") as gateway, pytest.raises(httpx.TransportError):
            httpx.get(f"{gateway.url}/v1/jobs")

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_port_in_use_is_an_error_with_exit_code_2() -> None:
    with listen(0) as taken, pytest.raises(PortInUse, match="is in use") as refused:
        listen(taken.getsockname()[1])

    assert refused.value.exit_code == 2


def said_to(origin: str, request: bytes, wait: bool = True) -> bytes:
    """The beginning of what is answered; then the connection is reset."""
    address = httpx.URL(origin)
    with socket.create_connection((address.host, address.port or 0), timeout=10) as client:
        client.sendall(request)
        answer = client.recv(64) if wait else b""
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return answer


def answer_in_part(engine: socket.socket) -> None:
    connection, _ = engine.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour")
