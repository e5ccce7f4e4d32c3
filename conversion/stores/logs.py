"""What a job's converters have said, from the log group that their tasks write to.

Permissions: logs:FilterLogEvents on the group. Leaves behind: nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from conversion.clock import utc_now
from conversion.errors import RecordsUnavailable
from conversion.fields import Item
from conversion.history import Log, LogLine
from conversion.job import Job
from conversion.log_lines import read_line
from conversion.stores.answers import outages

# The last lines of a log tell how it ended; a conversion that goes well has about ten.
MOST_LINES = 200
# A page of FilterLogEvents is what a part of the group holds of the job, often nothing, and there
# is a next one until the whole time is searched (CloudWatch Logs API reference).
_MOST_PAGES = 10
# Then CloudWatch Logs forgets (infra/constructs/logs.py); records may be kept for longer.
KEPT = timedelta(days=30)
# A task is given 120 s to end in (infra/constructs/converter_task.py), and clocks differ.
_MARGIN = timedelta(minutes=5)


class Logs:
    def __init__(self, client: Any, group: str) -> None:
        self._client = client
        self._group = group

    def of(self, job: Job, names: Collection[str], in_time: Callable[[], bool]) -> Log:
        """The last of the job's lines; `names` are hidden in them. Raises RecordsUnavailable.

        Newest first, which is the end that counts where pages or the time run out.
        """
        found: list[LogLine] = []
        asked, pages = self._asked(job), 0
        token: dict[str, str] | None = {}
        while token is not None and len(found) <= MOST_LINES and pages < _MOST_PAGES:
            if pages and not in_time():
                break
            page, pages = self._page(**asked, **token), pages + 1
            found += _lines(page["events"], job.job_id, names)
            token = {"nextToken": page["nextToken"]} if page.get("nextToken") else None
        last = sorted(found, key=lambda line: line.at)[-MOST_LINES:]
        is_kept = datetime.fromisoformat(job.created_at) > utc_now() - KEPT
        return Log(tuple(last), is_kept and token is None and len(found) <= MOST_LINES)

    def _asked(self, job: Job) -> Item:
        ends = datetime.fromisoformat(job.updated_at) if job.status.is_terminal else utc_now()
        begins = datetime.fromisoformat(job.created_at)
        return {
            "logGroupName": self._group,
            "filterPattern": f'{{ $.jobId = "{job.job_id}" }}',
            "startTime": _milliseconds(begins - _MARGIN),
            "endTime": _milliseconds(ends + _MARGIN),
            "startFromHead": False,
        }

    def _page(self, **asked: Any) -> dict[str, Any]:
        with outages("CloudWatch Logs", RecordsUnavailable, _PASSING):
            page = self._client.filter_log_events(**asked)
            return {**page, "events": page["events"]}


def _lines(events: list[Item], job_id: str, names: Collection[str]) -> list[LogLine]:
    """What a container says that is no line of the converter's carries no job, and is left out."""
    lines = (
        read_line(each["message"], _moment(each["timestamp"]), job_id, names) for each in events
    )
    return [each for each in lines if each is not None]


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


_PASSING = frozenset({"ThrottlingException", "ServiceUnavailableException", "Throttling"})
