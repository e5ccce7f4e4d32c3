"""What the HTTP functions share: who calls, what the body says, and tagged answers."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.callers import ANYBODY, Caller
from conversion.errors import InvalidRequest, NoIdentity
from conversion.settings import TellsCallersApart
from lambdas import api
from lambdas.body import read_object

ROLE = "arn:aws:sts::123456789012:assumed-role/editors/anna"
USER = "arn:aws:iam::123456789012:user/ben"


def resolver(event: Any) -> Any:
    """As it is while it answers this event."""
    app = api.resolver()
    app.current_event = app._to_proxy_event(event)
    return app


def called_by(event: Any, authorizer: Any, *operators: str) -> Caller:
    asked = event("http_get_job")
    asked["requestContext"]["authorizer"] = authorizer
    return api.caller(resolver(asked), TellsCallersApart(operators=",".join(operators)))


def test_where_nobody_is_asked_everybody_sees_all(event) -> None:
    assert api.caller(resolver(event("http_get_job")), TellsCallersApart(auth="none")) is ANYBODY


@pytest.mark.parametrize("auth", ["iam", "jwt"])
def test_where_callers_are_asked_none_is_nobody_in_particular(event, auth: str) -> None:
    with pytest.raises(NoIdentity, match="sign it"):
        api.caller(resolver(event("http_get_job")), TellsCallersApart(auth=auth))


def test_the_users_of_an_identity_pool_are_not_one(event) -> None:
    signed = {"userArn": "arn:aws:sts::123456789012:assumed-role/users/CognitoIdentityCredentials"}
    pool = "eu-west-1:3f1c"
    anna, ben = (
        called_by(event, {"iam": signed | {"cognitoIdentity": {"identityId": f"{pool}{each}"}}})
        for each in ("a", "b")
    )
    assert (anna.identity, ben.identity) == (f"{pool}a", f"{pool}b")
    assert called_by(event, {"iam": signed | {"cognitoIdentity": None}}).identity is not None


def test_a_signed_caller_is_the_role_whatever_its_session(event) -> None:
    caller = called_by(event, {"iam": {"userArn": ROLE, "accountId": "123456789012"}})

    assert caller == Caller("arn:aws:sts::123456789012:assumed-role/editors", sees_all=False)
    assert called_by(event, {"iam": {"userArn": USER}}).identity == USER


def test_a_token_is_its_subject(event) -> None:
    claims = {"sub": "4f0c", "iss": "https://issuer.example"}

    assert called_by(event, {"jwt": {"claims": claims, "scopes": None}}).identity == "4f0c"
    assert not called_by(event, {"jwt": {"claims": claims}}).sees_all


def test_operators_see_all(event) -> None:
    assert called_by(event, {"jwt": {"claims": {"sub": "4f0c"}}}, "4f0c").sees_all
    role = "arn:aws:iam::123456789012:role/editors"
    assert called_by(event, {"iam": {"userArn": ROLE}}, role).sees_all


@pytest.mark.parametrize(
    "authorizer",
    [
        {"jwt": {"claims": {"client_id": "x"}}},
        {"jwt": {"claims": {"sub": ""}}},
        {"jwt": {"claims": {"sub": 7}}},
        {"jwt": {"claims": None}},
        {"jwt": None},
        {"iam": {"accountId": "123456789012"}},
        {"lambda": {"user": "anna"}},
    ],
)
def test_an_authorizer_that_says_nothing_lets_nobody_in(event, authorizer) -> None:
    with pytest.raises(NoIdentity, match="sub"):
        called_by(event, authorizer)


def body(event: Any, text: str, encoded: bool = False) -> dict[str, Any]:
    asked = event("http_create_job") | {"body": text, "isBase64Encoded": encoded}
    return api.json_object(resolver(asked))


def test_a_body_may_be_sent_as_base64(event) -> None:
    assert body(event, base64.b64encode('{"a": "ä"}'.encode()).decode(), True) == {"a": "ä"}


def test_what_is_not_utf8_is_refused(event) -> None:
    with pytest.raises(InvalidRequest, match="UTF-8"):
        body(event, base64.b64encode(b"\xff{}").decode(), True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON at line 1, column 1"),
        ('{"a": 1', "not JSON at line 1"),
        ("[1]", "is a list"),
        ('"a"', "is a text"),
        ("null", "is null"),
        ("true", "is true or false"),
        ("3.5", "is a number"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "field 'c' twice"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "has 5000 characters"),
        ('{"a": 1e999}', "1e999 is too large"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_object_is_told_why(text, why) -> None:
    with pytest.raises(InvalidRequest, match=why):
        read_object(text)


@given(st.text())
def test_any_text_is_an_object_or_refused(text: str) -> None:
    with suppress(InvalidRequest):
        assert isinstance(read_object(text), dict)


def test_json_has_one_kind_of_number() -> None:
    fields = read_object('{"a": 334.0, "b": 2.5, "c": 1e3, "d": 7}')

    assert fields == {"a": 334, "b": 2.5, "c": 1000, "d": 7}
    assert [type(each) for each in fields.values()] == [int, float, int, int]


@given(st.dictionaries(st.text(), st.integers() | st.floats(-1e300, 1e300) | st.text()))
def test_what_is_json_is_read_as_it_was_written(fields: dict[str, Any]) -> None:
    assert read_object(json.dumps(fields)) == fields


@pytest.mark.parametrize(("sent", "read"), [({"a": "x"}, "x"), ({"a": ""}, None), ({}, None)])
def test_a_parameter_sent_empty_is_as_good_as_not_sent(event, sent, read) -> None:
    asked = event("http_get_job") | {"queryStringParameters": sent}

    assert api.query(resolver(asked), "a") == read


def test_without_any_query_there_is_no_parameter(event) -> None:
    asked = event("http_get_job")
    asked.pop("queryStringParameters", None)

    assert api.query(resolver(asked), "a") is None


def tagged(event: Any, if_none_match: str | None, body: dict[str, Any] | None = None) -> Any:
    asked = event("http_get_job")
    if if_none_match is not None:
        asked["headers"]["if-none-match"] = if_none_match
    return api.answer_tagged(resolver(asked), body or {"a": 1}, retry_after=1)


def test_another_answer_has_another_tag(event) -> None:
    first, second = tagged(event, None), tagged(event, None, {"a": 2})

    assert (first.status_code, json.loads(first.body)) == (200, {"a": 1})
    assert first.headers["ETag"] != second.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '{} , W/"y"', " * "])
def test_a_tag_that_matches_saves_the_answer(event, form) -> None:
    tag = tagged(event, None).headers["ETag"]
    answer = tagged(event, form.format(tag))

    assert (answer.status_code, answer.body) == (304, "")
    assert (answer.headers["ETag"], answer.headers["Retry-After"]) == (tag, "1")
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("header", ["", '"x"', "x", '"', "W/", '"x", "'])
def test_a_tag_that_does_not_match_saves_nothing(event, header) -> None:
    assert tagged(event, header).status_code == 200
