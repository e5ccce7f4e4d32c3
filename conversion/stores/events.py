"""What has become of jobs, told to EventBridge.

Permissions: PutEvents on the bus. Leaves behind: nothing; what is told twice is heard twice.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

from conversion.errors import EventsUnavailable
from conversion.events import ConversionEvent
from conversion.stores.answers import outages

# PutEvents takes at most 10 entries a call (Amazon EventBridge API reference).
_MOST_ENTRIES = 10
# botocore tries again what fails as a whole. An entry that fails alone, in an answer of 200, is
# ours to send again; what has not gone out by the third time is left to whoever called.
_TRIES = 3
_FIRST_WAIT_SECONDS = 0.1

Entry = dict[str, Any]


class EventBus:
    """`bus` is its name or its ARN. `machine` is the ARN of the state machine that converts, which
    each event names as its resource: all deployments of an account announce on one bus."""

    def __init__(self, client: Any, bus: str, machine: str) -> None:
        self._client = client
        self._bus = bus
        self._machine = machine

    def put(self, events: Sequence[ConversionEvent]) -> None:
        """Announce them in their order, but for those that have to be sent again.

        Raises EventsUnavailable when not all of them were taken: those that were are announced
        again if the caller sends all again. Access errors stay as they are, they are ours.
        """
        entries = [self._entry(each) for each in events]
        for start in range(0, len(entries), _MOST_ENTRIES):
            self._put_insisting(entries[start : start + _MOST_ENTRIES])

    def _put_insisting(self, entries: list[Entry]) -> None:
        codes: set[str] = set()
        for wait in _waits():
            time.sleep(wait)
            failed = self._put(entries)
            entries = [entry for entry, _ in failed]
            codes = {code for _, code in failed}
            if not entries:
                return
        raise EventsUnavailable(
            f"EventBridge did not take {len(entries)} events ({', '.join(sorted(codes))})."
        )

    def _put(self, entries: list[Entry]) -> list[tuple[Entry, str]]:
        """Those that were not taken, each with its error code. The answer holds an entry for each
        that was sent, in their order; without an EventId it was not taken."""
        with outages("EventBridge", EventsUnavailable, _PASSING):
            answered = self._client.put_events(Entries=entries)["Entries"]
        return [
            (entry, told.get("ErrorCode", "no reason given"))
            for entry, told in zip(entries, answered, strict=True)
            if not told.get("EventId")
        ]

    def _entry(self, event: ConversionEvent) -> Entry:
        return {
            "EventBusName": self._bus,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Detail": json.dumps(event.detail),
            "Resources": [self._machine],
        }


def _waits() -> Iterator[float]:
    """Before each try: none, then longer ones, each a bit at random so that functions that failed
    together do not come back together."""
    yield 0
    for nth in range(_TRIES - 1):
        yield _FIRST_WAIT_SECONDS * 4**nth * random.uniform(0.5, 1.5)  # noqa: S311 no secret


# "Common errors" of the API reference that pass.
_PASSING = frozenset({"ThrottlingException", "InternalException", "RequestLimitExceeded"})
