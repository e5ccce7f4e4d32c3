"""What the HTTP functions share: a resolver whose errors are problems, who calls, and answering.

A function is `app = api.resolver()`, routes, `handler = api.serve(app)`. No answer may be kept by a
cache unless its route says so: each tells of a moment, or holds a URL that is a key.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.callers import ANYBODY, Caller
from conversion.errors import InvalidRequest, NoIdentity
from conversion.settings import TellsCallersApart
from conversion.stores.calls import calls
from lambdas import problems
from lambdas.body import read_object
from lambdas.observability import logger, spent
from lambdas.tracing import traced

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]

# The `auth` of a deployment that asks nobody who they are.
_OPEN = "none"

# An entity tag in a list of them; `W/` makes no difference to If-None-Match (RFC 9110 §13.1.2).
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def resolver() -> APIGatewayHttpResolver:
    """Powertools' resolver, without its validation: that needs pydantic (decision 0003)."""
    app = APIGatewayHttpResolver()
    problems.answer_errors(app)
    return app


def serve(app: APIGatewayHttpResolver) -> Handler:
    """The function's entry point: answer by `app`, and log each answer with what it took."""

    @traced
    def resolve(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        _tell_of_preflight(event)
        return app.resolve(event, context)

    @logger.inject_lambda_context(
        correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True
    )
    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        started = time.perf_counter()
        calls.take()  # what was called at the start, or by an invocation that was cut short
        answered = resolve(event, context)
        logger.info(
            "request answered",
            route=event.get("routeKey"),
            status=answered["statusCode"],
            **spent(started),
        )
        return answered

    return handler


def _tell_of_preflight(event: dict[str, Any]) -> None:
    """API Gateway answers preflights itself where it knows an origin: what comes here is refused by
    the browser, and the person at it is told nothing."""
    headers = event.get("headers") or {}
    if "access-control-request-method" in headers:
        logger.warning(
            "a page may not call this API",
            origin=headers.get("origin"),
            mend="Deploy with the page's origin among -c allowedOrigins=…",
        )


def caller(app: APIGatewayHttpResolver, settings: TellsCallersApart) -> Caller:
    """Who calls, as API Gateway's authorizer tells it ("Working with AWS Lambda proxy integrations
    for HTTP APIs", payload format 2.0). Raises NoIdentity where it tells nothing."""
    authorizer = app.current_event.raw_event.get("requestContext", {}).get("authorizer")
    if not authorizer and settings.auth == _OPEN:
        return ANYBODY
    identity = _identity(authorizer or {})
    if not isinstance(identity, str) or not identity:
        raise NoIdentity(
            "Nothing in the request says who you are: sign it, or send a token that was issued to "
            'a user or a client, with a "sub".'
        )
    return Caller.identified(identity, settings.operator_identities)


def _identity(authorizer: dict[str, Any]) -> Any:
    """The users of a Cognito identity pool share a role and its sessions' name, and have an id."""
    if iam := authorizer.get("iam"):
        return (iam.get("cognitoIdentity") or {}).get("identityId") or iam.get("userArn")
    return ((authorizer.get("jwt") or {}).get("claims") or {}).get("sub")


def json_object(app: APIGatewayHttpResolver) -> dict[str, Any]:
    """The request's body. Raises InvalidRequest unless it is a JSON object."""
    try:
        text = app.current_event.decoded_body or ""
    except ValueError:  # not base64, or not UTF-8
        raise InvalidRequest("The body is not UTF-8; send a JSON object in UTF-8.") from None
    return read_object(text)


def query(app: APIGatewayHttpResolver, name: str) -> str | None:
    """One query parameter; sent empty, it is as good as not sent."""
    return app.current_event.query_string_parameters.get(name) or None


def answer(
    body: dict[str, Any] | None,
    status: HTTPStatus = HTTPStatus.OK,
    location: str | None = None,
    retry_after: int | None = None,
) -> Response[Any]:
    """A JSON answer, or one without a body; `retry_after` in seconds (RFC 9110 §10.2.3)."""
    headers = {"Cache-Control": "no-store"}
    if location is not None:
        headers["Location"] = location
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if body is None:
        return Response(int(status), body="", headers=headers)
    return Response(int(status), "application/json", body, headers)


def answer_tagged(
    app: APIGatewayHttpResolver,
    body: dict[str, Any],
    retry_after: int | None = None,
    keep_seconds: int | None = None,
) -> Response[Any]:
    """The answer to a GET with a strong ETag, or 304 to who has it already (RFC 9110 §13.1.2).

    With `keep_seconds` any cache may keep it for so long, without asking.
    """
    text = json.dumps(body, separators=(",", ":"))
    answered = answer(None, HTTPStatus.NOT_MODIFIED, retry_after=retry_after)
    answered.headers["ETag"] = tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    if keep_seconds is not None:
        answered.headers["Cache-Control"] = f"public, max-age={keep_seconds}"
    if not _has(app.current_event.headers.get("If-None-Match"), tag):
        answered.status_code = int(HTTPStatus.OK)
        answered.headers["Content-Type"] = "application/json"
        answered.body = text
    return answered


def _has(if_none_match: str | None, tag: str) -> bool:
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)
