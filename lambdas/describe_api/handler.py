"""What the API is: GET /v1/formats and GET /v1/openapi.json, and an answer to every request that no
other route takes.

The paths of the OpenAPI document say whether such a request has the wrong path (404) or the wrong
method (405). API Gateway answers a page's preflight itself, before it comes here; OPTIONS asked for
anything else is told the methods.

Permissions: none.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from conversion.errors import NoBatches
from conversion.settings import DescribeApiSettings
from lambdas import api, problems
from lambdas.offered import offered
from lambdas.openapi.document import DOCUMENT
from lambdas.openapi.paths import methods_at

# Both change with a deployment and never between.
_KEEP_SECONDS = 300

# The only routes of the document that not every deployment has.
_NO_BATCHES = (
    "This deployment converts nothing in batches: deploy it with -c batchSources=bucket/prefix, "
    "which says what it may read."
)

settings = DescribeApiSettings.from_env(os.environ)
app = api.resolver()


@app.get("/v1/formats")
def get_formats() -> Response[Any]:
    return api.answer_tagged(app, offered(settings), keep_seconds=_KEEP_SECONDS)


@app.get("/v1/openapi.json")
def get_openapi() -> Response[Any]:
    return api.answer_tagged(app, DOCUMENT, keep_seconds=_KEEP_SECONDS)


@app.exception_handler(NotFoundError)
def no_route(_: NotFoundError) -> Response[Any]:
    """Every path and method but those two."""
    path, method = app.current_event.path, app.current_event.http_method.upper()
    allowed = methods_at(path)
    if not allowed:
        return problems.no_route(NotFoundError())
    if method in allowed and method != "OPTIONS":  # API Gateway would have sent it elsewhere
        return problems.refused(NoBatches(_NO_BATCHES))
    if method == "OPTIONS":
        answered = api.answer(None, HTTPStatus.NO_CONTENT)
        answered.headers["Allow"] = ", ".join(allowed)
        return answered
    told = f"Nothing can be asked by {method} here; use {' or '.join(allowed)}."
    return problems.refused(problems.MethodNotAllowed(told, allowed))


handler = api.serve(app)
