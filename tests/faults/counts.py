"""The figures of a campaign on their way from a test to the end of the run.

A test adds to its report, which pytest-xdist carries to the process that prints; there the figures
of all tests of a campaign become one line. A campaign that counts nothing of its own is a line too:
how many of its tests passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

_ROOM = "tests/faults/"
_PROPERTY = "campaign"
_OUTCOMES = ("passed", "failed", "error", "skipped")


class Counts:
    """`counts.add(blows=1, falls=0)` and `counts.most(seconds=3.2)`, as often as there is news."""

    def __init__(self, properties: list[tuple[str, Any]]) -> None:
        self._properties = properties

    def add(self, **figures: int) -> None:
        self._put("sum", figures)

    def most(self, **figures: float) -> None:
        """The greatest that any test has seen."""
        self._put("most", figures)

    def _put(self, how: str, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._properties.append((_PROPERTY, [how, name.replace("_", " "), value]))


def lines(stats: Mapping[str, Iterable[Any]]) -> list[str]:
    """A line for each campaign file, from the reports that the terminal reporter has gathered."""
    tests: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    figures: dict[str, dict[str, float]] = defaultdict(dict)
    for outcome in _OUTCOMES:
        for report in stats.get(outcome, []):
            if getattr(report, "nodeid", "").startswith(_ROOM):
                campaign = PurePosixPath(report.nodeid.partition("::")[0]).stem
                tests[campaign][outcome] += 1
                _gather(figures[campaign], report.user_properties)
    return [
        f"{campaign.removeprefix('test_').replace('_', ' ')}: "
        + ", ".join(
            [f"{number} {outcome}" for outcome, number in tests[campaign].items()]
            + [f"{value:,.10g} {name}" for name, value in figures[campaign].items()]
        )
        for campaign in sorted(tests)
    ]


def _gather(into: dict[str, float], properties: Iterable[tuple[str, Any]]) -> None:
    for kind, what in properties:
        if kind == _PROPERTY:
            how, name, value = what
            into[name] = max(into.get(name, value), value) if how == "most" else (
                into.get(name, 0) + value
            )
