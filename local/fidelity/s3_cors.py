"""Amazon S3: which pages of other origins may use a bucket, and what they see of an answer."""

from __future__ import annotations

from importlib import import_module
from typing import Any

app: Any = import_module("ministack.app")
s3: Any = import_module("ministack.services.s3")

Answer = tuple[int, dict[str, str], Any]

_answer_preflight = app._handle_options_request
_dispatch = app._dispatch_service_request


def install() -> None:
    app._handle_options_request = answer_preflight
    app._dispatch_service_request = dispatch


def answer_preflight(method: str, path: str, headers: dict[str, str], *rest: Any) -> Answer | None:
    """A preflight for a bucket is answered by the bucket's rules.

    AWS: "S3 evaluates the CORS configuration for the bucket and uses the first rule that matches"
    ("Using cross-origin resource sharing", S3 user guide), else 403. ministack: allows everything
    to everybody, unless it checks all permissions too.
    """
    target = _bucket(headers, path) if method == "OPTIONS" else None
    if target is None:
        return _answer_preflight(method, path, headers, *rest)
    return s3.cors_preflight(*target, headers)


async def dispatch(method: str, path: str, headers: dict[str, str], *rest: Any) -> Answer:
    """An answer of a bucket shows a page what the matching rule exposes, and no more.

    As answer_preflight; ministack: shows all headers to every page.
    """
    status, told, body = await _dispatch(method, path, headers, *rest)
    if target := _bucket(headers, path):
        ours = {k: v for k, v in told.items() if not k.lower().startswith("access-control-")}
        told = {**ours, **s3.cors_response_headers(target[0], method, headers)}
    return status, told, body


def _bucket(headers: dict[str, str], path: str) -> tuple[str, str] | None:
    """Bucket and key; None for another service, whose paths start with no bucket's name."""
    return app._s3_cors_target(headers.get("host", ""), path)
