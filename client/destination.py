"""Where outputs land: whole or not at all, and never on top of anything.

A download goes to a hidden `.sluice-….part` beside its place and is named only when it is
complete. A name that is taken is numbered, as browsers do: `talk.mp3`, then `talk (1).mp3`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
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

    def place(self, part: Part, name: str, number: int) -> Path:
        """Give the finished part its name, with the first free number from `number` on."""
        part.file.close()
        while True:
            target = self.folder / numbered(name, number)
            try:
                _name(part.path, target)
            except FileExistsError:
                number += 1
            else:
                return target


def numbered(name: str, number: int) -> str:
    stem, suffix = PurePath(name).stem, PurePath(name).suffix
    return f"{stem} ({number}){suffix}" if number else name


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
