"""Which progress store a deployment has: the one place where the writer and the readers of it
choose, and choose alike.

Without a Redis in the settings nothing of it is imported, which keeps the cold start short.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from conversion.progress import ProgressStore
from conversion.stores import clients
from conversion.stores.progress import ProgressTable

# A report is the newest there is until the converter may write the next (see below), less what the
# clocks of two machines may differ by: Amazon Time Sync keeps them within milliseconds.
_REMEMBERED_SECONDS, _REMEMBERED_SECONDS_WITH_REDIS = 0.9, 0.4
# A write to DynamoDB costs, hence about one a second. With Redis a reader is to see what is less
# than a second old, and a copy is to be renewed while it is trusted: as often as ffmpeg has news
# (`-stats_period`, tasks/converter/command.py).
_BETWEEN_REPORTS_SECONDS, _BETWEEN_REPORTS_SECONDS_WITH_REDIS = 1.0, 0.5


class Chosen(Protocol):
    """The settings of a process that writes or reads progress."""

    @property
    def progress_table(self) -> str: ...
    @property
    def redis_host(self) -> str: ...
    @property
    def redis_port(self) -> int: ...


def _untold() -> None:
    pass


def progress_store(
    settings: Chosen,
    dynamodb: Any,
    retention_days: int = 7,
    unanswered: Callable[[], None] = _untold,
) -> ProgressStore:
    """`unanswered` is called whenever Redis, where there is one, did not answer."""
    table = ProgressTable(dynamodb, settings.progress_table, retention_days)
    if not settings.redis_host:
        return table
    from conversion.stores.redis_first import RedisFirst
    from conversion.stores.redis_progress import RedisProgress

    client = clients.redis(settings.redis_host, settings.redis_port)
    return RedisFirst(RedisProgress(client, unanswered=unanswered), table)


def seconds_between_reports(settings: Chosen) -> float:
    """How often a converter writes."""
    return _BETWEEN_REPORTS_SECONDS_WITH_REDIS if settings.redis_host else _BETWEEN_REPORTS_SECONDS


def seconds_remembered(settings: Chosen) -> float:
    """How long a reader's process may answer from memory (conversion/stores/recent.py)."""
    return _REMEMBERED_SECONDS_WITH_REDIS if settings.redis_host else _REMEMBERED_SECONDS
