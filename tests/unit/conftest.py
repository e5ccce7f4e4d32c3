"""What unit tests of several rooms share: moto's AWS, and real AWS events to start from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract import pretend

EVENTS = Path(__file__).parents[1] / "events"


@pytest.fixture
def aws() -> Iterator[None]:
    with pretend.aws():
        yield


@pytest.fixture
def event() -> Callable[[str], Any]:
    """A fresh copy of tests/events/{name}.json."""

    def read(name: str) -> Any:
        return json.loads((EVENTS / f"{name}.json").read_text())

    return read
