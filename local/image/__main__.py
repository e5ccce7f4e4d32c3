"""`make image`: build the converter's image, convert a file to every format in it, print its size.

A build alone proves nothing: a library that is missing, or a place that cannot be written to, shows
only in a run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from conversion.conversion import Conversion
from conversion.formats import FORMATS
from local.child import Engine
from local.errors import LocalError
from local.ffmpeg import find_ffmpeg
from local.image.build import build
from local.image.container import Image
from local.image.trial import Converted, Trial
from local.sample import make_sample

_SECONDS = 20


def main() -> int:
    console = Console(soft_wrap=True)
    try:
        image = build()
        ended = _convert(image, console)
    except LocalError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    size = image.facts.size
    console.print(
        f"The image: {size.unpacked / 1e6:.1f} MB unpacked, {size.compressed / 1e6:.1f} MB "
        f"compressed; its user is {image.facts.config['User']}."
    )
    return ended


def _convert(image: Image, console: Console) -> int:
    table = Table("format", "outcome", "bytes", "seconds", title="A sample, in the container")
    failed: list[Converted] = []
    with Engine() as engine, tempfile.TemporaryDirectory() as scratch:
        sample = Path(scratch) / "sample.m4a"
        make_sample(str(find_ffmpeg().ffmpeg), sample, _SECONDS)
        trial = Trial(image, engine)
        for name in FORMATS:
            made = trial.convert(sample.read_bytes(), Conversion(name))
            status = made.record["status"]
            table.add_row(name, status, f"{len(made.data):,}", f"{made.seconds:.2f}")
            failed += [] if status == "completed" else [made]
    console.print(table)
    for each in failed:
        console.print(each.task.stdout + each.task.stderr, markup=False)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
