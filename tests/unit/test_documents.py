"""What the documents name is there: tests by their names, codes and alarms by their entries."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import conversion
from conversion import errors

_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_FAMILIES = {"RequestError", "PermanentError", "TransientError", "FenceError"}


def _named_tests() -> list[tuple[str, str]]:
    return _TEST.findall((_DOCS / "reliability.md").read_text())


@pytest.mark.parametrize(("path", "name"), sorted(set(_named_tests())))
def test_a_promise_names_a_test_that_exists(path: str, name: str) -> None:
    tree = ast.parse((_ROOT / path).read_text())
    assert name in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}


def test_there_are_promises_at_all() -> None:
    assert len(_named_tests()) > 20


def _errors(root: type[errors.SluiceError]) -> set[type[errors.SluiceError]]:
    """It and all that derive from it, wherever below conversion/ they stand."""
    for module in walk_packages(conversion.__path__, "conversion."):
        import_module(module.name)
    below = {each for direct in root.__subclasses__() for each in _errors(direct)}
    return {root} | {each for each in below if each.__module__.startswith("conversion.")}


def test_every_code_that_an_operator_meets_is_in_the_runbook() -> None:
    runbook = (_DOCS / "runbook.md").read_text()
    met = {
        each.code
        for each in _errors(errors.SluiceError)
        if not issubclass(each, errors.RequestError) and each.__name__ not in _FAMILIES
    }
    assert {"NOT_REMOVED", "WEBHOOK_ENDPOINT_GONE"} < met
    assert {code for code in met if f"`{code}`" not in runbook} == set()


def test_every_code_that_a_caller_meets_is_in_the_architecture() -> None:
    told = (_DOCS / "architecture.md").read_text()
    met = {
        each.code
        for each in _errors(errors.RequestError) | _errors(errors.PermanentError)
        if each.__name__ not in _FAMILIES
    }
    assert {code for code in met if f"`{code}`" not in told} == set()
