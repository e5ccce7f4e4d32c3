"""Rows for people: a table on a terminal, plain columns in a pipe, where nothing is cut off."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.show import is_terminal, plain, say

Row = Sequence[str]

# What a word in a column means at a glance; only a terminal shows it.
_STYLES = {
    "completed": "green",
    "failed": "bold red",
    "cancelled": "yellow",
    "processing": "cyan",
}
# In a table the last column is folded, but not to less than this; so much is between two.
_LEAST_LAST, _BETWEEN = 20, 3


def show_rows(headings: Row, rows: Sequence[Row]) -> None:
    """On stdout. A terminal that is too narrow for a table wraps the columns itself."""
    console = Console()
    if is_terminal(sys.stdout) and _least_width(headings, rows) <= console.width:
        _show_table(headings, rows, console)
    else:
        for line in columns(headings, rows):
            say(line, sys.stdout)


def columns(headings: Row, rows: Sequence[Row]) -> list[str]:
    """Two spaces apart, and no blanks at the end; wide characters count as wide as they show."""
    widths = _widths(headings, rows)
    lines = ["  ".join(map(_filled, row, widths)) for row in (headings, *rows)]
    return [each.rstrip() for each in lines]


def _widths(headings: Row, rows: Sequence[Row]) -> list[int]:
    cells = [[cell_len(_one_line(cell)) for cell in row] for row in (headings, *rows)]
    return [max(column) for column in zip(*cells, strict=True)]


def _least_width(headings: Row, rows: Sequence[Row]) -> int:
    *others, last = _widths(headings, rows)
    return sum(others) + min(last, _LEAST_LAST) + _BETWEEN * (len(others) + 1)


def _show_table(headings: Row, rows: Sequence[Row], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(headings, 1):
        last = number == len(headings)
        table.add_column(heading, no_wrap=not last, overflow="fold")
    for row in rows:
        table.add_row(*(_text(cell, console.encoding) for cell in row))
    console.print(table)


def _text(cell: str, encoding: str) -> Text:
    """Not markup: a file may be called `[red]`."""
    return Text(plain(_one_line(cell), encoding), style=_STYLES.get(cell, ""))


def _one_line(cell: str) -> str:
    return plain(cell, "utf-8") or "-"


def _filled(cell: str, width: int) -> str:
    shown = _one_line(cell)
    return shown + " " * (width - cell_len(shown))
