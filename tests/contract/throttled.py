"""A client of moto's AWS that is refused now and then: what is left of a call when the client's own
retries are spent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse

THROTTLED = (400, "ThrottlingException")
DOWN = (503, "ServiceUnavailable")
FORBIDDEN = (400, "AccessDeniedException")


class Refusals:
    """`count` is how many calls were refused."""

    def __init__(self, answer: tuple[int, str], when: Callable[[], bool]) -> None:
        self._status, self._code = answer
        self._when = when
        self._lock = threading.Lock()
        self.count = 0

    def __call__(self, params: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        """botocore sends nothing when a handler of before-call answers for the service."""
        with self._lock:
            if not self._when():
                return None
            self.count += 1
        told = {"Code": self._code, "Message": "Not now"}
        metadata = {"HTTPStatusCode": self._status, "HTTPHeaders": {}, "RetryAttempts": 2}
        response = AWSResponse(params["url"], self._status, {}, None)
        return response, {"Error": told, "ResponseMetadata": metadata}


@contextmanager
def refused(
    client: Any,
    operation: str,
    answer: tuple[int, str] = THROTTLED,
    when: Callable[[], bool] = lambda: True,
) -> Iterator[Refusals]:
    """Refuse this operation, such as `StartExecution`, each time that `when` says so."""
    service = client.meta.service_model.service_id.hyphenize()
    refusals, event = Refusals(answer, when), f"before-call.{service}.{operation}"
    client.meta.events.register_first(event, refusals)
    try:
        yield refusals
    finally:
        client.meta.events.unregister(event, refusals)
