"""Errors as RFC 9457 problem details: the one place where an exception becomes an HTTP answer.

`code` is the member to match on (conversion/errors.py keeps them stable); `detail` is for people
and says what to do. What went wrong behind the API is logged, never told: the text of a storage
error names tables, buckets and roles.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from http import HTTPStatus

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from conversion.errors import (
    JobNotReady,
    RequestError,
    RequestInProgress,
    SluiceError,
    TooManyJobs,
    TooManyUploads,
    TransientError,
)
from lambdas.observability import logger

# How soon it is worth asking again, in seconds: a running job, or a request that another one waits
# for; and a store that does not answer (botocore has spent its own retries by then). Where too many
# jobs wait or uploads are open, one of them must be done first, which takes seconds to hours.
POLL_SECONDS = 1
OUTAGE_SECONDS = 5
CROWDED_SECONDS = 30

RETRY_AFTER: dict[type[RequestError], int] = {
    JobNotReady: POLL_SECONDS,
    RequestInProgress: POLL_SECONDS,
    TooManyJobs: CROWDED_SECONDS,
    TooManyUploads: CROWDED_SECONDS,
}

# What RFC 9110 calls them, and Python from 3.13 on.
_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}

# Details quote what was sent; a body of megabytes must not come back with its answer.
_MOST_DETAIL_CHARACTERS = 1000


class RouteNotFound(RequestError):
    """There is nothing at this path."""

    code = "ROUTE_NOT_FOUND"
    http_status = 404


class MethodNotAllowed(RequestError):
    """There is something at this path, for the `allowed` methods (RFC 9110 §15.5.6)."""

    code = "METHOD_NOT_ALLOWED"
    http_status = 405

    def __init__(self, message: str, allowed: Collection[str] = ()) -> None:
        super().__init__(message)
        self.allowed = allowed


def answer_errors(app: APIGatewayHttpResolver) -> None:
    """Let every error that leaves a route of `app` be answered as a problem."""
    app.exception_handler(RequestError)(refused)
    app.exception_handler(TransientError)(unavailable)
    app.exception_handler(NotFoundError)(no_route)
    app.exception_handler(Exception)(unexpected)


def refused(error: RequestError) -> Response[str]:
    logger.info("request refused", code=error.code)
    answer = _problem(error.http_status, error.code, error.message, RETRY_AFTER.get(type(error)))
    if isinstance(error, MethodNotAllowed):
        answer.headers["Allow"] = ", ".join(error.allowed)
    return answer


def unavailable(error: TransientError) -> Response[str]:
    logger.error("a store does not answer", code=error.code, reason=error.message)
    return _problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        error.code,
        f"Something this service needs is not answering; ask again in {OUTAGE_SECONDS} seconds.",
        OUTAGE_SECONDS,
    )


def no_route(_: NotFoundError) -> Response[str]:
    return refused(RouteNotFound("There is nothing at this path; check it and the method."))


def unexpected(error: Exception) -> Response[str]:
    logger.exception("unexpected error", exc_info=error)
    return _problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        SluiceError.code,
        "The service failed to answer this request. It has been logged; asking again may work.",
    )


def _problem(status: int, code: str, detail: str, retry_after: int | None = None) -> Response[str]:
    """`about:blank` is RFC 9457's type for "what the status says"; `code` tells problems apart."""
    body = {
        "type": "about:blank",
        "title": _RENAMED.get(status) or HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail[:_MOST_DETAIL_CHARACTERS],
        "code": code,
    }
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Response(int(status), "application/problem+json", json.dumps(body), headers)
