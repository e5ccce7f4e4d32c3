"""What a run is given: its settings, the stores, and the word to stop.

Made once at the process's edge; a test makes its own, with parts small enough to fill.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from conversion.job_store import JobStore
from conversion.progress import ProgressStore
from conversion.settings import ConverterSettings
from conversion.stores.objects import Objects
from tasks.converter.trace import Trace
from tasks.converter.usage import Usage
from tasks.converter.watch import STALL_SECONDS
from tasks.converter.writer import FIRST_PART_BYTES


@dataclass(frozen=True)
class Surroundings:
    """`objects` gives the store of a bucket by the bucket's name. Without `seconds_between_reports`
    the reporter keeps its own pace."""

    settings: ConverterSettings
    jobs: JobStore
    progress: ProgressStore
    objects: Callable[[str], Objects]
    stop: threading.Event
    first_part_bytes: int = FIRST_PART_BYTES
    stall_seconds: float = STALL_SECONDS
    seconds_between_reports: float | None = None
    usage: Usage = field(default_factory=Usage)
    trace: Trace = field(default_factory=Trace)
