"""What the documents name is there: tests by their names, codes and alarms by their entries."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import conversion
from client.verbs import main
from conversion import errors
from infra.options import rows
from infra.options_page import page

_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_OURS = {"conversion", "lambdas"}
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
    """It and all that derive from it, wherever they stand."""
    for module in walk_packages(conversion.__path__, "conversion."):
        import_module(module.name)
    below = {each for direct in root.__subclasses__() for each in _errors(direct)}
    return {root} | {each for each in below if each.__module__.split(".")[0] in _OURS}


def test_every_code_that_an_operator_meets_is_in_the_runbook() -> None:
    runbook = (_DOCS / "runbook.md").read_text()
    met = {
        each.code
        for each in _errors(errors.SluiceError)
        if not issubclass(each, errors.RequestError) and each.__name__ not in _FAMILIES
    }
    assert {"NOT_REMOVED", "WEBHOOK_ENDPOINT_GONE"} < met
    assert {code for code in met if f"`{code}`" not in runbook} == set()


def test_every_code_that_a_job_can_fail_with_is_in_the_architecture() -> None:
    told = (_DOCS / "architecture.md").read_text()
    met = {each.code for each in _errors(errors.PermanentError) if each.__name__ not in _FAMILIES}
    assert {code for code in met if f"`{code}`" not in told} == set()


def test_every_refusal_is_in_the_guide_to_the_api_with_its_status() -> None:
    section = (_DOCS / "api.md").read_text().partition("## Errors")[2]
    told = {
        code: int(status)
        for codes, status in re.findall(r"^\| (`[^|]+`) \| (\d{3}) \|", section, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", codes)
    }
    import_module("lambdas.problems")  # which has some of its own
    met = {
        each.code: each.http_status
        for each in _errors(errors.RequestError)
        if each.__name__ not in _FAMILIES
    }
    assert met.items() <= told.items()
    assert all(status >= 500 for code, status in told.items() if code not in met)


def test_readme_has_every_verb_of_the_command_and_no_other() -> None:
    readme = (_ROOT / "README.md").read_text()
    rows = readme.partition("| `sluice …` |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([\w-]+)", rows, re.MULTILINE)) == set(main.commands)


def test_readme_has_the_options_that_most_people_set_with_their_defaults() -> None:
    told = _options_in("README.md")
    defaults = {row.name: str(row.default) or "none" for row in rows()}
    assert len(told) == 5
    assert {name: defaults[name] for name in told} == told


def test_the_page_of_options_has_every_one_as_the_code_has_it() -> None:
    assert _options_in("docs/options.md").keys() == {row.name for row in rows()}
    assert (_DOCS / "options.md").read_text() == page(), "make options"


def _options_in(document: str) -> dict[str, str]:
    """Each option of the table, with its default."""
    table = (_ROOT / document).read_text().partition("| option | default |")[2]
    found = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table.partition("\n\n")[0], re.MULTILINE)
    return {name: default.strip("`") for name, default in found}


def test_every_context_that_readme_names_is_an_option() -> None:
    limits = (_ROOT / "README.md").read_text().partition("## Limits")[2].partition("\n## ")[0]
    named = {
        name
        for row in re.findall(r"context ([^|]+) \|", limits)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert len(named) > 7
    assert named <= {row.name for row in rows()}
