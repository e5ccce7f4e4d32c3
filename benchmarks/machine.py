"""Where and when something was measured, as the head of its table tells it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime


def about(**more: str) -> dict[str, str]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "Python": platform.python_version(),
        **more,
        "load at the start": load(),
    }


def load() -> str:
    """Of the last minute: times from a machine that was busy otherwise say less."""
    return f"{os.getloadavg()[0]:.1f}"
