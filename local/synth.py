"""The cloud assembly: what `cdk synth` would make, made once for each state of its inputs.

`python app.py` runs as a process with the context of cdk.json, as the CDK's own command line runs
it: this room imports neither infra/ nor the CDK. Starting Node for it takes seconds, so the result
is kept under build/synth, in a folder named by a digest of everything that could change it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from local.errors import SynthFailed
from local.node import find_node

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "synth"
INPUTS = (
    ".dockerignore",
    "app.py",
    "cdk.json",
    "pyproject.toml",
    "requirements.txt",
    "conversion",
    "infra",
    "lambdas",
    "statemachine",
    "tasks",
)
# What `-c` would say: nobody signs for an account here, as in any deployment for development, and
# two converters a core keep it busy while each waits for its bytes; more would only take memory,
# up to 200 MB each. The others wait their turn.
OPTIONS: dict[str, object] = {"auth": "none", "maxRunningJobs": 2 * (os.cpu_count() or 1)}
# Assemblies of the last few states of the sources: enough to go back and forth between branches.
KEPT = 4


def synthesise(options: Mapping[str, object] | None = None) -> Path:
    """The directory of the assembly; `options` come on top of ours. Raises SynthFailed,
    NotInstalled."""
    chosen = {**OPTIONS, **(options or {})}
    assembly = CACHE / digest(chosen)
    with _alone():
        if not (assembly / "manifest.json").exists():
            _make(assembly, chosen)
            _forget_old()
    os.utime(assembly)
    return assembly


def digest(options: Mapping[str, object]) -> str:
    """Of every input's path and bytes, of the Python that runs app.py, and of its CDK."""
    found = hashlib.sha256(f"{sys.version} {version('aws-cdk-lib')} {options}".encode())
    for path in sorted(_input_files()):
        found.update(f"\0{path.relative_to(ROOT)}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def _input_files() -> Iterator[Path]:
    for name in INPUTS:
        path = ROOT / name
        if path.is_file():
            yield path
        else:
            yield from (
                each
                for each in path.rglob("*")
                if each.is_file() and "__pycache__" not in each.parts
            )


def _make(assembly: Path, options: Mapping[str, object]) -> None:
    """Made aside and renamed: an assembly is there whole or not at all."""
    with tempfile.TemporaryDirectory(dir=CACHE) as aside:
        made = Path(aside) / "assembly"
        environment = {
            **os.environ,
            "JSII_NODE": str(find_node()),
            "CDK_OUTDIR": str(made),
            "CDK_CONTEXT_JSON": json.dumps(_context(options)),
            # The CDK's rules for templates take a third of the time; tests/infra applies them.
            "CDK_VALIDATION": "false",
        }
        run = subprocess.run(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        if run.returncode or not (made / "manifest.json").exists():
            said = f"{run.stdout}\n{run.stderr}".strip()
            raise SynthFailed(f"`python app.py` ended with code {run.returncode}:\n{said}")
        made.rename(assembly)


def _context(options: Mapping[str, object]) -> dict[str, object]:
    return {**json.loads((ROOT / "cdk.json").read_text()).get("context", {}), **options}


@contextmanager
def _alone() -> Generator[None]:
    """One process at a time: two that start together would both make the functions' bundle."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_old() -> None:
    """And what a run that was killed has left: nobody else makes one now."""
    for each in CACHE.iterdir():
        if each.is_dir() and not (each / "manifest.json").exists():
            shutil.rmtree(each, ignore_errors=True)
    made = [each for each in CACHE.iterdir() if (each / "manifest.json").exists()]
    for old in sorted(made, key=lambda each: each.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(old)
