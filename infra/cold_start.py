"""What a function's start costs: its handler imported from the bundle alone, in a fresh process.

Nothing but the bundle and the standard library is there, as on AWS, and what Lambda sets is set.
Python's own start is not counted: Lambda has done it before.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

from conversion import settings
from conversion.settings import Settings, variable
from infra.errors import BundleError

# CPU time, in seconds, which another process beside this one does not lengthen.
_IMPORT = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
started = time.process_time()
from lambdas.{name}.handler import handler
spent = time.process_time() - started
files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
print(json.dumps([spent, [each for each in files if "site-packages" in each], sorted(sys.modules)]))
"""
# Values for the settings that are not read as any text.
_READ = {"default_conversions": "mp3", "redis_host": ""}


@dataclass(frozen=True)
class Import:
    """`elsewhere` are the files that came from outside the bundle."""

    cpu_seconds: float
    elsewhere: list[str]
    modules: list[str]


def handlers(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("lambdas/*/handler.py"))


def imported(folder: Path, name: str, **told: str) -> Import:
    """Import the handler of `lambdas/name`; `told` are values of its settings."""
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _IMPORT.format(name=name), str(folder)],
        env=_environment(folder, name, told),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise BundleError(f"lambdas/{name} cannot be imported from the bundle: {run.stderr}")
    return Import(*json.loads(run.stdout))


def settings_of(name: str) -> type[Settings]:
    return getattr(settings, f"{name.title().replace('_', '')}Settings", Settings)


def _environment(folder: Path, name: str, told: dict[str, str]) -> dict[str, str]:
    given = {**_READ, **told}
    ours = {variable(each): given.get(each.name, "1") for each in fields(settings_of(name))}
    lambdas = {"LAMBDA_TASK_ROOT": str(folder), "AWS_LAMBDA_FUNCTION_NAME": name}
    return {**ours, **lambdas, "AWS_DEFAULT_REGION": "eu-west-1", "PATH": os.environ["PATH"]}
