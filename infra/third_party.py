"""Other people's code for the functions: fetched once for Lambda's platform, and kept.

What is fetched is what is installed here, to the version, because that is what the tests ran with;
only its native code is another machine's. uv fetches it, or pip where uv cannot. It is trimmed,
compiled and kept under .cache/lambdas in a folder named by a digest of its pins and its platform:
`make install` fills it, and after that nothing here needs a network (decision 0023).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.choices import Architecture
from infra.errors import BundleError

# The services that functions call by conversion/stores/clients.py; a test holds the two together.
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

# Lambda's runtimes as of Python 3.12 are Amazon Linux 2023, glibc 2.34, and 3.11's is Amazon Linux
# 2, glibc 2.26 ("Lambda runtimes"): manylinux2014, glibc 2.17, runs on both.
_MACHINES = {Architecture.ARM64: "aarch64", Architecture.X86_64: "x86_64"}
# Bytecode is compiled by this very Python, so the runtime is the same one ("Lambda runtimes").
RUNTIMES = ("3.11", "3.12", "3.13", "3.14")

# Nothing that is packed reads its own metadata at run time; a test imports every handler so.
_LEFT_OUT = frozenset({"__pycache__", "bin", "swagger_ui", "tests"})
_LEFT_OUT_SUFFIXES = frozenset({".pyc", ".pyi", ".pth"})
_LEFT_OUT_TOPS = (".dist-info", "-stubs")


def runtime() -> str:
    """The Python that functions run under, `3.11`. Raises BundleError where Lambda has none."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version not in RUNTIMES:
        raise BundleError(
            f"AWS Lambda has no runtime for Python {version}, which runs this: install with one of "
            f"{', '.join(RUNTIMES)} (make clean; make PYTHON=python{RUNTIMES[-1]} install)."
        )
    return version


def architecture_here() -> Architecture:
    """Whose native code this machine can load."""
    is_arm = platform.machine().lower() in ("aarch64", "arm64")
    return Architecture.ARM64 if is_arm else Architecture.X86_64


def distributions(requirements: Iterable[Requirement]) -> list[Distribution]:
    """The installed distributions these lead to on Lambda, themselves included, by name.

    Raises BundleError for one that is not installed.
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
        return distribution(requirement.name)
    except PackageNotFoundError:
        raise BundleError(
            f"{requirement.name} is not installed here, and the functions need it: "
            "make install, or pip install -r requirements.txt."
        ) from None


def _requirements_of(found: Distribution, extras: set[str]) -> Iterator[Requirement]:
    """As Lambda's Linux would read their markers, whatever this machine is."""
    there = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    for text in found.requires or []:
        requirement = Requirement(text)
        marker = requirement.marker
        asked = extras or {""}
        if marker is None or any(marker.evaluate({**there, "extra": each}) for each in asked):
            yield requirement


def pins(found: Iterable[Distribution]) -> list[str]:
    return [f"{canonicalize_name(each.name)}=={each.version}" for each in found]


def fetched(pinned: list[str], architecture: Architecture, kept: Path) -> Path:
    """The folder of `kept` that holds these for that architecture, compiled; fetched if need be.

    Made aside and renamed: it is there whole or not at all. Raises BundleError.
    """
    folder = kept / _digest(pinned, architecture)
    if not folder.is_dir():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept) as aside:
            raw, made = Path(aside) / "raw", Path(aside) / "made"
            _fetch(pinned, architecture, raw)
            for path in _files(raw):
                copy(raw / path, made / path)
            compile_all(made)
            made.rename(folder)
    return folder


def _digest(pinned: list[str], architecture: Architecture) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(importlib.util.MAGIC_NUMBER)  # of the bytecode
    digest.update("\0".join([runtime(), architecture, *pinned]).encode())
    return digest.hexdigest()[:16]


def _fetch(pinned: list[str], architecture: Architecture, into: Path) -> None:
    said: list[str] = []
    for command in (_by_uv(architecture), _by_pip(architecture)):
        run = subprocess.run(
            [*command, "--target", str(into), *pinned], capture_output=True, text=True, check=False
        )
        if run.returncode == 0:
            return
        said.append(run.stderr.strip()[-500:])
    raise BundleError(
        f"{', '.join(pinned)} cannot be fetched for {architecture}: neither uv nor pip could. Run "
        "`python -m infra.bundle` once where a package index can be reached; what it fetches is "
        "kept. A distribution that has no wheel for Linux has no place in the extra `lambdas` of "
        f"pyproject.toml.\nuv: {said[0]}\npip: {said[1]}"
    )


def _by_uv(architecture: Architecture) -> list[str]:
    return [
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--system-certs", "--no-deps"),
        *("--python", sys.executable, "--python-version", runtime()),
        *("--python-platform", f"{_MACHINES[architecture]}-manylinux2014"),
        *("--only-binary", ":all:", "--link-mode", "copy"),
    ]


def _by_pip(architecture: Architecture) -> list[str]:
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--no-compile", "--only-binary", ":all:", "--implementation", "cp"),
        *("--python-version", runtime()),
        *("--platform", f"manylinux2014_{_MACHINES[architecture]}"),
    ]


def _files(root: Path) -> list[Path]:
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path for path in found if is_kept(path))


def is_kept(path: PurePath) -> bool:
    """`.dist-info` is for installers, and what uv leaves in the folder, for uv."""
    top = path.parts[0]
    if top.startswith(".") or top.endswith(_LEFT_OUT_TOPS) or path.suffix in _LEFT_OUT_SUFFIXES:
        return False
    return not _LEFT_OUT.intersection(path.parts) and _is_data_we_need(path)


def _is_data_we_need(path: PurePath) -> bool:
    """Of boto3/data and botocore/data: the files about all services, and our services' own."""
    parts = path.parts
    if parts[0] not in ("boto3", "botocore") or parts[1:2] != ("data",) or len(parts) == 3:
        return True
    return parts[2] in SERVICES and not path.name.startswith("examples-")


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def bytecode_of(source: Path) -> str:
    return importlib.util.cache_from_source(str(source))


def compile_all(folder: Path) -> None:
    """Bytecode beside every source, as it will be imported in /var/task. Unchecked: Lambda sets the
    files' times, which would have Python compile all of it anew at each cold start. One process and
    one order, because bytecode tells which of its strings were known before."""
    arguments = [
        "-q",
        "-s",
        str(folder),
        "-p",
        "/var/task",
        "--invalidation-mode",
        "unchecked-hash",
    ]
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-m", "compileall", *arguments, str(folder)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise BundleError(f"The functions' code does not compile: {run.stdout.strip()[-500:]}")
