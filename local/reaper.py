"""A watchman in a process of its own: ends what the engine started, should the engine be killed.

The engine tidies up after itself, but not after SIGKILL. So it starts this file first and holds the
only writing end of its stdin. On it come lines: `group N` (a process group was started), `forget N`
(it has ended). When the pipe closes, for whatever reason, the groups still listed get SIGTERM, then
SIGKILL, and the work directory is removed. The run's whole directory goes too if the pipe from the
process that owns it has ended; one that is still there may want to read the log.

Run as a file under `python -I`: standard library only and little of it, as every local run waits.
"""

import os
import select
import shutil
import signal
import sys
import time

# The engine is dead, so a task has nobody left to say anything to.
GRACE_SECONDS = 1.0


def main(run_directory: str, work_directory: str, owner_pipe: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end(listen())
    shutil.rmtree(work_directory, ignore_errors=True)
    if select.select([owner_pipe], [], [], 0)[0]:  # nothing is ever written: this is its end
        shutil.rmtree(run_directory, ignore_errors=True)


def listen() -> set[int]:
    """The groups still running when the pipe closes."""
    groups: set[int] = set()
    for line in sys.stdin:
        verb, group = line.split()
        if verb == "group":
            groups.add(int(group))
        else:
            groups.discard(int(group))
    return groups


def end(groups: set[int]) -> None:
    alive = {group for group in groups if _signal(group, signal.SIGTERM)}
    deadline = time.monotonic() + GRACE_SECONDS
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = {group for group in alive if _signal(group, 0)}
    for group in alive:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Whether the group was still there to be signalled."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
