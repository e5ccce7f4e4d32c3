"""What the recovery looks after, and how it goes about a list of things to mend."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from conversion.capacity import Slots
from conversion.clock import utc_now
from conversion.cost import USUAL, TaskSize
from conversion.errors import TransientError
from conversion.execution import Executions, TaskStopper
from conversion.job_store import JobStore
from conversion.leftovers import Listed, OpenUpload
from conversion.progress import ProgressStore
from conversion.uploads import UploadStore

log = logging.getLogger(__name__)

# Of jobs and uploads; whoever drops a file chooses what stands in an id's place.
_ID = re.compile(r"[0-9a-f]{32}")

T = TypeVar("T")

# The counts of what was mended, by the fields of conversion.recover.Recovered.
Counts = Counter[str]
FAILURES = "failures"


class Bucket(Protocol):
    """The bucket, as far as the recovery needs it."""

    @property
    def bucket(self) -> str: ...
    def list(self, prefix: str) -> Iterator[Listed]: ...
    def multipart_uploads(self, prefix: str) -> Iterator[OpenUpload]: ...
    def abort_multipart(self, key: str, upload_id: str) -> None: ...


@dataclass(frozen=True)
class Pipeline:
    jobs: JobStore
    progress: ProgressStore
    uploads: UploadStore
    slots: Slots
    executions: Executions
    tasks: TaskStopper
    objects: Bucket
    task: TaskSize = USUAL


def mend(what: str, items: Iterable[T], repair: Callable[[T], int]) -> Counts:
    """Repair each, and count as `what` how much was mended. One that cannot be repaired is logged
    and holds up no other, except in an outage, which every other would wait for as well."""
    counts = Counts()
    for item in items:
        try:
            counts[what] += repair(item)
        except TransientError:
            log.exception("the recovery meets an outage", extra={"what": what})
            counts[FAILURES] += 1
            break
        except Exception:
            log.exception("the recovery cannot mend", extra={"what": what, "about": _id_of(item)})
            counts[FAILURES] += 1
    return counts


def _id_of(item: object) -> str | None:
    """Never all of it: an upload holds the name that a person gave."""
    named = (item, getattr(item, "job_id", None), getattr(item, "file_id", None))
    return next((each for each in named if isinstance(each, str) and _ID.fullmatch(each)), None)


def is_older(moment: str, age: timedelta) -> bool:
    """Whether an ISO 8601 moment of a record is longer ago than this, by our own clock."""
    return utc_now() - datetime.fromisoformat(moment) > age
