"""Who may call: signed callers, bearers of tokens, or anybody, on every route there is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.assembly import Assembly
from tests.infra.test_api import REST, ROUTES

# A page's question before it calls, which brings no identity on any deployment.
PREFLIGHT = "OPTIONS /{proxy+}"
TENDS_ALL = "POST /v1/cleanup"
# The functions that answer for what is somebody's own.
TELL_CALLERS_APART = {
    "CancelJobFunction",
    "CreateJobFunction",
    "CreateUploadFunction",
    "GetHistoryFunction",
    "GetJobFunction",
    "GetOutputFunction",
    "GetProgressFunction",
    "ReceiveUploadFunction",
}


def by_key(assembly: Assembly) -> dict[str, str]:
    routes = assembly.of("AWS::ApiGatewayV2::Route").values()
    return {each["RouteKey"]: each["AuthorizationType"] for each in routes}


def test_every_route_wants_a_signed_caller_unless_the_deployment_says_otherwise(
    assembly: Assembly,
) -> None:
    closed = dict.fromkeys((ROUTES | REST).keys() - {PREFLIGHT}, "AWS_IAM")
    assert by_key(assembly) == closed | {PREFLIGHT: "NONE"}


def test_where_nobody_is_asked_no_route_asks(other_assembly: Assembly) -> None:
    assert set(by_key(other_assembly).values()) == {"NONE"}


@pytest.mark.parametrize("which", ["token_assembly", "users_assembly"])
def test_every_route_wants_a_token_but_that_which_tends_all_a_signature(
    which: str, request: pytest.FixtureRequest
) -> None:
    closed = dict.fromkeys((ROUTES | REST).keys() - {PREFLIGHT, TENDS_ALL}, "JWT")
    found = by_key(request.getfixturevalue(which))
    assert found == closed | {PREFLIGHT: "NONE", TENDS_ALL: "AWS_IAM"}


def test_a_token_is_held_to_the_issuer_and_the_audiences_that_were_given(
    token_assembly: Assembly,
) -> None:
    authorizer = token_assembly.the("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["JwtConfiguration"] == {
        "Issuer": "https://login.example.com/",
        "Audience": ["sluice", "sluice-batch"],
    }
    assert not token_assembly.of("AWS::Cognito::UserPool")


def test_without_an_issuer_there_is_a_pool_of_users_and_its_client_is_the_audience(
    users_assembly: Assembly,
) -> None:
    authorizer = users_assembly.the("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {
        "Issuer": "https://cognito-idp.${AWS::Region}.amazonaws.com/${UsersPool}",
        "Audience": ["${UsersClient}"],
    }
    assert told(users_assembly)["TokenIssuer"] == authorizer["JwtConfiguration"]["Issuer"]
    assert told(users_assembly)["TokenClient"] == "${UsersClient}"


def test_nobody_adds_himself_and_a_password_is_long(users_assembly: Assembly) -> None:
    pool = users_assembly.the("AWS::Cognito::UserPool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 12
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])
    client = users_assembly.the("AWS::Cognito::UserPoolClient")
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["GenerateSecret"] is False
    assert "AllowedOAuthFlows" not in client


def test_users_are_kept_as_the_records_are_that_say_whose_they_are(
    users_assembly: Assembly,
) -> None:
    (pool,) = [
        each for each in users_assembly.resources.values() if each["Type"][14:] == "UserPool"
    ]
    assert pool["DeletionPolicy"] == "Delete"
    assert "UsersPool" in str(users_assembly.templates["sluice-dev-storage"])


def test_who_answers_callers_is_told_who_sees_all(token_assembly: Assembly) -> None:
    operators = {
        name: each["Environment"]["Variables"].get("SLUICE_OPERATORS")
        for name, each in token_assembly.of("AWS::Lambda::Function").items()
        if "Environment" in each
    }
    known = {name for name, each in operators.items() if each is not None}
    assert known == TELL_CALLERS_APART
    assert {operators[name] for name in known} == {"olga,arn:aws:iam::123456789012:role/Operators"}


def told(assembly: Assembly) -> dict[str, Any]:
    return {name: assembly.text(each["Value"]) for name, each in assembly.outputs.items()}
