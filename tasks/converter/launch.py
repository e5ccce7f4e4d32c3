"""What stands between us and ffmpeg: limits the kernel holds, then exec.

A program of its own, run as `python -I -S launch.py PARENT LIMITS COMMAND…`, because limits have to
be in place before ffmpeg reads its first hostile byte and `preexec_fn` is not safe in a process
with threads (Python's documentation of `subprocess`). It costs about 15 ms.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

# prctl(2). The child is sent this signal when the thread that started it ends, so that a converter
# killed with SIGKILL leaves no ffmpeg behind.
_PR_SET_PDEATHSIG = 1
# No program that it executes can give it rights it does not have.
_PR_SET_NO_NEW_PRIVS = 38
# At the hard limit the kernel kills without a word, which looks like want of memory; at the soft
# one it sends SIGXCPU, every second (setrlimit(2)).
_CPU_GRACE_SECONDS = 10
# What a shell answers for a command that is not there.
NOT_STARTED = 127


def main(parent: str, limits: str, *command: str) -> None:
    """`limits` is `NAME=value,…` with the names of the `resource` module without `RLIMIT_`."""
    for each in limits.split(","):
        name, _, value = each.partition("=")
        _limit(name, int(value))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Python ignores these, and what is ignored stays so in the program executed: a file that gets
    # too large would be an error among others, instead of what ends the child.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if os.getppid() != int(parent):  # it ended before it could be tied to us
        sys.exit(NOT_STARTED)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError:
        sys.exit(NOT_STARTED)


def _limit(name: str, value: int) -> None:
    """Lower is kept: whoever started us may have set it."""
    _, most = resource.getrlimit(which := getattr(resource, f"RLIMIT_{name}"))
    wanted = value if most == resource.RLIM_INFINITY else min(value, most)
    later = wanted + _CPU_GRACE_SECONDS if name == "CPU" else wanted
    hard = later if most == resource.RLIM_INFINITY else min(later, most)
    resource.setrlimit(which, (wanted, hard))


if __name__ == "__main__":
    main(*sys.argv[1:])
