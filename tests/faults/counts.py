"""The figures of a campaign on their way from a test to the end of the run.

They travel as properties of a test's report, which pytest-xdist carries to the process that prints;
there the figures of one name are one line over all tests. A campaign's file that counts nothing of
its own is a line too: how many of its tests passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

_ROOM = "tests/faults/"
_PROPERTY = "counts"
_OUTCOMES = ("passed", "failed", "error", "skipped")


class Counts:
    """`counts("kills", blows=20, falls=0)` is added up, and of `counts.most("kills", seconds=3.2)`
    the greatest is kept."""

    def __init__(self, properties: list[tuple[str, Any]]) -> None:
        self._properties = properties

    def __call__(self, campaign: str, **numbers: float) -> None:
        self._properties.append((_PROPERTY, (campaign, "sum", numbers)))

    def most(self, campaign: str, **numbers: float) -> None:
        self._properties.append((_PROPERTY, (campaign, "most", numbers)))


def lines(stats: Mapping[str, Iterable[Any]]) -> list[str]:
    """A line for each campaign, from the reports that the terminal reporter has gathered."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for outcome in _OUTCOMES:
        for report in stats.get(outcome, []):
            if getattr(report, "nodeid", "").startswith(_ROOM):
                campaign = PurePosixPath(report.nodeid.partition("::")[0]).stem
                tests = found[campaign.removeprefix("test_")]
                tests[f"tests {outcome}"] = tests.get(f"tests {outcome}", 0) + 1
            _gather(found, getattr(report, "user_properties", []))
    return [
        f"{campaign}: " + ", ".join(f"{_shown(value)} {name}" for name, value in numbers.items())
        for campaign, numbers in sorted(found.items())
    ]


def _gather(found: dict[str, dict[str, float]], properties: Iterable[tuple[str, Any]]) -> None:
    for kind, what in properties:
        if kind != _PROPERTY:
            continue
        campaign, how, numbers = what
        into = found[campaign]
        for name, value in numbers.items():
            told = name.replace("_", " ")
            add = into.get(told, 0) + value
            into[told] = max(into.get(told, value), value) if how == "most" else add


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
