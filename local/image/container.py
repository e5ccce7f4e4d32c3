"""A built image, and what it takes to run it: with Docker, or by hand where there is none.

Both give it what Fargate does (infra/constructs/converter_task.py): the image's own user without a
capability, a read-only root, and /tmp to write to. The network stays the machine's, for that is
where the engine listens.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local.errors import NotInstalled

_ENTER = Path(__file__).with_name("enter.py")
_MOST_SECONDS = 300.0


@dataclass(frozen=True)
class Size:
    """Bytes of all files, and of the layers as they are pushed and pulled, with gzip."""

    unpacked: int
    compressed: int


@dataclass(frozen=True)
class Facts:
    """`config` is the image's, as OCI's image specification has it: Env, Entrypoint, User …"""

    config: Mapping[str, Any]
    size: Size

    @property
    def entrypoint(self) -> Sequence[str]:
        return self.config["Entrypoint"]


class Image(Protocol):
    @property
    def facts(self) -> Facts: ...

    def run(
        self, words: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Those words as the container's only command, in place of the entry point."""
        ...


@dataclass(frozen=True)
class InDocker:
    name: str
    facts: Facts

    def run(
        self, words: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        given = [word for name in environment for word in ("--env", name)]
        kept = ["--read-only", "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL"]  # noqa: S108
        apart = ["--rm", "--init", "--network", "host", "--security-opt", "no-new-privileges"]
        entry = ["--entrypoint", words[0], self.name, *words[1:]]
        return _run(["docker", "run", *apart, *kept, *given, *entry], {**os.environ, **environment})


@dataclass(frozen=True)
class Unpacked:
    """The image's files in a folder."""

    root: Path
    facts: Facts

    def run(
        self, words: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Raises NotInstalled."""
        config = self.facts.config
        own = dict(each.split("=", 1) for each in config["Env"])
        where = [str(self.root), config["WorkingDir"], config["User"]]
        return _run([*_apart(), str(_ENTER), *where, *words], {**own, **environment})


def _apart() -> list[str]:
    """A Python with mounts and processes of its own; what it starts ends with it."""
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        raise NotInstalled(
            "Without Docker, running the image takes root and unshare(1) of Linux, to give it a "
            "root of its own. Run this as root, or install Docker."
        )
    return [unshare, "--mount", "--pid", "--fork", "--kill-child", sys.executable, "-I"]


def _run(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_MOST_SECONDS,
        stdin=subprocess.DEVNULL,
    )


def read_facts(path: Path) -> Facts:
    held = json.loads(path.read_text())
    return Facts(held["config"], Size(**held["size"]))
