"""The routes that are about the service itself."""

from __future__ import annotations

from conversion.errors import InvalidRequest
from lambdas.openapi import examples
from lambdas.openapi.answers import answered, shared
from lambdas.openapi.operations import OPERATORS, Operation, shared_parameter
from lambdas.openapi.shapes import ref

_IF_NONE_MATCH = shared_parameter("IfNoneMatch")
_SAME = answered("Nothing has changed.", None, "ETag")

# 503 is this route's own word too.
_DOWN = shared()["Unavailable"]
_DOWN["description"] = f"It takes nothing in. {_DOWN['description']}"
_DOWN["content"]["application/json"]["schema"] = {"anyOf": [ref("Health"), ref("GatewayMessage")]}

SERVICE = (
    Operation(
        method="get",
        path="/v1/formats",
        name="getFormats",
        tag="service",
        summary="What can be asked for",
        told="Formats with what each takes, presets, names that are taken, and limits.",
        parameters=(_IF_NONE_MATCH,),
        answers={200: answered("All of it.", "Formats", "ETag"), 304: _SAME},
    ),
    Operation(
        method="get",
        path="/v1/health",
        also="/api/health",
        name="getHealth",
        tag="service",
        summary="Whether it works, and how full it is",
        answers={
            200: answered("It works, or works less well.", "Health", example=examples.HEALTH),
            503: _DOWN,
        },
    ),
    Operation(
        method="get",
        path="/v1/openapi.json",
        name="getOpenApi",
        tag="service",
        summary="This document",
        parameters=(_IF_NONE_MATCH,),
        answers={200: answered("OpenAPI 3.1.", "OpenApi", "ETag"), 304: _SAME},
    ),
    Operation(
        method="post",
        path="/v1/cleanup",
        name="cleanUp",
        tag="service",
        summary="Remove what has expired, now",
        told="As the service does by itself every hour. For operators: always signed with SigV4, "
        "also where callers have tokens.",
        body="CleanUpRequest",
        example={"dryRun": True},
        answers={200: answered("What was removed.", "CleanedUp", example=examples.CLEANED)},
        refusals=(InvalidRequest,),
        security=OPERATORS,
    ),
)
