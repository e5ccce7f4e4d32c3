"""X-Ray: what an invocation called and which job it was about, for those invocations it samples.

Lambda traces each sampled invocation by itself (infra/constructs/function.py) and says so in the
environment. Powertools' tracer adds what only the code knows. It is imported when the first sampled
one comes: its SDK costs a cold start 25 ms, and X-Ray's default rule takes one request a second and
one in twenty of the rest (decision 0024).

Neither answers nor keys of objects go into a trace: both can hold people's own words.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.traces import VARIABLE, TraceHeader

if TYPE_CHECKING:
    from aws_lambda_powertools import Tracer

Handler = Callable[[dict[str, Any], LambdaContext], Any]


def traced(handler: Handler) -> Handler:
    """The handler, with a subsegment of its own where the invocation is sampled."""

    @wraps(handler)
    def observed(event: dict[str, Any], context: LambdaContext) -> Any:
        if not _is_sampled():
            return handler(event, context)
        capture = _tracer().capture_lambda_handler
        return capture(handler, capture_response=False, capture_error=False)(event, context)

    return observed


def annotate(name: str, value: str) -> None:
    """A word that a trace can be found by."""
    if _is_sampled():
        _tracer().put_annotation(name, value)


def _is_sampled() -> bool:
    header = TraceHeader.read(os.environ.get(VARIABLE))
    return header is not None and header.is_sampled and _takes_traces()


def _takes_traces() -> bool:
    """Elsewhere than on Lambda, and where Powertools' variable says so, nobody does."""
    is_off = os.environ.get("POWERTOOLS_TRACE_DISABLED", "").lower() in ("1", "true")
    return bool(os.environ.get("LAMBDA_TASK_ROOT")) and not is_off


@cache
def _tracer() -> Tracer:
    from aws_lambda_powertools import Tracer
    from aws_xray_sdk.ext import boto_utils

    boto_utils.whitelist["services"].pop("s3", None)  # it would record the keys
    return Tracer(patch_modules=("botocore",))
