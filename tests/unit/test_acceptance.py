"""docs/acceptance.md has every requirement, and names tests that pytest collects."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "acceptance.md"
_ROW = re.compile(r"^\| ([ABM][\d.]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_NOT_HELD = "**not held**"
_MAY_SKIP = "*may skip*"
# What these need is not everywhere: a deployment, and a way to build images.
_NEEDY = ("tests/aws/", "tests/image/")
# How many there are of each in the list that the plans were restated in.
_COUNTS = {"A1": 9, "A2": 8, "A3": 7, "A4": 6, "A5": 7, "A6": 15, "A7": 13}
_OTHERS = {"B": 10, "M": 13}


def _rows() -> dict[str, str]:
    """What holds each, by its name."""
    return {name: held for name, _, held in _ROW.findall(_PAGE.read_text())}


def _expected() -> Iterator[str]:
    for section, count in _COUNTS.items():
        yield from (f"{section}.{number}" for number in range(1, count + 1))
    for section, count in _OTHERS.items():
        yield from (f"{section}{number}" for number in range(1, count + 1))


def test_no_row_is_missing_and_none_is_made_up() -> None:
    assert list(_rows()) == list(_expected())


def test_a_row_is_held_by_tests_or_says_that_it_is_not() -> None:
    for name, held in _rows().items():
        assert bool(_TEST.search(held)) != (_NOT_HELD in held), name


def test_a_row_is_not_held_by_tests_of_a_deployment_alone() -> None:
    """Those are run by hand, where there is one."""
    for name, held in _rows().items():
        paths = [path for path, _ in _TEST.findall(held)]
        assert not paths or not all(path.startswith("tests/aws/") for path in paths), name


def test_a_row_says_which_of_its_tests_may_be_skipped() -> None:
    for name, held in _rows().items():
        skipped = [each for path, each in _TEST.findall(held) if _may_skip(path, each)]
        assert bool(skipped) == (_MAY_SKIP in held), (name, skipped)


@pytest.mark.parametrize(("path", "name"), sorted(set(_TEST.findall(_PAGE.read_text()))))
def test_what_holds_a_row_is_collected(path: str, name: str) -> None:
    assert Path(path).name.startswith("test_")
    assert name in _collected(path)


def _may_skip(path: str, name: str) -> bool:
    """By a mark of its own or of its module, or for want of what its directory needs."""
    tree = ast.parse((_ROOT / path).read_text())
    marks = [
        mark
        for each in tree.body
        for mark in (
            each.decorator_list
            if isinstance(each, ast.FunctionDef) and each.name == name
            else [each.value]
            if isinstance(each, ast.Assign) and "pytestmark" in ast.unparse(each.targets[0])
            else []
        )
    ]
    return path.startswith(_NEEDY) or any("skipif" in ast.unparse(each) for each in marks)


@cache
def _collected(path: str) -> set[str]:
    """Functions of the module itself: one that stands within another is no test of pytest's."""
    tree = ast.parse((_ROOT / path).read_text())
    names = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    return {each for each in names if each.startswith("test_")}


def test_less_coverage_than_90_percent_fails_make_test() -> None:
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["coverage"]
    assert settings["report"]["fail_under"] >= 90
    assert settings["run"]["source"] == ["conversion", "lambdas", "tasks"]
    recipe = (_ROOT / "Makefile").read_text().partition("\ntest:")[2].partition("\n\n")[0]
    assert "--cov " in recipe
