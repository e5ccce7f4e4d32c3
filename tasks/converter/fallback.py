"""The second way: ffmpeg writes a file on the task's disk, which then goes into S3 from its start.

Only for an output whose muxer goes back further than the sink holds back, for example an MP3 with
a cover larger than the first part, whose Xing header stands behind the cover. The job records
`mode: file`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from conversion.errors import OutputTooLarge
from tasks.converter.sink import Writer
from tasks.converter.usage import Usage

_CHUNK_BYTES = 1024**2


@contextmanager
def scratch_file(likely_bytes: int, usage: Usage) -> Generator[Path]:
    """A path for the output, gone afterwards. Raises OutputTooLarge where the disk has no room."""
    with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
        free = shutil.disk_usage(folder).free
        if likely_bytes > free:
            raise OutputTooLarge(
                f"This output needs a file of about {likely_bytes} bytes and the task's disk has "
                f"{free}; ask for a smaller format, or give the task more ephemeral storage."
            )
        path = Path(folder, "output")
        try:
            yield path
        finally:
            usage.on_disk(path.stat().st_size if path.exists() else 0)


def copy_into(writer: Writer, path: Path) -> None:
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        offset = 0
        while length := file.readinto(buffer):
            writer.write(offset, buffer[:length])
            offset += length
