"""HTTP APIs as AWS serves them: see local/fidelity/http_api.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from botocore.credentials import Credentials

from local.child import Engine
from local.gateway import Gateway, listen
from tests.issuer import AUDIENCE, Issuer, new_key, serving_issuer
from tests.local.conftest import eventually
from tests.signed import Signed, new_user

HANDLER = """
import json

def handler(event, context):
    if event["rawPath"] == "/raises":
        raise ValueError("nobody needs to know this")
    asked = event["requestContext"]
    seen = {"route": event["routeKey"], "authorizer": asked.get("authorizer")}
    headers = {"content-type": "application/json", "access-control-allow-origin": "https://x.test"}
    status = 204 if asked["http"]["method"] == "OPTIONS" else 200
    return {"statusCode": status, "headers": headers, "body": json.dumps(seen)}
"""
PAGE = "https://page.test"
CORS = {
    "AllowOrigins": [PAGE],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["authorization"],
    "ExposeHeaders": ["etag"],
    "MaxAge": 60,
}
ROUTES = {
    "GET /open": "NONE",
    "GET /raises": "NONE",
    "GET /signed": "AWS_IAM",
    "POST /signed": "AWS_IAM",
    "GET /token": "JWT",
    "OPTIONS /{proxy+}": "NONE",
    "$default": "AWS_IAM",
}
Invited = tuple[str, Credentials]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with serving_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def origin(engine: Engine, issuer: Issuer) -> Iterator[str]:
    name = f"api-{uuid4().hex[:8]}"
    cloudformation = engine.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template(name, issuer)))
    eventually(lambda: "COMPLETE" in status_of(cloudformation, name))
    assert status_of(cloudformation, name) == "CREATE_COMPLETE"
    found = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="Api")
    api_id = found["StackResourceDetail"]["PhysicalResourceId"]
    with Gateway(listen(0), engine.url, api_id) as gateway:
        yield gateway.url


def status_of(cloudformation: Any, name: str) -> str:
    return cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


def template(name: str, issuer: Issuer) -> dict[str, Any]:
    api = {"ApiId": {"Ref": "Api"}}
    role = "arn:aws:iam::000000000000:role/any"
    resources: dict[str, Any] = {
        "Api": of("Api", Name=name, ProtocolType="HTTP", CorsConfiguration=CORS),
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": name,
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": role,
                "Code": {"ZipFile": HANDLER},
            },
        },
        "Integration": of(
            "Integration",
            **api,
            IntegrationType="AWS_PROXY",
            IntegrationUri={"Fn::GetAtt": ["Function", "Arn"]},
            PayloadFormatVersion="2.0",
        ),
        "Tokens": of(
            "Authorizer",
            **api,
            AuthorizerType="JWT",
            Name="tokens",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": issuer.url, "Audience": [AUDIENCE]},
        ),
        "Stage": of("Stage", **api, StageName="$default", AutoDeploy=True),
    }
    target = {"Fn::Join": ["/", ["integrations", {"Ref": "Integration"}]]}
    for number, (key, authorization) in enumerate(ROUTES.items()):
        checked = {"AuthorizerId": {"Ref": "Tokens"}} if authorization == "JWT" else {}
        resources[f"Route{number}"] = of(
            "Route",
            **api,
            **checked,
            RouteKey=key,
            AuthorizationType=authorization,
            Target=target,
        )
    return {"Resources": resources}


def of(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": properties}


@pytest.fixture(scope="module")
def alice(engine: Engine) -> Invited:
    return new_user(engine.client("iam"), f"alice-{uuid4().hex[:8]}")


def test_a_signed_caller_is_told_apart(origin: str, alice: Invited) -> None:
    arn, credentials = alice
    answer = httpx.get(f"{origin}/signed?b=2&a=1%2F", auth=Signed(credentials))
    assert answer.status_code == 200
    iam = answer.json()["authorizer"]["iam"]
    assert (iam["userArn"], iam["accessKey"]) == (arn, credentials.access_key)


def test_a_body_is_signed_with_the_request(origin: str, alice: Invited) -> None:
    answer = httpx.post(f"{origin}/signed", json={"a": 1}, auth=Signed(alice[1]))
    assert answer.status_code == 200
    forged = Signed(alice[1]).auth_flow(httpx.Request("POST", f"{origin}/signed", json={"a": 1}))
    headers = next(forged).headers
    headers.pop("content-length")
    assert httpx.post(f"{origin}/signed", json={"a": 2}, headers=headers).status_code == 403


def wrong_secret(known: Credentials) -> Signed:
    return Signed(Credentials(known.access_key, "not hers"))


def unknown_key(known: Credentials) -> Signed:
    return Signed(Credentials("AKIANOBODY", known.secret_key))


def another_service(known: Credentials) -> Signed:
    return Signed(known, service="s3")


@pytest.mark.parametrize("wrong", [wrong_secret, unknown_key, another_service])
def test_a_signature_that_does_not_match_is_refused(
    origin: str, alice: Invited, wrong: Callable[[Credentials], Signed]
) -> None:
    answer = httpx.get(f"{origin}/signed", auth=wrong(alice[1]))
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("path", ["/signed", "/anything/else"])
def test_what_is_not_signed_is_refused(origin: str, path: str) -> None:
    assert httpx.get(f"{origin}{path}").status_code == 403
    bearer = {"authorization": "Bearer a.b.c"}
    assert httpx.get(f"{origin}{path}", headers=bearer).status_code == 403


def test_what_no_route_takes_goes_to_the_default(origin: str, alice: Invited) -> None:
    answer = httpx.put(f"{origin}/anything/else", auth=Signed(alice[1]))
    assert answer.json()["route"] == "$default"


def test_a_token_of_the_issuer_is_told_with_its_claims(origin: str, issuer: Issuer) -> None:
    answer = with_token(origin, issuer.token("alice"))
    assert answer.status_code == 200
    assert answer.json()["authorizer"]["jwt"]["claims"]["sub"] == "alice"


def test_a_token_may_name_its_client_in_place_of_an_audience(origin: str, issuer: Issuer) -> None:
    """As the access tokens of a Cognito pool do."""
    assert with_token(origin, issuer.token("a", aud=None, client_id=AUDIENCE)).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": new_key("known")},
        {"key": new_key("unknown")},
        {"aud": "others"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1},
        {"exp": None},
        {"exp": [2**40]},
        {"nbf": 2**40},
    ],
)
def test_any_other_token_is_refused(origin: str, issuer: Issuer, wrong: dict[str, Any]) -> None:
    assert with_token(origin, issuer.token("alice", **wrong)).status_code == 401


def test_no_token_is_refused(origin: str) -> None:
    assert httpx.get(f"{origin}/token").status_code == 401


def with_token(origin: str, token: str) -> httpx.Response:
    return httpx.get(f"{origin}/token", headers={"authorization": f"Bearer {token}"})


def asks(origin: str, page: str, method: str = "PUT") -> httpx.Response:
    asked = {"origin": page, "access-control-request-method": method}
    return httpx.options(f"{origin}/signed", headers=asked)


def test_a_page_that_may_call_is_told_how_without_an_identity(origin: str) -> None:
    answer = asks(origin, PAGE)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == "GET,PUT"
    assert answer.headers["access-control-allow-headers"] == "authorization"
    assert answer.headers["access-control-max-age"] == "60"


def test_another_page_is_told_nothing_whatever_the_function_says(origin: str) -> None:
    told = asks(origin, "https://other.test").headers
    assert not [name for name in told if name.startswith("access-control-")]
    read = httpx.get(f"{origin}/open", headers={"origin": "https://other.test"}).headers
    assert not [name for name in read if name.startswith("access-control-")]


def test_a_page_reads_what_is_exposed_to_it(origin: str) -> None:
    told = httpx.get(f"{origin}/open", headers={"origin": PAGE}).headers
    assert told["access-control-allow-origin"] == PAGE
    assert told["access-control-expose-headers"] == "etag"


def test_a_function_that_raises_is_an_error_that_says_nothing_of_it(origin: str) -> None:
    answer = httpx.get(f"{origin}/raises")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
