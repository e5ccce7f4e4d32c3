"""Every state machine of statemachine/, read as data: its substitutions filled, its states at hand.

A substitution is filled by what a deployment would put there, so that values can be checked and
not only names; tests/infra/test_conversion.py holds the container's to its source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.batch_definition import definition

DIRECTORY = Path(__file__).parents[3] / "statemachine"
# What is no machine by itself, and the machine that is put together with it.
_PART, _PUT_TOGETHER = DIRECTORY / "batch_files.asl.json", DIRECTORY / "batch.asl.json"
PATHS = sorted(set(DIRECTORY.glob("*.asl.json")) - {_PART})
SUBSTITUTION = re.compile(r"\$\{(\w+)\}")
_ACCOUNT = "eu-west-1:123456789012"
FILLED = {
    "AssignPublicIp": "ENABLED",
    "ClusterArn": f"arn:aws:ecs:{_ACCOUNT}:cluster/sluice",
    "ContainerName": "converter",
    "FailExecution": f"arn:aws:lambda:{_ACCOUNT}:function:fail-execution",
    "SecurityGroup": "sg-0123456789abcdef0",
    "SpotPercent": "100",
    "Subnets": "subnet-0123456789abcdef0,subnet-0fedcba9876543210",
}
# What holds states of its own.
_NESTED = ("ItemProcessor",)


@dataclass(frozen=True)
class Definition:
    name: str
    text: str

    @property
    def asl(self) -> dict[str, Any]:
        return json.loads(self.text)

    @property
    def states(self) -> dict[str, dict[str, Any]]:
        """Of all levels: a name may be there once (Amazon States Language, States)."""
        return dict(_states(self.asl))


def read(path: Path) -> Definition:
    text = json.dumps(definition()) if path == _PUT_TOGETHER else path.read_text()
    return Definition(path.name.removesuffix(".asl.json"), fill(text))


def fill(text: str, keep: str = "") -> str:
    def filled(found: re.Match[str]) -> str:
        name = found[1]
        return found[0] if name == keep else FILLED.get(name) or _made_up(name)

    return SUBSTITUTION.sub(filled, text)


def _made_up(name: str) -> str:
    """A function's ARN for what a deployment would put, unless the name says what it is."""
    if name.endswith(("Percent", "Concurrency", "Seconds", "Count", "Items")):
        return "10"
    if name.endswith(("Table", "Bucket", "Family", "Definition", "Name", "Prefix")):
        return name.lower()
    return f"arn:aws:lambda:{_ACCOUNT}:function:{name}"


def _states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for nested in _NESTED:
            if nested in state:
                yield from _states(state[nested])
        for branch in state.get("Branches", []):
            yield from _states(branch)


def expressions(node: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every JSONata expression below a node, with its place in the file."""
    if isinstance(node, dict):
        for name, each in node.items():
            yield from expressions(each, f"{where}/{name}")
    elif isinstance(node, list):
        for number, each in enumerate(node):
            yield from expressions(each, f"{where}/{number}")
    elif is_expression(node):
        yield where, node[2:-2]


def is_expression(node: Any) -> bool:
    return isinstance(node, str) and node.startswith("{%") and node.endswith("%}")
