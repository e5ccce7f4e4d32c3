"""Become a container's process: `unshare --mount --pid --fork python enter.py ROOT FOLDER USER …`.

What Fargate makes of the task definition, on a machine without a container engine: the image's
files as the root, read-only; /tmp of its own, in memory; another user, without one capability; the
environment this was given. The network stays the machine's. Standard library only; Linux, as root.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

_PR_SET_NO_NEW_PRIVS = 38  # prctl(2)
_MOUNT = "/usr/bin/mount"


def main(root: str, folder: str, user: str, *command: str) -> None:
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
    os.execvp(command[0], command)  # noqa: S606


def _mount(*arguments: str) -> None:
    subprocess.run([_MOUNT, *arguments], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
