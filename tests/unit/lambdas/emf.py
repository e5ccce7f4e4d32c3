"""Lines in CloudWatch's embedded metric format, read as CloudWatch Logs reads them ("Embedded
metric format specification", CloudWatch user guide), and refused where it would drop them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3

_UNITS = set(
    boto3.session.Session(region_name="eu-west-1")
    .client("cloudwatch")
    .meta.service_model.shape_for("StandardUnit")
    .enum
)
_MOST_VALUES = 100


@dataclass(frozen=True)
class Datum:
    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]
    values: tuple[float, ...]


def data(text: str) -> list[Datum]:
    """Those of each line that has any."""
    lines = [json.loads(each) for each in text.splitlines() if each.startswith("{")]
    return [datum for line in lines if "_aws" in line for datum in _of(line)]


def _of(line: dict[str, Any]) -> list[Datum]:
    assert type(line["_aws"]["Timestamp"]) is int
    assert line["_aws"]["Timestamp"] > 1_500_000_000_000  # milliseconds
    found: list[Datum] = []
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = tuple((name, line[name]) for name in names)
            assert all(type(value) is str and value for _, value in dimensions)
            found += [
                _datum(line, directive["Namespace"], dimensions, each)
                for each in directive["Metrics"]
            ]
    return found


def _datum(
    line: dict[str, Any], namespace: str, dimensions: tuple[tuple[str, str], ...], metric: Any
) -> Datum:
    values = line[metric["Name"]]
    values = values if isinstance(values, list) else [values]
    assert metric["Unit"] in _UNITS
    assert 0 < len(values) <= _MOST_VALUES
    assert all(type(each) in (int, float) for each in values)
    return Datum(namespace, metric["Name"], metric["Unit"], dimensions, tuple(values))
