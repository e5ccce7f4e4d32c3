"""The four ways to convert an object, each as the command line of one process.

The peers get the very arguments that the converter gave its ffmpeg, as the kernel showed them,
with only the two ends replaced: so `ours` runs first.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path

_OURS_ALONE = {"-ftp-write-seekable"}
_REPORTS = {"-progress", "-stats_period"}
_PROTOCOLS = {"http,tcp", "ftp,tcp"}


class Way(StrEnum):
    OURS = "ours"
    FILE = "file"
    USUAL = "usual"
    NAIVE = "naive"


def template(seen: list[str]) -> list[str]:
    """The converter's ffmpeg command with INPUT and OUTPUT for its addresses."""
    words: list[str] = []
    pairs = iter(seen)
    for word in pairs:
        if word in _OURS_ALONE:
            next(pairs)
        elif word in _PROTOCOLS:
            words.append("file,pipe")
        elif word.startswith("http://"):
            words.append("INPUT")
        elif word.startswith("ftp://"):
            words += ["-y", "OUTPUT"]
        else:
            words.append(word)
    if not {"INPUT", "OUTPUT"} <= set(words):
        raise ValueError(f"not a streaming command: {seen}")
    return words


def by_file(command: list[str], source: Path, target: Path) -> list[str]:
    paths = {"INPUT": str(source), "OUTPUT": str(target)}
    return [paths.get(word, word) for word in command]


def usual(command: list[str], bucket: str, source: str, target: str, folder: Path) -> list[str]:
    program = [sys.executable, "-m", "benchmarks.usual"]
    return [*program, bucket, source, target, str(folder), *command]


def naive(command: list[str], bucket: str, source: str, target: str) -> list[str]:
    """Without the reports: they go to standard output, where the result goes here."""
    words = iter(command)
    quiet = [word for word in words if not (word in _REPORTS and next(words))]
    return [sys.executable, "-m", "benchmarks.naive", bucket, source, target, *quiet]


def ours(job_id: str) -> list[str]:
    return [sys.executable, "-m", "tasks.converter", job_id]
