"""What may be shown of a converter's log: an allow list, because a log is written for operators.

A line is JSON (tasks/converter/log.py). Of what it carries, only the fields named here are shown;
traces, processes, keys and commands are not. Texts go through `without_names`: the message of an
error can quote what AWS has said, and that names buckets, tables, accounts and endpoints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from conversion.history import LogLine

SHOWN = frozenset(
    {
        "AttemptCpuSeconds", "AttemptDiskBytes", "AttemptPeakMemory", "AttemptSeconds",
        "attempt", "bytes", "bytesFetched", "bytesReached", "calls", "code", "conversion",
        "cpuSeconds",
        "decodeErrors", "decodedSeconds", "exitCode", "mode", "peakBytes", "percent", "reason",
        "seconds", "sound", "stage", "stderr", "warnings",
    }
)  # fmt: skip

_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
# A line of CloudWatch may have 1 MB ("CloudWatch Logs quotas"); what anybody reads is shorter.
_MOST_CHARACTERS, _MOST_ENTRIES = 500, 40
# Looked through for names, which may leave much less to show: a pattern is tried at each character.
_LOOKED_AT = 8 * _MOST_CHARACTERS

_HIDDEN = "…"
# URLs, hosts of AWS with what stands before them, ARNs, addresses, account ids, keys of objects.
_NAMES = re.compile(
    r"""[a-z][a-z0-9+.-]{0,30}://[^\s'")\]}>]*
    |arn:[^\s'")\]}>]+
    |[\w.-]{1,253}\.amazonaws\.com(?:\.cn)?(?::\d+)?(?:/[^\s'")\]}>]*)?
    |\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b
    |\b\d{12}\b
    |\b(?:uploads|conversions)/[^\s'")\]}>]+""",
    re.VERBOSE,
)


def read_line(
    text: str, heard_at: datetime, job_id: str, names: Collection[str] = ()
) -> LogLine | None:
    """The line, if it is the job's own; `names` are hidden wherever they stand."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or line.get("jobId") != job_id:
        return None
    level = line.get("level")
    return LogLine(
        at=_moment(line.get("time")) or heard_at,
        level=level if level in _LEVELS else "INFO",
        message=_text(line.get("message"), names),
        fields={name: _shown(line[name], names) for name in line if name in SHOWN},
    )


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return None if moment.tzinfo is None else moment


def without_names(text: str, names: Collection[str]) -> str:
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = text.replace(name, _HIDDEN)
    return _NAMES.sub(_HIDDEN, text)


def _text(value: Any, names: Collection[str]) -> str:
    """What is cut off may have begun a name: the last word of what is left goes with it."""
    text = str(value or "")
    if len(text) > _LOOKED_AT:
        text = text[:_LOOKED_AT]
        text = text[: max(text.rfind(" "), _MOST_CHARACTERS)]
    return without_names(text, names)[:_MOST_CHARACTERS]


def _shown(value: Any, names: Collection[str]) -> Any:
    if isinstance(value, str):
        return _text(value, names)
    if isinstance(value, list):
        return [_shown(each, names) for each in value[:_MOST_ENTRIES]]
    if isinstance(value, dict):
        entries = list(value.items())[:_MOST_ENTRIES]
        return {_text(name, names): _shown(each, names) for name, each in entries}
    return value
