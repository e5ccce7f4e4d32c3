"""How long we wait and how often we try again.

Backoff and jitter are tenacity's. Every request this client makes may be repeated: reads are
reads, an upload that nobody fills only expires, and a PUT signed with `If-None-Match: *` cannot
overwrite the one that landed before it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_exponential,
    wait_random,
)

from client.errors import ApiFull, PassingError

# Answers that say "not now": throttled, or something behind the API or S3 is down for a moment
# (RFC 9110 §15.6, RFC 6585 §4).
BUSY = frozenset({429, 500, 502, 503, 504})
# A server may ask for hours; past this the user is better served by an error.
MOST_RETRY_AFTER = 60.0
# A poll every 200 ms is as live as a screen shows; `Retry-After: 0` must not become a busy loop.
LEAST_POLL = 0.2
# The state machine gives a job up after two days (its TimeoutSeconds), waiting for capacity
# included, and the recovery records it; an hour more, so that its word comes before ours.
MOST_WAITING = 49 * 3600.0
# A converter that works writes about once a second, and goes on when the records were away for a
# while; one killed outright writes nothing until the state machine has started the next.
MOST_SILENCE = 15 * 60.0
# A deployment that has as many jobs waiting as it takes on gets through some of them meanwhile.
MOST_FULL = 30 * 60.0


@dataclass(frozen=True)
class Patience:
    """Seconds, and how many attempts. `job_appears`: S3 event to job takes about a second, but a
    start that failed once comes out of its queue again only after the visibility timeout of twelve
    minutes, and an event that was lost is made up for by the recovery within ten."""

    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 20.0
    job_appears: float = 900.0
    poll: float = 1.0
    job_waits: float = MOST_WAITING
    job_runs_silent: float = MOST_SILENCE
    full: float = MOST_FULL

    @property
    def steady(self) -> Patience:
        """For what is well under way: a line that is gone for a minute is no reason to give it up.
        Four attempts more make 71 seconds of 8."""
        return replace(self, attempts=self.attempts + 4)

    def retrying(self) -> AsyncRetrying:
        """Tries again on a PassingError and raises the last one when the attempts are used up. Not
        counted are those that a full deployment turned away: they end with the time for that."""
        return AsyncRetrying(
            retry=retry_if_exception_type(PassingError),
            stop=self._stop(),
            wait=self._wait,
            reraise=True,
        )

    def _stop(self) -> Callable[[RetryCallState], bool]:
        tried = 0

        def stop(state: RetryCallState) -> bool:
            nonlocal tried
            if state.outcome and isinstance(state.outcome.exception(), ApiFull):
                return (state.seconds_since_start or 0.0) >= self.full
            tried += 1
            return tried >= self.attempts

        return stop

    def _wait(self, state: RetryCallState) -> float:
        backoff = wait_exponential(self.first_wait, max=self.longest_wait)
        wait = (backoff + wait_random(0, self.first_wait))(state)
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, PassingError) else None
        # A bit more: whoever was told the same at the same time must not come back as one.
        return max(wait, (asked or 0.0) * random.uniform(1.0, 1.1))  # noqa: S311 no secret

    def until_next_poll(self, response: httpx.Response) -> float:
        asked = retry_after(response)
        return self.poll if asked is None else max(asked, LEAST_POLL)


def retry_after(response: httpx.Response) -> float | None:
    """Seconds the server asks us to wait: RFC 9110 §10.2.3 allows a number or a date."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value) if value.isdecimal() else _seconds_until(value)
    except ValueError:
        return None
    return min(max(seconds, 0.0), MOST_RETRY_AFTER)


def _seconds_until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    if moment.tzinfo is None:  # an obsolete form without a zone means UTC
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()
