"""JSON from afar, as a line for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def fields(told: Mapping[str, Any]) -> str:
    """`format=mp3, bitrateKbps=192`, less what is null."""
    return ", ".join(f"{name}={_said(value)}" for name, value in told.items() if value is not None)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
