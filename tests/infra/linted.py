"""cfn-lint's findings on templates, each text but once: those of two combinations of options differ
in few stacks, and a template takes a second.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cfnlint.api import lint
from cfnlint.core import get_rules

# W3005: the CDK names a dependency that a reference implies already. W6001: an output for people
# may name what another stack has; no stack imports it from there. W3010: a template names zones
# where whoever deploys has named them.
_IGNORED = ["W3005", "W3010", "W6001"]
# A number may be an expression where the query language is JSONata ("Map state", Step Functions
# guide, MaxConcurrency), which cfn-lint does not know.
_AN_EXPRESSION = "'{%"


def findings(directory: Path) -> list[str]:
    """Of all templates in a cloud assembly."""
    found: list[str] = []
    for path in sorted(directory.glob("*.template.json")):
        stage = path.name.split("-")[1]
        found += [f"{path.name}: {each}" for each in _found(path.read_text(), stage)]
    return found


def _found(template: str, stage: str) -> tuple[str, ...]:
    """Stages differ in names alone."""
    for name, any_name in ((f"sluice-{stage}-", "sluice-x-"), (f"sluice{stage}", "sluicex")):
        template = template.replace(name, any_name)
    return _linted(template)


@cache
def _linted(template: str) -> tuple[str, ...]:
    rules = get_rules([], _IGNORED, ["E", "W"], {}, False)
    found = lint(template, rules, ["us-east-1"])
    return tuple(str(each) for each in found if not each.message.startswith(_AN_EXPRESSION))
