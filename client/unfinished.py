"""Which uploads were broken off, so that the next run of the same command takes them up.

One small file an upload, in the platform's folder for state (platformdirs): what was sent whereto,
and the file's size and time then. S3 knows which parts are there; nothing here is believed about
that. A run holds its upload by a lock that ends with the process, however it ends: another of the
same at the same time sends a copy of its own and remembers nothing. All of this is a comfort:
where nothing can be kept, the file is sent all the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from client.asking import Asked
from client.source import Source

# No deployment keeps parts for so long without an end to them: what is older is litter.
MOST_DAYS = 30


@dataclass(frozen=True)
class Wanted:
    """What an upload is for. Two that differ in it are two uploads."""

    conversions: tuple[Asked, ...] = ()
    delete_after_download: bool = False


class Memory:
    """Of one upload. `file_id` is the one that is kept, to be taken up; `outdated` is what was
    begun with the file as it was before it changed. One without a place keeps nothing; `lost` hears
    why another could not."""

    def __init__(
        self,
        place: Path | None,
        key: dict[str, Any],
        source: Source,
        lost: Callable[[OSError], None],
    ) -> None:
        self._place = place
        self._lost = lost
        self._key = key
        self._looks = {"bytes": source.bytes, "modifiedNs": source.modified_ns}
        self.file_id: str | None = None
        self.outdated: str | None = None
        before = _read(place) if place else {}
        if isinstance(file_id := before.get("fileId"), str) and file_id:
            same = all(before.get(name) == value for name, value in (key | self._looks).items())
            self.file_id, self.outdated = (file_id, None) if same else (None, file_id)

    def remember(self, file_id: str) -> None:
        """Whole or not at all."""
        if self._place is None:
            return
        new = self._place.with_suffix(".new")
        try:
            new.write_text(json.dumps(self._key | self._looks | {"fileId": file_id}))
            new.replace(self._place)
            self.file_id = file_id
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            self._lost(error)

    def forget(self) -> None:
        self.file_id = self.outdated = None
        if self._place is not None:
            with suppress(OSError):
                self._place.unlink(missing_ok=True)


class Unfinished:
    """Uploads of one caller to one deployment that were broken off. `anew` takes none of them up:
    what it replaces is outdated. `note` hears it once if nothing can be kept."""

    def __init__(
        self, api: str, caller: str, note: Callable[[str], None], anew: bool = False
    ) -> None:
        self._api = api
        self._caller = caller
        self._note = note
        self._anew = anew
        self._has_told = False
        self._folder = platformdirs.user_state_path("sluice", False) / "uploads"
        with suppress(OSError):
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            _sweep(self._folder)

    @contextmanager
    def memory(self, source: Source, wanted: Wanted) -> Generator[Memory]:
        """It is this process's own inside the block."""
        key = {
            "api": self._api,
            "caller": hashlib.sha256(self._caller.encode()).hexdigest()[:16],
            "path": os.path.abspath(source.path),  # noqa: PTH100 as named: links stay links
            "conversions": list(wanted.conversions),
            "deleteAfterDownload": wanted.delete_after_download,
        }
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
        place = self._folder / f"{name}.json"
        with _lock(self._folder / f"{name}.lock") as is_ours:
            memory = Memory(place if is_ours else None, key, source, self._tell)
            if self._anew and memory.file_id:
                memory.file_id, memory.outdated = None, memory.file_id
            yield memory

    def _tell(self, why: OSError) -> None:
        if not self._has_told:
            self._note(
                f"Uploads that are broken off cannot be taken up again: {self._folder} keeps "
                f"nothing ({why.strerror or why})."
            )
        self._has_told = True


@contextmanager
def nothing_kept(source: Source) -> Generator[Memory]:
    yield Memory(None, {}, source, lambda why: None)


@contextmanager
def _lock(path: Path) -> Generator[bool]:
    """Whether it is ours. Its file goes with us: a third process may then hold another of the same
    name, and both send the same parts of one upload, which does no harm."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:  # nor can anything be written then, which is told when it is tried
        yield True
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # held by another, or not to be had on this file system
            yield False
            return
        try:
            yield True
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _read(place: Path) -> dict[str, Any]:
    """What is not ours, or no longer whole, is as nothing."""
    try:
        kept = json.loads(place.read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _sweep(folder: Path) -> None:
    for each in folder.iterdir():
        if time.time() - each.stat().st_mtime > MOST_DAYS * 86400:
            each.unlink(missing_ok=True)
