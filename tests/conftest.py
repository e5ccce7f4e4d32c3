"""What the campaigns counted, printed when all tests are over.

A test that counts calls `counts("kills", points=20, falls=0)`; numbers of one name are added up over
all tests of a run, in whichever process they ran.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest

_COUNTS = "counts"

Counts = Callable[..., None]


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> Counts:
    """Properties travel with a test's report, from xdist's processes too."""

    def add(campaign: str, **numbers: float) -> None:
        request.node.user_properties.append((_COUNTS, (campaign, numbers)))

    return add


def pytest_terminal_summary(terminalreporter: Any) -> None:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        if getattr(report, "when", None) == "call":
            for campaign, numbers in (
                value for name, value in report.user_properties if name == _COUNTS
            ):
                found[campaign].update(numbers)
    if found:
        terminalreporter.section("counts")
    for campaign, numbers in sorted(found.items()):
        told = ", ".join(f"{_shown(value)} {name}" for name, value in numbers.items())
        terminalreporter.line(f"{campaign}: {told}")


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.1f}"
