"""What the HTTP functions share: a resolver whose errors are problems, reading a body, answering.

A function is `app = api.resolver()`, routes, `handler = api.serve(app)`. No answer of this API may
be kept by a cache: each tells of a moment, or holds a URL that is a key.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.errors import InvalidRequest
from lambdas import problems
from lambdas.observability import logger

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def resolver() -> APIGatewayHttpResolver:
    """Powertools' resolver, without its validation: that needs pydantic (decision 0003)."""
    app = APIGatewayHttpResolver()
    problems.answer_errors(app)
    return app


def serve(app: APIGatewayHttpResolver) -> Handler:
    """The function's entry point: answer by `app`, and log each answer with its time."""

    @logger.inject_lambda_context(
        correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True
    )
    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        started = time.perf_counter()
        answered = app.resolve(event, context)
        logger.info(
            "request answered",
            route=event.get("routeKey"),
            status=answered["statusCode"],
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        return answered

    return handler


def json_object(app: APIGatewayHttpResolver) -> dict[str, Any]:
    """The request's body. Raises InvalidRequest unless it is a JSON object."""
    try:
        body = json.loads(app.current_event.decoded_body or "")
    except (ValueError, RecursionError):  # not base64, UTF-8 or JSON, or nested beyond reason
        raise InvalidRequest("The body is not JSON; send a JSON object in UTF-8.") from None
    if not isinstance(body, dict):
        raise InvalidRequest("Send a JSON object.")
    return body


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
