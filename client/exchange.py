"""One request to the API and its answer: tried again while that can help, its errors coded."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar

import httpx

from client.admission import what_is_missing
from client.errors import ApiBusy, ApiFull, ApiUnreachable, NotAllowed, Refused, UnexpectedAnswer
from client.retry import BUSY, Patience, retry_after

Answer = TypeVar("Answer")

# The first of two requests with one Idempotency-Key is still being answered: the second gets the
# same answer a moment later.
IN_PROGRESS = "REQUEST_IN_PROGRESS"
NOT_ALLOWED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

# What reading an answer of another shape than it should have raises.
_NO_SUCH_SHAPE = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
)


# Bytes that are not encoded as they say, or a Location that is no URL.
_NO_ANSWER = (httpx.DecodingError, httpx.InvalidURL, UnicodeError)


class Exchange:
    """Raises Refused, ApiBusy, ApiUnreachable or UnexpectedAnswer."""

    def __init__(self, http: httpx.AsyncClient, patience: Patience) -> None:
        self._http = http
        self.patience = patience
        self.clock_ahead: float | None = None

    async def ask(
        self, method: str, path: str, also: Collection[int] = (), **parts: Any
    ) -> httpx.Response:
        """The answer, if it is no error, or an error of a status in `also`."""
        response: httpx.Response = await self.patience.retrying()(
            self._ask_once, method, path, also, **parts
        )
        return response

    async def _ask_once(
        self, method: str, path: str, also: Collection[int], **parts: Any
    ) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **parts)
        except _NO_ANSWER as error:
            raise self._no_answer_of_ours(method, path, error) from error
        except httpx.TransportError as error:
            if isinstance(error.__context__, httpx.InvalidURL):  # so httpx says of a Location
                raise self._no_answer_of_ours(method, path, error) from error
            raise ApiUnreachable(
                f"{self._http.base_url} does not answer ({error or type(error).__name__}): "
                "check --api and the network."
            ) from error
        self.clock_ahead = _clock_ahead(response)
        if response.is_error and response.status_code not in also:
            raise _error(response)
        return response

    def _no_answer_of_ours(self, method: str, path: str, error: Exception) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"{method} {self._http.base_url}{path} had an answer that cannot be read ({error}): is "
            "this the address of a Sluice API?"
        )


def _clock_ahead(response: httpx.Response) -> float | None:
    """Seconds of its Date (RFC 9110 §6.6.1, whole seconds) before our own clock's."""
    try:
        told = parsedate_to_datetime(response.headers.get("date", ""))
        return (told - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):  # none, or without a zone
        return None


def _error(response: httpx.Response) -> Exception:
    code, message = _problem(response)
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ApiFull(message, code, retry_after(response))
    if status in BUSY or code == IN_PROGRESS:
        return ApiBusy(message, code, retry_after(response))
    if status in NOT_ALLOWED:
        # With a code it is Sluice that speaks, and says what to do.
        message = message if code else what_is_missing(response, message)
        return NotAllowed(message, code or f"HTTP_{status}")
    return Refused(message, code or f"HTTP_{status}")


def _problem(response: httpx.Response) -> tuple[str | None, str]:
    """Code and message of a problem (RFC 9457); API Gateway's own errors have only `message`."""
    plain = f"The API answered {response.status_code} {response.reason_phrase}."
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None, plain
    if not isinstance(body, dict):
        return None, plain
    code, message = body.get("code"), body.get("detail") or body.get("message") or plain
    return (str(code) if code else None), str(message)


def read(response: httpx.Response, shape: Callable[[Any], Answer]) -> Answer:
    """The answer's JSON as `shape` reads it. Raises UnexpectedAnswer when it cannot."""
    try:
        return shape(response.json())
    except _NO_SUCH_SHAPE as error:
        raise unexpected(response) from error


def unexpected(response: httpx.Response) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"{response.request.method} {response.url} answered {response.status_code}, but not as "
        "Sluice does: is this the address of a Sluice API?"
    )
