"""What a presigned URL promises, in each region, and where the environment sends a client."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from redis.connection import Connection, SSLConnection

from conversion.stores import clients
from conversion.stores.incoming import Incoming
from conversion.stores.objects import Objects

SIGNED = "content-length;content-type;host;if-none-match"


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch):
    def lives_in(name: str) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", name)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        for each in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(each, raising=False)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    return lives_in


@pytest.mark.parametrize("name", ["us-east-1", "us-west-2", "eu-west-1", "ap-southeast-3"])
def test_an_upload_is_signed_for_its_region_and_held_to_its_headers(region, name) -> None:
    region(name)
    signed = Incoming(clients.s3(), "sluice-data").presign_put("uploads/a.wav", 7, "audio/wav", 60)

    url = urlsplit(signed.url)
    query = parse_qs(url.query)
    assert url.hostname == f"sluice-data.s3.{name}.amazonaws.com"
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Credential"][0].endswith(f"/{name}/s3/aws4_request")
    assert query["X-Amz-SignedHeaders"] == [SIGNED]
    assert query["X-Amz-Expires"] == ["60"]
    assert not [each for each in query if "checksum" in each.lower()]
    assert sorted([*signed.headers, "host"]) == SIGNED.split(";")


@pytest.mark.parametrize("name", ["us-east-1", "eu-west-1"])
def test_a_download_is_signed_for_its_region_with_its_name(region, name) -> None:
    region(name)
    url = urlsplit(
        Objects(clients.s3(), "sluice-data").presign_get(
            "conversions/a", "audio/ogg", 'a; b="c"', 9
        )
    )

    query = parse_qs(url.query)
    assert url.hostname == f"sluice-data.s3.{name}.amazonaws.com"
    assert query["response-content-type"] == ["audio/ogg"]
    assert query["response-content-disposition"] == ['a; b="c"']
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_the_environment_alone_sends_it_elsewhere(region, monkeypatch, variable) -> None:
    region("us-east-1")
    monkeypatch.setenv(variable, "http://localhost:4566")
    signed = Incoming(clients.s3(), "sluice-data").presign_put("uploads/a.wav", 7, "audio/wav", 60)

    url = urlsplit(signed.url)
    assert (url.netloc, url.path) == ("localhost:4566", "/sluice-data/uploads/a.wav")
    assert parse_qs(url.query)["X-Amz-SignedHeaders"] == [SIGNED]


@pytest.mark.parametrize(
    "make",
    [clients.s3, clients.dynamodb, clients.step_functions, clients.ecs, clients.events],
)
def test_every_client_knows_how_long_to_wait(region, make) -> None:
    region("eu-west-1")
    patient, brisk = make().meta.config, make(clients.BRISK).meta.config

    assert (patient.connect_timeout, patient.read_timeout) == (3, 20)
    assert (brisk.connect_timeout, brisk.read_timeout) == (1, 2)
    assert (patient.retries["mode"], brisk.retries["mode"]) == ("standard", "standard")


def test_redis_is_asked_over_tls_and_waited_for_a_moment(region) -> None:
    region("eu-west-1")
    pool = clients.redis("cache.example", 6380).connection_pool
    connection = pool.make_connection()

    assert isinstance(connection, SSLConnection)
    assert (connection.cert_reqs, connection.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert Path(connection.ca_certs).exists()
    assert (connection.host, connection.port) == ("cache.example", 6380)
    assert (connection.socket_connect_timeout, connection.socket_timeout) == (0.1, 0.1)
    assert connection.retry.get_retries() == 0


def test_a_redis_elsewhere_is_asked_in_the_clear(region, monkeypatch) -> None:
    region("eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    connection = clients.redis("127.0.0.1", 6379).connection_pool.make_connection()
    assert type(connection) is Connection
