"""Copies of progress in Redis, for readers in a hurry: any of them may be missing or old.

What is read here is never an error: a Redis that is down, slow or full of somebody else's values
has nothing to say. What is written is held to the same rule as in DynamoDB, so that two attempts
which both write leave the newer one's copy.

Leaves behind: keys `sluice:progress:{jobId}` that Redis removes an hour after the last write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, TypeVar

from redis.exceptions import RedisError, ResponseError

from conversion.clock import utc_now
from conversion.fields import Item
from conversion.progress import Progress
from conversion.stores.breaker import Breaker
from conversion.stores.calls import told

T = TypeVar("T")

# Longer than any pause between two reports of an attempt that lives; past it DynamoDB has it all.
_KEPT_SECONDS = 3600
# A call has its timeout for each step (connect, write, read), so that a Redis which is just slow
# could cost several of them: an answer that took longer than one counts as a failure.
_FAILURES, _LEFT_ALONE_SECONDS, _SLOW_SECONDS = 3, 10.0, 0.1

# KEYS[1]: the job's key. ARGV: attempt, percent, value, seconds to keep, and whether a copy of this
# very attempt must be there already. A value that is none of ours is written over.
_WRITE = """
local found = redis.pcall('GET', KEYS[1])
local stands = nil
if type(found) == 'string' then
    local decoded, value = pcall(cjson.decode, found)
    if decoded and type(value) == 'table' then stands = value end
end
local attempt = stands and tonumber(stands['attempt'])
local percent = stands and tonumber(stands['percent'])
if not (attempt and percent and percent >= 0 and percent <= 100) then attempt = nil end
local ours, mine = tonumber(ARGV[1]), tonumber(ARGV[2])
if attempt and (attempt > ours or (attempt == ours and percent > mine)) then return 0 end
if ARGV[5] == '1' and attempt ~= ours then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
return 1
"""


_TEXTS = frozenset({"stage", "updatedAt", "durableAt"})


@dataclass(frozen=True)
class Copy:
    """`durable_at` is when DynamoDB took a report of this percent: ISO 8601."""

    progress: Progress
    durable_at: str

    @property
    def age(self) -> float:
        """Seconds since DynamoDB has confirmed it; negative where clocks differ."""
        return (utc_now() - datetime.fromisoformat(self.durable_at)).total_seconds()

    def to_text(self) -> str:
        return json.dumps(self.progress.to_item() | {"durableAt": self.durable_at})

    @classmethod
    def from_text(cls, text: bytes | None) -> Copy | None:
        """None for whatever is not a copy."""
        if text is None:
            return None
        try:
            item = json.loads(text)
            copy = cls(Progress.from_item(item), item["durableAt"])
            return copy if _is_sound(item) and isfinite(copy.age) else None
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


def _is_sound(item: Item) -> bool:
    figures = [value for name, value in item.items() if name not in _TEXTS and value is not None]
    return all(isfinite(each) for each in figures) and (
        item["attempt"] > 0 and 0 <= item["percent"] <= 100
    )


def _untold() -> None:
    pass


class RedisProgress:
    """`unanswered` is called each time that Redis had nothing to say, or was not even asked: what
    was wanted of it, DynamoDB has to do alone."""

    def __init__(
        self,
        client: Any,
        breaker: Breaker | None = None,
        unanswered: Callable[[], None] = _untold,
    ) -> None:
        self._client = client
        self._write = client.register_script(_WRITE)
        self._breaker = breaker or Breaker(
            "Redis", (RedisError, OSError), _FAILURES, _LEFT_ALONE_SECONDS, _SLOW_SECONDS
        )
        self._unanswered = unanswered

    def write(self, job_id: str, copy: Copy, only_over_own: bool = False) -> None:
        """`only_over_own`: leave it where no copy of the same attempt stands."""
        arguments = [
            copy.progress.attempt,
            copy.progress.percent,
            copy.to_text(),
            _KEPT_SECONDS,
            int(only_over_own),
        ]
        self._ask("Write", job_id, lambda: self._write(keys=[_key(job_id)], args=arguments))

    def read(self, job_ids: Iterable[str]) -> dict[str, Copy]:
        """The copies there are. Single GETs, sent together: in a cluster, which ElastiCache
        Serverless is, one MGET may not ask for keys of several slots (Valkey cluster
        specification, "Implemented subset")."""
        wanted = list(job_ids)
        about = wanted[0] if len(wanted) == 1 else None
        texts = self._ask("Get", about, lambda: self._get(wanted)) or []
        copies = {job_id: Copy.from_text(text) for job_id, text in zip(wanted, texts, strict=False)}
        return {job_id: copy for job_id, copy in copies.items() if copy is not None}

    def remove(self, job_id: str) -> None:
        self._ask("Delete", job_id, lambda: self._client.delete(_key(job_id)))

    def _ask(self, operation: str, about: str | None, ask: Callable[[], T]) -> T | None:
        def observed() -> T:
            with told(f"redis.{operation}", about):
                return ask()

        answer = self._breaker.call(observed)
        if answer is None:
            self._unanswered()
        return answer

    def _get(self, job_ids: list[str]) -> list[bytes | None]:
        if not job_ids:
            return []
        pipeline = self._client.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.get(_key(job_id))
        return [_text(each) for each in pipeline.execute(raise_on_error=False)]


def _text(answer: bytes | Exception | None) -> bytes | None:
    """A key that holds something else than a string says so, and is no copy."""
    if isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE"):
        return None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _key(job_id: str) -> str:
    return f"sluice:progress:{job_id}"
