"""Amazon ECS on a bad day, by script: what tests and rehearsals ask to happen to the next tasks.

Not a difference from AWS, but what there happens by itself and on one machine never would. The file
that SLUICE_LOCAL_REHEARSAL names holds one word for each RunTask to come, separated by white space;
a call takes the first one out, but for one that ends in `*`, which stays. It is read at each call,
so that it can be written, or written anew, while the engine runs; without the file, or with an
empty one, everything goes well.
"""

from __future__ import annotations

import fcntl
import os
from enum import StrEnum
from pathlib import Path

SCRIPT_VARIABLE = "SLUICE_LOCAL_REHEARSAL"
_STAYS = "*"


class Word(StrEnum):
    OK = "ok"
    # 200 with `failures` and no task.
    NO_CAPACITY = "no-capacity"
    THROTTLED = "throttled"
    # Stopped before its container runs: TaskFailedToStart.
    NEVER_STARTS = "never-starts"
    # `spot:SECONDS`: on FARGATE_SPOT, interrupted so long after its container has started.
    SPOT = "spot"


def next_word() -> tuple[Word, float]:
    """What is to happen to this RunTask, and after how many seconds; taken out of the script.

    Raises ValueError for a word that is none of the above.
    """
    path = os.environ.get(SCRIPT_VARIABLE)
    if not path or not Path(path).exists():
        return Word.OK, 0.0
    with Path(path).open("r+") as script:
        fcntl.flock(script, fcntl.LOCK_EX)  # calls come by several threads
        first, *rest = script.read().split() or [Word.OK]
        if first.endswith(_STAYS):
            rest.insert(0, first)
        script.seek(0)
        script.truncate()
        script.write(" ".join(rest))
    word, _, seconds = first.removesuffix(_STAYS).partition(":")
    return Word(word), float(seconds or 0)
