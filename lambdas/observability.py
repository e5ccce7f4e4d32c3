"""The one logger, and what is told of every invocation: JSON lines that carry the function, the
request and the job they are about, in the form that the converter writes (tasks/converter/log.py).

Ids, codes, formats, sizes and times are logged. File names are not (they are people's own words),
and URLs are not (a presigned one is a key to the object).

docs/logs.md lists the lines and their fields.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.errors import TooManyJobs
from conversion.metrics import MUCH_MEMORY
from conversion.stores.calls import calls
from lambdas.tracing import annotate, traced

Handler = Callable[[dict[str, Any], LambdaContext], Any]

# What Powertools calls otherwise than the converter does.
_NAMES = {"timestamp": "time", "exception": "trace", "xray_trace_id": "traceId"}


class _Logger(Logger):
    """What its lines are about, the invocation's trace is found by."""

    def append_keys(self, **additional_keys: object) -> None:
        super().append_keys(**additional_keys)
        for name in ("job_id", "file_id"):
            if name in additional_keys:
                annotate(_camel(name), str(additional_keys[name]))


def _line(fields: dict[str, Any]) -> str:
    """Names as in the API, the records and the converter's log: `job_id` is `jobId`."""
    named = {_NAMES.get(name) or _camel(name): value for name, value in fields.items()}
    return json.dumps(named, default=str, ensure_ascii=False, separators=(",", ":"))


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


logger = _Logger(
    # Before a function is told the deployment it belongs to: in the tests.
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", "sluice"),
    utc=True,
    use_rfc3339=True,
    json_serializer=_line,
)

# The domain logs by the standard library; its lines belong among these.
_domain = logging.getLogger("conversion")
_domain.setLevel(logger.log_level)
_domain.addHandler(logger.registered_handler)
_domain.propagate = False


def observed(handler: Handler) -> Handler:
    """The handler of events, with a line at its end. What it raises is logged with its trace, but
    for what a full queue answers, for hours of a large batch: whoever invoked it waits."""

    @wraps(handler)
    def told(event: dict[str, Any], context: LambdaContext) -> Any:
        started = time.perf_counter()
        calls.take()  # what was called at the start, or by an invocation that was cut short
        try:
            return traced(handler)(event, context)
        except TooManyJobs as full:
            logger.info("too many jobs wait; it is tried again", code=full.code)
            raise
        except Exception:
            logger.exception("the invocation failed")
            raise
        finally:
            logger.info("invocation ended", **spent(started))

    return told


def spent(started: float) -> dict[str, Any]:
    """What this invocation took, since `started` of time.perf_counter(); memory, where it is high,
    is the environment's highest so far."""
    told: dict[str, Any] = {
        "milliseconds": round((time.perf_counter() - started) * 1000, 1),
        "calls": calls.take(),
    }
    share = _memory_share()
    if share > MUCH_MEMORY:
        logger.warning("memory is high", percent=round(100 * share))
    return told


def _memory_share() -> float:
    """Of what the function is given ("Defined runtime environment variables", Lambda guide)."""
    given = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0)) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / given if given else 0.0
