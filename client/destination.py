"""Where outputs land: whole or not at all, and never on top of anything.

A download goes to a hidden `.sluice-….part` beside its place and is named only when it is
complete. A name that is taken is numbered, as browsers do: `talk.mp3`, then `talk (1).mp3`. Formats
may share a suffix (m4a and alac do), and the same file may be converted twice: both are numbered.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from client.errors import OutputNotWritable


@dataclass(frozen=True)
class Part:
    """An output on its way; `file` is open for writing."""

    path: Path
    file: BinaryIO


@dataclass(frozen=True)
class Destination:
    folder: Path

    @contextmanager
    def part(self) -> Generator[Part]:
        """A place to write that is gone afterwards. Raises OutputNotWritable, also for what goes
        wrong with the disk inside the block (full, read-only)."""
        path = self.folder / f".sluice-{uuid.uuid4().hex}.part"
        try:
            with path.open("xb") as file:
                yield Part(path, file)
        except OSError as error:
            raise OutputNotWritable(
                f"The output cannot be written in {self.folder}: {error.strerror or error}."
            ) from error
        finally:
            path.unlink(missing_ok=True)

    def place(self, parts: Mapping[str, Part], stem: str, number: int) -> list[Path]:
        """Give the finished parts their names, by their suffixes: all under the first number, from
        `number` on, that is free for each of them. They belong together and are told by that."""
        for part in parts.values():
            part.file.close()
        while True:
            name = numbered(stem, number)
            targets = [self.folder / f"{name}{suffix}" for suffix in parts]
            if _name_all([each.path for each in parts.values()], targets):
                return targets
            number += 1


def numbered(stem: str, number: int) -> str:
    return f"{stem} ({number})" if number else stem


def _name_all(parts: Sequence[Path], targets: Sequence[Path]) -> bool:
    """All of them or, where a name is taken, none."""
    named: list[tuple[Path, Path]] = []
    try:
        for part, target in zip(parts, targets, strict=True):
            _name(part, target)
            named.append((part, target))
    except OSError as error:
        for part, target in named:
            _take_back(part, target)
        if isinstance(error, FileExistsError):
            return False
        raise
    return True


def _name(part: Path, target: Path) -> None:
    """Raises FileExistsError, whoever made the target and however late: a hard link never
    replaces. Where there are none (FAT, some network mounts) an empty file reserves the name."""
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        part.replace(target)


def _take_back(part: Path, target: Path) -> None:
    """The part has its name still where it was linked, and lost it where it was moved."""
    if part.exists():
        target.unlink()
    else:
        target.rename(part)
