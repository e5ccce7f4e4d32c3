"""What a person sees meanwhile: bars on a terminal, plain lines anywhere else.

Both write to stderr. Results go to stdout, but through here: a line printed past live bars would
tear them. Nobody need read them (`| head -1`, `>&-`): what there is to do is done all the same.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import Any, Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from client.moment import Moment


class Display(Protocol):
    """A context manager; a row is a file's place in the call."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def show(self, row: int, moment: Moment) -> None: ...

    def drop(self, row: int, last_word: str) -> None:
        """The row's file is over, and how."""
        ...

    def result(self, line: str) -> None:
        """A line for stdout."""
        ...

    def note(self, line: str) -> None:
        """A line for stderr."""
        ...


def display_for(names: Sequence[str]) -> Display:
    """Bars if stderr is a terminal that can move its cursor. Its own isatty() is asked: rich's
    answer can be forced by FORCE_COLOR, which says nothing about redrawing a log file."""
    console = Console(stderr=True)
    if is_terminal(sys.stderr) and not console.is_dumb_terminal:
        return Bars(names, console)
    return Lines(names)


class Lines:
    """Prints each active file's last moment once a second, each new stage at once, and each file's
    end: a conversion shorter than a second shows its way too."""

    def __init__(self, names: Sequence[str], every: float = 1.0) -> None:
        self._names = names
        self._every = every
        self._moments: dict[int, Moment] = {}
        self._at_once: dict[int, str] = {}  # printed since the last tick
        self._lock = threading.Lock()  # or the ticker's line of a row could follow its last word
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress lines", daemon=True)

    def __enter__(self) -> Self:
        self._ticker.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._ticker.join()

    def show(self, row: int, moment: Moment) -> None:
        with self._lock:
            before = self._moments.get(row)
            self._moments[row] = moment
            if before is None or before.stage != moment.stage:
                self._at_once[row] = str(moment)
                self._say(row, str(moment))

    def drop(self, row: int, last_word: str) -> None:
        with self._lock:
            self._moments.pop(row, None)
            self._say(row, last_word)

    def result(self, line: str) -> None:
        say(line, sys.stdout)

    def note(self, line: str) -> None:
        say(line, sys.stderr)

    def _tick(self) -> None:
        while not self._over.wait(self._every):
            with self._lock:
                for row, moment in sorted(self._moments.items()):
                    if self._at_once.get(row) != str(moment):
                        self._say(row, str(moment))
                self._at_once.clear()

    def _say(self, row: int, what: str) -> None:
        self.note(f"{self._names[row]}: {what}")


class Bars:
    """One live row per active file; results scroll up above the rows."""

    def __init__(self, names: Sequence[str], console: Console) -> None:
        self._names = names
        self._console = console
        self._rows: dict[int, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=_NAME),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TextColumn("{task.fields[stage]}", markup=False),
            TextColumn("{task.fields[pace]}", markup=False, justify="right"),
            TextColumn("{task.fields[eta]}", markup=False),
            console=console,
            transient=True,
            redirect_stdout=False,  # rich would send what is meant for a pipe to the terminal
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def show(self, row: int, moment: Moment) -> None:
        stage = plain(moment.stage, self._console.encoding)  # the API's word
        fields: dict[str, Any] = {"stage": stage, "pace": moment.pace, "eta": moment.eta}
        if row not in self._rows:
            name = plain(self._names[row], self._console.encoding)
            self._rows[row] = self._progress.add_task(name, total=100, **fields)
        self._progress.update(self._rows[row], completed=moment.percent, **fields)

    def drop(self, row: int, last_word: str) -> None:
        """The result that follows says it; a row has no room for it."""
        if row in self._rows:
            self._progress.remove_task(self._rows.pop(row))

    def result(self, line: str) -> None:
        if is_terminal(sys.stdout):
            self.note(line)
        else:
            say(line, sys.stdout)

    def note(self, line: str) -> None:
        """Not wrapped: a line of JSON stays one line."""
        self._console.print(Text(plain(line, self._console.encoding)), soft_wrap=True)


_NAME = Column(max_width=40, no_wrap=True, overflow="ellipsis")


def is_terminal(stream: TextIO | None) -> bool:
    """A stream that was closed when we were started is None."""
    return stream is not None and stream.isatty()


def say(line: str, stream: TextIO | None) -> None:
    """One line, as long as somebody reads the stream."""
    if stream is None:
        return
    try:
        print(plain(line, stream.encoding), file=stream, flush=True)
    except BrokenPipeError:
        _lead_nowhere(stream)


def _lead_nowhere(stream: TextIO) -> None:
    """From now on, so that what follows is dropped, also what Python still flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def plain(line: str, encoding: str) -> str:
    """The line as it can be printed: a file's name may hold anything, also bytes that are no text
    and sequences that move a terminal's cursor."""
    seen = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)
    return seen.encode(encoding, "replace").decode(encoding)
