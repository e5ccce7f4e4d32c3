"""AWS Lambda's event source mapping of a DynamoDB stream: who reads it, and what failures cost."""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar
from importlib import import_module
from typing import Any

service: Any = import_module("ministack.services.lambda_svc")

# "Lambda polls shards … at a base rate of 4 times per second" ("Using AWS Lambda with Amazon
# DynamoDB"); oftener here, where it costs nothing and somebody waits for each.
POLL_SECONDS = 0.1

_poll_streams = service._poll_dynamodb_streams
_execute_function = service._execute_function
_is_polling: ContextVar[bool] = ContextVar("is_polling", default=False)
_started = threading.Lock()


def install() -> None:
    service._poll_dynamodb_streams = poll_beside
    service._execute_function = execute_function


def poll_beside() -> bool:
    """Streams are read beside the queues.

    AWS: every mapping has pollers of its own. ministack: one loop for all of them, in which a
    function that works on a stream's batch keeps every queue waiting.
    """
    if _started.acquire(blocking=False):
        threading.Thread(target=_poll, daemon=True).start()
    return False


def _poll() -> None:
    _is_polling.set(True)
    while True:
        try:
            has_moved = _poll_streams()
        except Exception:  # as in the engine's own loop: a mapping just deleted ends no other
            service.logger.exception("a stream could not be read")
            has_moved = False
        if not has_moved:
            time.sleep(POLL_SECONDS)


def execute_function(function: Any, event: dict[str, Any]) -> Any:
    """A batch that failed in part is read again from its first record that failed.

    AWS: with ReportBatchItemFailures "Lambda uses the lowest sequence number as the checkpoint, and
    then retries all records starting from" there ("Configuring partial batch response with DynamoDB
    and Lambda"). ministack: takes such an answer for success, and the record is lost.
    """
    result = _execute_function(function, event)
    if not _is_polling.get() or result.get("error"):
        return result
    mapping, first = _mapping(function, event), _first_failure(result.get("body"), event)
    if first is None or "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return result
    with service._dynamodb_stream_positions_lock:
        service._dynamodb_stream_positions[mapping["UUID"]] += first
    told = {"errorType": "ReportBatchItemFailures", "errorMessage": f"from record {first} on"}
    return {**result, "error": True, "body": told}


def _mapping(function: Any, event: dict[str, Any]) -> dict[str, Any]:
    """The mapping that this batch was read for."""
    name, stream = function["config"]["FunctionName"], event["Records"][0]["eventSourceARN"]
    return next(
        each
        for _, _, each in service._iter_all_esms()
        if (each["FunctionName"], each["EventSourceArn"]) == (name, stream)
    )


def _first_failure(body: Any, event: dict[str, Any]) -> int | None:
    """Its place in the batch. An answer that names no record of the batch is a failure of all, one
    that names none is success (same page, success and failure conditions)."""
    failures = body.get("batchItemFailures") if isinstance(body, dict) else None
    if not failures:
        return None
    failed = {each.get("itemIdentifier") for each in failures}
    numbers = [each["dynamodb"]["SequenceNumber"] for each in event["Records"]]
    return next((place for place, number in enumerate(numbers) if number in failed), 0)
