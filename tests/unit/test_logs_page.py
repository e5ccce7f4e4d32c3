"""docs/logs.md names every line that the code can log, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "logs.md"
LEVELS = ("debug", "info", "warning", "error", "exception", "log")


def logged() -> dict[str, str]:
    """Each message, and where it is."""
    return {
        message: f"{path.relative_to(ROOT)}:{line}"
        for room in ("conversion", "lambdas", "tasks")
        for path in (ROOT / room).rglob("*.py")
        for message, line in messages(ast.parse(path.read_text()))
    }


def messages(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = node.func.value
        if not isinstance(name, ast.Name) or name.id not in ("log", "logger"):
            continue
        if node.func.attr in LEVELS:
            said = node.args[node.func.attr == "log"]
            if isinstance(said, ast.Constant):
                yield str(said.value), node.lineno


def told() -> set[str]:
    """What stands in code type in the first cell of the tables of lines."""
    lines = PAGE.read_text().partition("## Lines of the functions")[2]
    cells = re.findall(r"^\| (`.*?) \|", lines, re.MULTILINE)
    return {each for cell in cells for each in re.findall(r"`([^`]+)`", cell)}


def test_every_line_that_is_logged_is_on_the_page() -> None:
    missing = {said: where for said, where in logged().items() if said not in PAGE.read_text()}
    assert not missing


def test_every_line_on_the_page_is_logged_somewhere() -> None:
    sources = "".join(
        path.read_text()
        for room in ("conversion", "lambdas", "tasks")
        for path in (ROOT / room).rglob("*.py")
    )
    joined = re.sub(r'"\s*\n\s*"', "", sources)
    assert not {each for each in told() if each not in joined}


def test_a_line_has_no_place_for_words_of_others() -> None:
    """Messages are constants: what varies stands in fields, where it can be looked for."""
    varying = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ("conversion", "lambdas", "tasks")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("log", "logger")
        and node.func.attr in LEVELS
        and node.args
        and isinstance(node.args[node.func.attr == "log"], ast.JoinedStr)
    }
    assert not varying
