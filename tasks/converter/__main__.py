"""The task: `python -m tasks.converter JOB_ID [REDRIVE]`.

REDRIVE is the number of the execution's redrive, 0 if it is left out: one that the job has not seen
yet reopens it when it has failed.

Exit codes: 0, the outcome is recorded, whatever it is; 75 (EX_TEMPFAIL of sysexits.h), try again;
anything else, a crash.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from conversion.errors import FenceError, JobNotFound, TransientError
from conversion.settings import ConverterSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.progress_store import progress_store, seconds_between_reports
from conversion.stores.traces import Traces
from conversion.traces import VARIABLE, TraceHeader
from tasks.converter.convert import run
from tasks.converter.log import to_stdout
from tasks.converter.surroundings import Surroundings
from tasks.converter.trace import Trace
from tasks.converter.usage import Usage

log = logging.getLogger("tasks.converter")

RECORDED, CRASHED, TRY_AGAIN = 0, 1, 75


def main(arguments: list[str]) -> int:
    job_id, redrive = [*arguments, "0"][:2] if arguments else ("", "")
    if len(arguments) > 2 or not redrive.isdecimal():
        print("usage: python -m tasks.converter JOB_ID [REDRIVE]", file=sys.stderr)  # noqa: T201
        return 64  # EX_USAGE
    to_stdout(job_id)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(job_id, _surroundings(stop), int(redrive))
    except (FenceError, JobNotFound) as error:
        log.info("stopped: the job is not this attempt's, or gone", extra={"reason": error.message})
    except TransientError as error:
        log.warning("try again", extra={"code": error.code, "reason": error.message})
        return TRY_AGAIN
    except Exception:
        log.exception("crashed")
        return CRASHED
    return RECORDED


def _surroundings(stop: threading.Event) -> Surroundings:
    """Raises SettingsError, naming every variable that is missing."""
    settings = ConverterSettings.from_env(os.environ)
    s3, dynamodb = clients.s3(), clients.dynamodb()
    usage, days = Usage(), settings.retention_days
    return Surroundings(
        settings=settings,
        jobs=Jobs(dynamodb, settings.jobs_table),
        progress=progress_store(settings, dynamodb, days, usage.redis_unanswered),
        objects=lambda bucket: Objects(s3, bucket),
        stop=stop,
        seconds_between_reports=seconds_between_reports(settings),
        usage=usage,
        trace=_trace(),
    )


def _trace() -> Trace:
    """The client is made when the segment is sent: most attempts are not sampled."""
    header = TraceHeader.read(os.environ.get(VARIABLE)) if clients.has_xray() else None
    return Trace(header, lambda segment: Traces(clients.xray(clients.SENT)).put(segment))


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # Not sys.exit, which would wait for a thread that waits for an S3 that does not answer, until
    # the task's grace period is over and it is killed instead of having said "try again".
    os._exit(code)
