"""The file to convert, as it is on this machine's disk."""

from __future__ import annotations

import mimetypes
import os
import re
import stat
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from client.errors import FileChanged, FileNotReadable

# Large enough that the loop costs nothing, small enough to read from disk between two polls
# without a thread.
CHUNK = 256 * 1024


# What the API refuses in a name (conversion/uploads.py), less what decoding has replaced by then.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROLS_AT_END = re.compile(rf"{_CONTROL.pattern}+\Z")
# Python's own table: a machine's (/etc/mime.types) may call a suffix anything.
_MEDIA_TYPES = mimetypes.MimeTypes(filenames=())
# What Python learns of later than 3.11 (RFC 9639, RFC 5334, RFC 4337).
_MEDIA_TYPES.add_type("audio/flac", ".flac")
_MEDIA_TYPES.add_type("audio/ogg", ".ogg")
_MEDIA_TYPES.add_type("audio/mp4", ".m4a")


@dataclass(frozen=True)
class Source:
    """`bytes` and `modified_ns` are as they were when the file was looked at."""

    path: Path
    bytes: int
    modified_ns: int

    @property
    def name(self) -> str:
        """The file's name as text that can be sent: bytes that are no UTF-8 become U+FFFD, and
        control characters `_`."""
        return without_controls(os.fsencode(self.path.name).decode("utf-8", "replace"))

    @property
    def media_type(self) -> str | None:
        """By the suffix, where that is one of audio or video: any other the API would refuse."""
        # Of the suffix alone: a whole name may be taken for a URL.
        told, _ = _MEDIA_TYPES.guess_type(f"file{PurePath(self.name).suffix}")
        return told if told is not None and told.startswith(("audio/", "video/")) else None

    @classmethod
    def at(cls, path: Path) -> Source:
        """Raises FileNotReadable when there is no regular file that can be opened."""
        try:
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                raise FileNotReadable(f"{path} is a folder: name the files in it.")
            if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer
                raise FileNotReadable(f"{path} is not a regular file: save it as one first.")
            with path.open("rb"):
                return cls(path, status.st_size, status.st_mtime_ns)
        except OSError as error:
            raise _not_readable(path, error) from error

    async def chunks(
        self, moved: Callable[[int], None], offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The file, or `length` bytes of it from `offset` on; `moved` hears how many of those have
        been taken.

        Raises FileChanged before the last chunk when the file is no longer the one looked at, so
        that a recording still being written is never stored cut off.
        """
        length, done = self.bytes if length is None else length, 0
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                while done < length:
                    chunk = file.read(min(CHUNK, length - done))
                    done += len(chunk)
                    if not chunk or (done == length and self._differs(os.fstat(file.fileno()))):
                        raise self._changed()
                    yield chunk
                    moved(done)
        except OSError as error:
            raise _not_readable(self.path, error) from error

    def check_unchanged(self) -> None:
        """Raises FileChanged when the file is no longer the one looked at."""
        try:
            if self._differs(self.path.stat()):
                raise self._changed()
        except OSError as error:
            raise _not_readable(self.path, error) from error

    def _differs(self, status: os.stat_result) -> bool:
        return (status.st_size, status.st_mtime_ns) != (self.bytes, self.modified_ns)

    def _changed(self) -> FileChanged:
        return FileChanged(f"{self.path} changed while it was sent: try again.")


def without_controls(name: str) -> str:
    """A name that is one line everywhere. At its end they go without a trace: `talk.wav` and a
    newline is a .wav."""
    return _CONTROL.sub("_", _CONTROLS_AT_END.sub("", name)) or "_"


def output_stem(path: Path) -> str:
    """What its output is called, less the suffix: bytes that are no text stay as they are."""
    return PurePath(without_controls(path.name)).stem


def _not_readable(path: Path, error: OSError) -> FileNotReadable:
    return FileNotReadable(f"{path} cannot be read: {error.strerror or error}.")
