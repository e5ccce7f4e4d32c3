"""Jobs page by page: what is listed, and where a page ended.

A cursor holds a place and nothing else. What is listed is said anew with each page, so that a
cursor of one caller, or one that somebody has made up, leads nobody into what is another's.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass

from conversion.callers import Caller
from conversion.errors import InvalidRequest
from conversion.job import Job, Status

# Jobs a page, at most and unless asked otherwise.
MOST_JOBS = 100
USUAL_JOBS = 50

_CREATED_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_JOB_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Place:
    """The last job of a page."""

    created_at: str
    job_id: str

    def to_cursor(self) -> str:
        told = json.dumps([self.created_at, self.job_id]).encode()
        return base64.urlsafe_b64encode(told).rstrip(b"=").decode()

    @classmethod
    def from_cursor(cls, cursor: str) -> Place:
        """Raises InvalidRequest for what is no cursor of ours."""
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            created_at, job_id = json.loads(base64.b64decode(padded, b"-_", validate=True))
            if _CREATED_AT.fullmatch(created_at) and _JOB_ID.fullmatch(job_id):
                return cls(created_at, job_id)
        except (ValueError, TypeError, RecursionError):
            pass
        raise InvalidRequest('"cursor" is what the page before it was answered with; start anew.')


@dataclass(frozen=True)
class Wanted:
    """The jobs of a file, of a status, of both, or all; of these, what `caller` may see."""

    caller: Caller
    file_id: str | None = None
    status: Status | None = None


@dataclass(frozen=True)
class Page:
    """Newest first. `end` is where the next page begins, None when there is none."""

    jobs: tuple[Job, ...]
    end: Place | None
