"""What a route may answer: its own answer, each problem by its code, and what API Gateway answers
by itself before a function is asked.

An error class says its code and status; that of a route's errors is all that has to be listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conversion.errors import RecordsUnavailable, RequestError, SluiceError, StorageUnavailable
from lambdas.openapi.shapes import Schema, ref, text, whole
from lambdas.problems import RETRY_AFTER

Response = dict[str, Any]
Responses = dict[str, Response]
Refusals = Iterable[type[RequestError]]

_JSON, _PROBLEM = "application/json", "application/problem+json"

# What stands in front of the functions says, each with a body of its own form.
_BY_GATEWAY: dict[int, str] = {
    401: "No token, or one that is not valid (deployments with auth=jwt).",
    403: "No valid signature, or none that is allowed to (deployments with auth=iam).",
    429: "More requests a second than this deployment takes, over all callers.",
    500: "A function failed to answer.",
    503: "A function was not there in time.",
}

_SHARED = {
    401: "Unauthorized",
    403: "Forbidden",
    429: "TooManyRequests",
    500: "Unexpected",
    503: "Unavailable",
}

HEADERS: dict[str, Schema] = {
    "Location": {
        "description": "Where the new thing is, or where to go.",
        "required": True,
        "schema": text(format="uri-reference"),
    },
    "RetryAfter": {
        "description": "Seconds until it is worth asking again (RFC 9110 §10.2.3).",
        "schema": whole(least=1),
    },
    "ETag": {
        "description": "Sent back as If-None-Match, it saves the answer while nothing changed.",
        "required": True,
        "schema": text(),
    },
    "CacheControl": {
        "description": "`no-store`, but for what changes with deployments alone.",
        "required": True,
        "schema": text(),
    },
    "Allow": {
        "description": "The methods that this path takes (RFC 9110 §10.2.1).",
        "required": True,
        "schema": text(),
    },
}


def header(name: str) -> Schema:
    return {"$ref": f"#/components/headers/{name}"}


def answered(told: str, schema: str | None, *headers: str, example: Any = None) -> Response:
    """A good answer. `headers` beside Cache-Control, which every one has."""
    response: Response = {"description": told, "headers": _headers("CacheControl", *headers)}
    if schema is not None:
        response["content"] = {_JSON: {"schema": ref(schema)}}
    if example is not None:
        response["content"][_JSON]["example"] = example
    return response


def problems(*refusals: type[RequestError]) -> Responses:
    """Those a route has itself, by their status, and those that every route has."""
    by_status: dict[int, list[type[RequestError]]] = {}
    for each in refusals:
        by_status.setdefault(each.http_status, []).append(each)
    of_all = {str(status): shared_response(name) for status, name in _SHARED.items()}
    return of_all | {str(status): _refused(status, them) for status, them in by_status.items()}


def shared_response(name: str) -> Response:
    return {"$ref": f"#/components/responses/{name}"}


def shared() -> dict[str, Response]:
    unavailable = (RecordsUnavailable, StorageUnavailable)
    return {
        "Unauthorized": _answer(401, (), ""),
        "Forbidden": _answer(403, (), ""),
        "TooManyRequests": _answer(429, (), ""),
        "Unexpected": _answer(500, (SluiceError,), "Asking again may work."),
        "Unavailable": _answer(503, unavailable, "Something the service needs does not answer."),
    }


def _refused(status: int, refusals: list[type[RequestError]]) -> Response:
    return _answer(status, refusals, "; ".join(_said(each) for each in refusals) + ".")


def _answer(status: int, errors: Iterable[type[SluiceError]], told: str) -> Response:
    codes = list(dict.fromkeys(each.code for each in errors))
    content: dict[str, Any] = {}
    if codes:
        content[_PROBLEM] = {"schema": _problem_of(codes)}
    if status in _BY_GATEWAY:
        content[_JSON] = {"schema": ref("GatewayMessage")}
        told = " ".join(each for each in (told, _BY_GATEWAY[status]) if each)
    response: Response = {"description": told, "content": content}
    if status == 503 or any(each in RETRY_AFTER for each in errors):
        response["headers"] = _headers("RetryAfter")
    return response


def _problem_of(codes: list[str]) -> Schema:
    return {"allOf": [ref("Problem"), {"properties": {"code": {"enum": codes}}}]}


def _said(refusal: type[RequestError]) -> str:
    told = " ".join((vars(refusal).get("__doc__") or "").split()).rstrip(".")
    return f"`{refusal.code}`: {told}" if told else f"`{refusal.code}`"


def _headers(*names: str) -> dict[str, Schema]:
    written = {"CacheControl": "Cache-Control", "RetryAfter": "Retry-After"}
    return {written.get(name, name): header(name) for name in names}


def problem_schemas(codes: Iterable[str]) -> dict[str, Schema]:
    return {
        "Problem": {
            "type": "object",
            "description": "RFC 9457. Match on `code`, which never changes its meaning; show "
            "`detail`, which says what was wrong and what to do.",
            "required": ["type", "title", "status", "detail", "code"],
            "properties": {
                "type": text("The status says what kind of problem it is.", const="about:blank"),
                "title": text("The status in words."),
                "status": whole("The status.", 400, 599),
                "detail": text("For people."),
                "code": {"type": "string", "enum": sorted(codes)},
            },
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no job 7c9e6679f3a24a0d9c1b4e1a5d2f8b36.",
                "code": "JOB_NOT_FOUND",
            },
        },
        "GatewayMessage": {
            "type": "object",
            "description": "What API Gateway says by itself.",
            "properties": {"message": {"type": ["string", "null"]}},
        },
    }
