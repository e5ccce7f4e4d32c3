"""Become a container's process: `unshare --mount --pid --fork python enter.py ROOT FOLDER USER …`.

What Fargate makes of the task definition, on a machine without a container engine: the image's
files as the root, read-only; /tmp of its own, in memory; another user, without one capability; the
environment this was given; and an init process that is not the command (initProcessEnabled). The
network stays the machine's. Standard library only; Linux, as root.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys

_PR_SET_NO_NEW_PRIVS = 38  # prctl(2)
_MOUNT = "/usr/bin/mount"


def main(root: str, folder: str, user: str, *command: str) -> int:
    _enter(root, folder, user)
    child = os.fork()
    if child == 0:
        os.execvp(command[0], command)  # noqa: S606
    return _be_init(child)


def _enter(root: str, folder: str, user: str) -> None:
    _mount("--bind", root, root)
    _mount("--options", "remount,bind,ro", root)
    _mount("--types", "tmpfs", "--options", "mode=1777,nosuid,nodev", "tmpfs", f"{root}/tmp")  # noqa: S108
    _mount("--types", "proc", "proc", f"{root}/proc")
    _mount("--rbind", "/dev", f"{root}/dev")
    os.chroot(root)
    os.chdir(folder)
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))  # which takes every capability away
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _be_init(child: int) -> int:
    """Hand on the signals that stop a container, and reap whatever is left behind to process 1."""
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda number, _: os.kill(child, number))
    while True:
        process, status = os.wait()
        if process == child:
            ended = os.waitstatus_to_exitcode(status)
            return ended if ended >= 0 else 128 - ended  # as a shell and Docker say it


def _mount(*arguments: str) -> None:
    subprocess.run([_MOUNT, *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
