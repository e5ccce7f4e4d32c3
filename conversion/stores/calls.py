"""Every call of AWS and of Redis, told: its operation, the record it was about, its time, its
retries and how it ended.

Each is a line of its own at DEBUG; slow ones and those that were tried again at INFO, failures at
WARNING, and refusals that only a change of the deployment can mend at ERROR, with the likely mend.
What a call answers in the course of things (a condition that is not met, a key that is not there)
is no failure. All together, by operation, are one field of the line that ends an invocation or an
attempt: at INFO as well, without a line for each of some hundred calls.

Keys of records are ids. Of the keys of objects only those that we have made up are told: whoever
puts a file under `uploads/` names it.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

OK = "ok"
SLOW_MILLISECONDS = 1000.0

# A condition or a lookup of ours that said no.
_IN_THE_COURSE = frozenset(
    {
        *("304", "404", "412", "ConditionalCheckFailedException", "ConditionalRequestConflict"),
        *("ExecutionAlreadyExists", "ExecutionDoesNotExist", "NoSuchKey", "NoSuchUpload"),
        *("NotFound", "NotModified", "PreconditionFailed", "TransactionCanceledException"),
    }
)

_DENIED = (
    "The role of this process may not do this, or a policy of the bucket, the key or the "
    "organisation forbids it: see the roles in infra/, and deploy again."
)
_UNKNOWN_CALLER = (
    "The credentials of this process are not valid (any more), or its clock is wrong: on AWS start "
    "it again; elsewhere see the credentials in its environment."
)
_GONE = (
    "What the environment names is not there, or in another region or account: deploy again, and "
    "see whether somebody removed it by hand."
)
_MENDS_OF = {
    _DENIED: (
        *("403", "AccessDenied", "AccessDeniedException", "AuthorizationErrorException"),
        *("KMS.AccessDeniedException", "UnauthorizedOperation"),
    ),
    _UNKNOWN_CALLER: (
        *("ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId"),
        *("InvalidSignatureException", "NoCredentialsError", "RequestTimeTooSkewed"),
        *("SignatureDoesNotMatch", "UnrecognizedClientException"),
    ),
    _GONE: (
        *("ClusterNotFoundException", "NoSuchBucket", "QueueDoesNotExist"),
        *("ResourceNotFoundException", "StateMachineDoesNotExist"),
    ),
}
MENDS = {code: mend for mend, codes in _MENDS_OF.items() for code in codes}

# Our own ids, and the keys of objects made of them: nobody's words are in these.
_ID = re.compile(r"[0-9a-f]{32}")
_OUR_KEY = re.compile(
    r"uploads/[0-9a-f]{32}\.[a-z0-9]{1,8}|conversions/[0-9a-f]{32}/[1-9][0-9]*/[a-z0-9./-]+"
)
# The keys of our tables (infra/stacks/storage.py): of a record's own id, or a word of the code's.
_IDS, _WORDS = ("jobId", "fileId"), ("name", "id")
_STARTED = "sluiceStarted"


class Call(NamedTuple):
    """`about` is the record's key, a job's id, or None."""

    operation: str
    about: str | None
    milliseconds: float
    retries: int
    outcome: str


class Calls:
    """What was called since somebody last asked, by operation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, dict[str, float]] = {}

    def tell(self, call: Call) -> None:
        with self._lock:
            sums = self._sums.setdefault(call.operation, {})
            for name, more in _figures(call).items():
                sums[name] = round(sums.get(name, 0) + more, 1)
        level = _level(call)
        if log.isEnabledFor(level):
            mend = MENDS.get(call.outcome)
            told = {name: value for name, value in call._asdict().items() if value is not None}
            log.log(level, "called", extra=told | ({"mend": mend} if mend else {}))

    def take(self) -> dict[str, dict[str, float]]:
        with self._lock:
            taken, self._sums = self._sums, {}
        return taken


calls = Calls()


def watched(client: Any) -> Any:
    """The client, whose every call is told."""
    events = client.meta.events
    events.register_first("before-parameter-build", _began)
    events.register_last("after-call", _answered)
    events.register_last("after-call-error", _failed)
    return client


@contextmanager
def told(operation: str, about: str | None = None) -> Generator[None]:
    """For a client without events."""
    began = time.perf_counter()
    outcome = OK
    try:
        yield
    except Exception as error:
        outcome = type(error).__name__
        raise
    finally:
        calls.tell(Call(operation, about, _milliseconds(began), 0, outcome))


def _began(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_STARTED] = (time.perf_counter(), _about(params))


def _answered(parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    retries = parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    operation = f"{model.service_model.service_id.hyphenize()}.{model.name}"
    _tell(operation, context, retries, parsed.get("Error", {}).get("Code", OK))


def _failed(exception: Exception, context: dict[str, Any], event_name: str, **_: Any) -> None:
    """No answer at all, after botocore's last try."""
    retries = max(0, context.get("retries", {}).get("attempt", 1) - 1)
    operation = event_name.removeprefix("after-call-error.")
    _tell(operation, context, retries, type(exception).__name__)


def _tell(operation: str, context: dict[str, Any], retries: int, outcome: str) -> None:
    began, about = context.get(_STARTED, (time.perf_counter(), None))
    calls.tell(Call(operation, about, _milliseconds(began), retries, outcome))


def _level(call: Call) -> int:
    if call.outcome in MENDS:
        return logging.ERROR
    if call.outcome != OK and call.outcome not in _IN_THE_COURSE:
        return logging.WARNING
    if call.retries or call.milliseconds >= SLOW_MILLISECONDS:
        return logging.INFO
    return logging.DEBUG


def _figures(call: Call) -> dict[str, float]:
    """What is nothing is not told."""
    is_failure = call.outcome != OK and call.outcome not in _IN_THE_COURSE
    more = {"retries": call.retries, "failures": int(is_failure)}
    told = {name: value for name, value in more.items() if value}
    return {"calls": 1, "milliseconds": call.milliseconds, **told}


def _about(params: dict[str, Any]) -> str | None:
    """Of a table's record its key, of an object its key if it is ours, of an execution its name."""
    key = params.get("Key") or params.get("Item")
    if isinstance(key, str):
        return key if _OUR_KEY.fullmatch(key) else None
    if isinstance(key, dict):
        return _id_in(key)
    execution = params.get("name") or str(params.get("executionArn", "")).rpartition(":")[2]
    return execution or None


def _id_in(key: dict[str, Any]) -> str | None:
    """A file that was dropped is looked up by its name, in case that is an upload's id."""
    for name in (*_IDS, *_WORDS):
        found = str(key.get(name, {}).get("S", ""))
        if found and (name in _WORDS or _ID.fullmatch(found)):
            return found
    return None


def _milliseconds(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
