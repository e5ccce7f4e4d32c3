"""asl-validator, the npm package that knows the Amazon States Language's JSON schema and paths."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

# An exact version: `npx` would take whatever is newest on the day.
PACKAGE = "asl-validator@4.0.0"
_LOCK = Path(tempfile.gettempdir()) / "sluice-npx.lock"
_VERDICT = re.compile(r'State machine definition "([^"]+)" is (valid|invalid)')


def refused(paths: Sequence[Path]) -> dict[str, str]:
    """By file name, what it says of each file that it does not take. Skips where it cannot run."""
    if why := _absent():
        pytest.skip(why)
    asked = [each for path in paths for each in ("--json-path", str(path))]
    answer = _npx(*asked)
    said = answer.stdout + answer.stderr
    verdicts = {Path(name).name: verdict for name, verdict in _VERDICT.findall(said)}
    assert set(verdicts) == {path.name for path in paths}, said
    return {name: said for name, verdict in verdicts.items() if verdict == "invalid"}


@cache
def _absent() -> str | None:
    if shutil.which("npx") is None:
        return f"no npx on PATH; install Node with npm to check by {PACKAGE}"
    try:
        answer = _npx("--version")
    except subprocess.TimeoutExpired:
        return f"npx could not fetch {PACKAGE} within two minutes"
    return None if answer.returncode == 0 else f"npx could not fetch {PACKAGE}: {answer.stderr}"


def _npx(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One at a time: two that install the same package at once are in each other's way."""
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(
            ["npx", "--yes", PACKAGE, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
