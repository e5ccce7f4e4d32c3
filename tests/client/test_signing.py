"""Signatures are verified as AWS does it: computed again from what came over the wire."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials

from client.errors import NoCredentials
from client.signing import Signature
from tests.client.conftest import Run
from tests.client.service import Seen, Service

KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "session/token=="
REGION = "eu-central-1"


def is_signed(seen: Seen, secret: str = SECRET) -> bool:
    """By SECRET for execute-api in REGION, the body and the named headers with it."""
    fields = dict(
        each.split("=", 1) for each in seen.headers["authorization"].split(" ", 1)[1].split(", ")
    )
    scope = f"{seen.headers['x-amz-date'][:8]}/{REGION}/execute-api/aws4_request"
    if fields["Credential"] != f"{KEY}/{scope}":
        return False
    names = fields["SignedHeaders"].split(";")
    assert {"host", "x-amz-date"} <= set(names)
    request = AWSRequest(
        seen.method,
        f"https://{seen.headers['host']}{seen.path}",
        headers={name: seen.headers[name] for name in names},
        data=seen.body,
    )
    request.context["timestamp"] = seen.headers["x-amz-date"]
    signer = SigV4Auth(ReadOnlyCredentials(KEY, secret, None), "execute-api", REGION)
    canonical = signer.canonical_request(request)
    return (
        signer.signature(signer.string_to_sign(request, canonical), request)
        == (fields["Signature"])
    )


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)


def test_every_request_to_the_api_is_signed_and_none_to_s3(
    run: Run, service: Service, credentials: None, tmp_path: Path
) -> None:
    service.single_put_bytes = service.part_bytes = 1000
    (tmp_path / "ä b.wav").write_bytes(b"x" * 3500)
    service.door = lambda seen: None if is_signed(seen) else 403
    assert run("ä b.wav", "--to", "mp3", "--region", REGION).code == 0
    to_the_api = [each for each in service.seen if each.path.startswith("/v1/")]
    kinds = {"create_upload", "sign_parts", "acknowledge", "complete", "list_jobs", "progress"}
    assert kinds <= {each.kind for each in to_the_api}
    assert {each.headers["x-amz-security-token"] for each in to_the_api} == {TOKEN}
    for each in service.seen:
        if each.path.startswith("/bucket/"):
            assert not {"authorization", "x-amz-security-token"} & set(each.headers)


def test_the_body_is_signed_with_it(
    run: Run, service: Service, credentials: None, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    run("a.wav", "--to", "mp3", "--region", REGION)
    post = next(each for each in service.seen if each.kind == "create_upload")
    assert is_signed(post)
    altered = post.body.replace(b"mp3", b"mp4")
    assert altered != post.body
    assert not is_signed(Seen(post.kind, post.method, post.path, post.headers, altered))
    assert not is_signed(post, "another secret")


def signed(request: httpx.Request) -> httpx.Request:
    Signature(Credentials(KEY, SECRET), REGION).sign(request)
    return request


@pytest.mark.parametrize(
    "parameters",
    [
        {"jobId": "a,b"},
        {"cursor": "a+b/c==", "status": "failed"},
        {"x": "ä b&c=d~e*f(g)", "a": ""},
        [("jobId", "b"), ("jobId", "a")],
    ],
)
def test_a_query_is_signed_as_aws_reads_it(parameters: dict[str, str]) -> None:
    """AWS decodes what came, sorts and encodes it anew (IAM user guide, "Create a signed AWS API
    request"): whichever way the HTTP library wrote it."""
    request = signed(httpx.Request("GET", "https://x.example/v1/jobs", params=parameters))
    sent = urlsplit(str(request.url)).query
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(sent, True))
    date = request.headers["x-amz-date"]
    canonical = "\n".join(
        [
            *("GET", "/v1/jobs", "&".join(f"{k}={v}" for k, v in pairs)),
            *("host:x.example", f"x-amz-date:{date}", "", "host;x-amz-date"),
            hashlib.sha256(b"").hexdigest(),
        ]
    )
    scope = f"{date[:8]}/{REGION}/execute-api/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for step in (*scope.split("/"), "\n".join(["AWS4-HMAC-SHA256", date, scope, hashed])):
        key = hmac.digest(key, step.encode(), "sha256")
    assert request.headers["authorization"].endswith(f"Signature={key.hex()}")


def test_credentials_that_run_out_are_renewed_on_the_way() -> None:
    rounds = iter(range(1, 9))

    def renewed() -> dict[str, str]:
        soon = datetime.now(UTC) + timedelta(seconds=1)
        return {
            "access_key": f"AKID{next(rounds)}",
            "secret_key": SECRET,
            "token": TOKEN,
            "expiry_time": soon.isoformat(),
        }

    signature = Signature(
        RefreshableCredentials.create_from_metadata(renewed(), renewed, "test"), REGION
    )

    async def authorization() -> str:
        request = httpx.Request("POST", "https://x.example/v1/uploads", json={})
        flow = signature.async_auth_flow(request)
        return (await anext(flow)).headers["authorization"]

    first, second = asyncio.run(authorization()), asyncio.run(authorization())
    assert first.partition("/")[0] != second.partition("/")[0]


def test_credentials_that_cannot_be_renewed_are_a_coded_error() -> None:
    def lost() -> dict[str, str]:
        return {}

    gone = {
        "access_key": KEY,
        "secret_key": SECRET,
        "token": TOKEN,
        "expiry_time": datetime.now(UTC).isoformat(),
    }
    signature = Signature(RefreshableCredentials.create_from_metadata(gone, lost, "sso"), REGION)
    with pytest.raises(NoCredentials, match="aws sso login"):
        signature.sign(httpx.Request("GET", "https://x.example/v1/jobs"))
