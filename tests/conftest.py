"""What the campaigns have counted, told at the end of the run.

Here and not in tests/faults: with several processes, the one that prints reads this folder's file
only.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.counts import Counts, lines


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> Counts:
    return Counts(request.node.user_properties)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if told := lines(terminalreporter.stats):
        terminalreporter.section("counts")
        for line in told:
            terminalreporter.line(line)
