"""The engine's end of local/reaper.py: tells it of each process group, and dies with the engine.

Run under the engine's own Python: standard library only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path


class Watchman:
    """The engine's end of local/reaper.py. Dies with it: that is the point."""

    def __init__(self, run_directory: Path, work_directory: Path) -> None:
        reaper = Path(__file__).with_name("reaper.py")
        owner_pipe = os.dup(0)
        arguments = [str(reaper), str(run_directory), str(work_directory), str(owner_pipe)]
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[owner_pipe],
            start_new_session=True,
        )
        os.close(owner_pipe)

    def watch(self, group: int) -> None:
        self._say(f"group {group}")

    def forget(self, group: int) -> None:
        self._say(f"forget {group}")

    def dismiss(self) -> None:
        """Close the pipe and wait until the work directory is gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
