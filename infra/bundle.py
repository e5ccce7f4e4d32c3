"""The functions' code as Lambda gets it: `python -m infra.bundle`.

One folder for all functions of an architecture: conversion/, lambdas/ and every distribution that
the extra `lambdas` of pyproject.toml leads to (infra/third_party.py), with bytecode, so that a cold
start compiles nothing. botocore describes 400 services in 20 MB; the few we call are kept.

The same inputs give the same bytes, hence the same asset. A folder is named by a digest of them and
never changed: whoever still reads an older one is not disturbed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import Requirement

from infra.choices import Architecture
from infra.cold_start import handlers, imported
from infra.third_party import architecture_here, compile_all, distributions, fetched, is_kept, pins

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "build" / "bundles"
FETCHED = ROOT / ".cache" / "lambdas"

ROOMS = ("conversion", "lambdas")
EXTRA = "lambdas"
# Bundles of the last states of the sources: some process may still read one that is no longer new.
# Most of each is links to what was fetched, so they are small.
KEPT = 20


def ensure(architecture: Architecture = Architecture.ARM64) -> Path:
    """The folder with the functions' code, made anew if it is not what the sources say.

    Raises BundleError.
    """
    pinned = pins(distributions(wanted()))
    TARGET.mkdir(parents=True, exist_ok=True)
    with _alone():
        others, own = fetched(pinned, architecture, FETCHED), _own()
        folder = TARGET / f"{architecture}-{_digest(others, own)}"
        if not folder.is_dir():
            _make(folder, others, own)
        os.utime(folder)
        _forget_old()
    return folder


def fetch() -> None:
    """What either architecture needs from a package index."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with _alone():
        for architecture in Architecture:
            fetched(pins(distributions(wanted())), architecture, FETCHED)


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(each) for each in project["optional-dependencies"][EXTRA]]


def _own() -> dict[Path, bytes]:
    """Our rooms' files, read once: somebody may be writing to them."""
    paths = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file())
    named = {path.relative_to(ROOT): path for path in sorted(paths)}
    return {name: path.read_bytes() for name, path in named.items() if is_kept(name)}


def _digest(others: Path, own: dict[Path, bytes]) -> str:
    """Of all that decides what is packed: our own files byte by byte, and others' by their own."""
    digest = hashlib.sha256(others.name.encode())
    for name, content in own.items():
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _make(folder: Path, others: Path, own: dict[Path, bytes]) -> None:
    """Packed aside and put in place whole, so that a run cut short leaves no half bundle."""
    with tempfile.TemporaryDirectory(dir=TARGET) as aside:
        made = Path(aside) / folder.name
        for name, content in own.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(content)
        compile_all(made)
        shutil.copytree(others, made, copy_function=_link, dirs_exist_ok=True)
        made.rename(folder)


def _link(source: str, target: str) -> None:
    """Nobody writes to either: a second name for the same bytes will do."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _forget_old() -> None:
    made = [each for each in TARGET.iterdir() if each.is_dir()]
    for old in sorted(made, key=lambda each: each.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _alone() -> Generator[None]:
    """One process at a time: two that start together would both fetch and compile."""
    with (TARGET / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def size(folder: Path) -> int:
    """Bytes of all files, which is what Lambda's 250 MB limit counts (Lambda quotas)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    for architecture in Architecture:
        made = ensure(architecture)
        print(f"{architecture}: {size(made) / 1e6:.1f} MB in {made.relative_to(ROOT)}")
    here = ensure(architecture_here())
    for name in handlers(here):
        print(f"{name}: imported in {imported(here, name).cpu_seconds * 1000:.0f} ms of CPU")


if __name__ == "__main__":
    main()
