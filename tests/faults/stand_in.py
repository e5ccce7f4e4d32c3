"""A converter that does as a script says: `python -m tests.faults.stand_in JOB_ID REDRIVE`.

It claims the job in the real store, as the converter does, and ends as the next word of the script
has it. What it does is noted, so that a test can tell what the flow has started it for.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from conversion.errors import JobOver
from conversion.outcome import Failure
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from tests.contract import examples

SCRIPT, NOTES, TABLE = "STAND_IN_SCRIPT", "STAND_IN_NOTES", "STAND_IN_TABLE"
RETENTION_DAYS = 7
PERMANENT = Failure("TRUNCATED_INPUT", "The file ends early; upload it whole.")


def main(job_id: str, redrive: str) -> int:
    client, table = clients.dynamodb(), os.environ[TABLE]
    jobs = Jobs(client, table)
    try:
        attempt = jobs.claim(job_id, RETENTION_DAYS, int(redrive)).attempt
    except JobOver:
        _note({"redrive": redrive, "word": "over"})
        return 0
    word, _, value = _next_word().partition(":")
    _note({"redrive": redrive, "word": word})
    match word:
        case "complete":
            jobs.complete(job_id, attempt, replace(examples.OUTPUT, key=f"conversions/{job_id}"))
        case "refuse":
            jobs.fail(job_id, attempt, PERMANENT)
        case "exit":
            return int(value)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "wait":
            return _wait()
        case "lose-records":
            _lose_records(client, table)
            return int(value)
        case _:
            raise ValueError(f"The script says {word!r}.")
    if value == "lose-records":
        _lose_records(client, table)
    return 0


def _wait() -> int:
    """Until SIGTERM; then as the converter does."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    _note({"word": "waiting"})
    while not told:
        time.sleep(0.01)
    return 75


def _lose_records(client: Any, table: str) -> None:
    """The flow's next call of DynamoDB fails, and all that follow. What was there is noted."""
    _note({"word": "lost", "items": client.scan(TableName=table)["Items"]})
    client.delete_table(TableName=table)


def _next_word() -> str:
    with Path(os.environ[SCRIPT]).open("r+") as script:
        fcntl.flock(script, fcntl.LOCK_EX)
        first, *rest = script.read().split()
        script.seek(0)
        script.truncate()
        script.write(" ".join(rest))
    return first


def _note(what: dict[str, Any]) -> None:
    with Path(os.environ[NOTES]).open("a") as notes:
        notes.write(json.dumps(what) + "\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.exit(main(*sys.argv[1:]))
