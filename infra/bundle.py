"""The functions' code, packed from this very environment: `python -m infra.bundle`.

CDK's own bundling wants Docker or a network. What a function needs is pure Python and installed
here already, so it is copied: conversion/, lambdas/, and every distribution the extra `lambdas` of
pyproject.toml leads to. botocore describes 400 services in 20 MB; the few we call are kept.

The same inputs give the same bytes, hence the same asset; nothing is done when nothing changed.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.errors import BundleError

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "build" / "lambdas"

ROOMS = ("conversion", "lambdas")
EXTRA = "lambdas"
# The services of conversion/stores/clients.py; a test holds the two together.
SERVICES = frozenset(
    {
        "dynamodb",
        "ecs",
        "events",
        "lambda",
        "logs",
        "s3",
        "secretsmanager",
        "sqs",
        "stepfunctions",
    }
)

_NATIVE = frozenset({".so", ".pyd", ".dylib", ".dll"})
# Nothing that is packed reads its own metadata at run time; a test imports every handler so.
_LEFT_OUT = frozenset({"__pycache__", "tests"})
_LEFT_OUT_SUFFIXES = frozenset({".pyc", ".pyi", ".pth"})


def ensure() -> Path:
    """The folder with the functions' code, made anew if it is not what the sources say.

    Raises BundleError when a distribution is missing or has native code.
    """
    found = distributions(wanted())
    digest = _digest(found)
    mark = _mark(TARGET)
    if not (TARGET.is_dir() and mark.is_file() and mark.read_text() == digest):
        _make(found)
        mark.write_text(digest)
    return TARGET


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(each) for each in project["optional-dependencies"][EXTRA]]


def distributions(requirements: Iterable[Requirement]) -> list[Distribution]:
    """The installed distributions these lead to, themselves included, by name.

    Raises BundleError for one that is not installed, or is not pure Python.
    """
    found: dict[str, Distribution] = {}
    seen: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        each = _installed(requirement)
        found[canonicalize_name(requirement.name)] = each
        waiting += _requirements_of(each, requirement.extras)
    return [found[name] for name in sorted(found)]


def _installed(requirement: Requirement) -> Distribution:
    try:
        found = distribution(requirement.name)
    except PackageNotFoundError:
        raise BundleError(
            f"{requirement.name} is not installed here, and the functions need it: "
            f"pip install -r requirements.txt, or pip install '.[{EXTRA}]'."
        ) from None
    native = [str(each) for each in found.files or [] if _NATIVE.intersection(each.suffixes)]
    if native:
        raise BundleError(
            f"{requirement.name} has native code ({native[0]}), built for this machine and not for "
            f"AWS Lambda: take it out of the extra `{EXTRA}` in pyproject.toml, or choose a pure "
            "Python distribution."
        )
    return found


def _requirements_of(found: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for text in found.requires or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": each}) for each in extras or {""}):
            yield requirement


def _digest(found: Iterable[Distribution]) -> str:
    """Of all that decides what is packed: our own files, byte by byte, and others by version."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in _own_files():
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    for each in found:
        digest.update(f"\0{each.name}=={each.version}".encode())
    return digest.hexdigest()


def _make(found: Iterable[Distribution]) -> None:
    """Packed aside and put in place whole, so that a run cut short leaves no half bundle."""
    TARGET.parent.mkdir(exist_ok=True)
    _mark(TARGET).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=TARGET.parent) as aside:
        made = Path(aside) / TARGET.name
        for source in _own_files():
            _copy(source, made / source.relative_to(ROOT))
        for each in found:
            _copy_distribution(each, made)
        if TARGET.exists():
            shutil.rmtree(TARGET)
        made.rename(TARGET)


def _own_files() -> list[Path]:
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file())
    return sorted(path for path in files if _is_kept(path.relative_to(ROOT)))


def _copy_distribution(found: Distribution, into: Path) -> None:
    if found.files is None:
        raise BundleError(f"{found.name} does not list its files: install it again with pip.")
    for each in found.files:
        if _is_kept(each):
            _copy(Path(str(found.locate_file(each))), into / each)


def _is_kept(path: PurePath) -> bool:
    """`..` leads to scripts beside the packages; `.dist-info` is for installers."""
    top = path.parts[0]
    if top == ".." or top.endswith(".dist-info") or path.suffix in _LEFT_OUT_SUFFIXES:
        return False
    return not _LEFT_OUT.intersection(path.parts) and _is_data_we_need(path)


def _is_data_we_need(path: PurePath) -> bool:
    """Of boto3/data and botocore/data: the files about all services, and our services' own."""
    parts = path.parts
    if parts[0] not in ("boto3", "botocore") or parts[1:2] != ("data",) or len(parts) == 3:
        return True
    return parts[2] in SERVICES and not path.name.startswith("examples-")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def _mark(target: Path) -> Path:
    """Beside the folder, not in it: it must not become part of the asset."""
    return target.with_suffix(".digest")


def size(folder: Path) -> int:
    """Bytes of all files, which is what Lambda's 250 MB limit counts (Lambda quotas)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    made = ensure()
    print(f"{made.relative_to(ROOT)}: {size(made) / 1e6:.1f} MB")
