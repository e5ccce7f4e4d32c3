"""`sluice` on a terminal of its own, for what it does only there."""

from __future__ import annotations

import os
import pty
import subprocess

from tests.client.conftest import SLUICE, environment


def on_a_terminal(width: int, *arguments: str) -> str:
    """What it prints there, with its sequences."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*SLUICE, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment() | {"TERM": "xterm", "COLUMNS": str(width)},
    ) as child:
        os.close(theirs)
        said = b""
        try:
            while some := os.read(ours, 65536):
                said += some
        except OSError:  # the end, on Linux
            pass
        assert child.wait() == 0
    os.close(ours)
    return said.decode()
