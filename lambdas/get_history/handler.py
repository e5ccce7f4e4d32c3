"""GET /v1/jobs/{jobId}/history: the job's whole story, for who has to find out what went wrong.

Permissions: GetItem on jobs; DescribeExecution and GetExecutionHistory on the machine's executions;
logs:FilterLogEvents on the converter's log group. Of botocore's data it needs `stepfunctions`,
`logs` and `dynamodb`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.history import History, Log
from conversion.job import Job
from conversion.settings import GetHistorySettings
from conversion.stores import clients
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from conversion.stores.logs import Logs
from lambdas import api, observed
from lambdas.observability import logger

# The function ends after 10 s. A page that is asked for in the last moment of these may meet a
# service that hangs: 4 s with its second try and the pause before that (clients.SWIFT).
READING_SECONDS = 5.0

# A story is read, not polled: each reading searches the log of all jobs.
AGAIN_SECONDS = 5

settings = GetHistorySettings.from_env(os.environ)
jobs = Jobs(clients.dynamodb(clients.SWIFT), settings.jobs_table)
executions = Executions(clients.step_functions(clients.SWIFT), settings.state_machine_arn)
logs = Logs(clients.logs(clients.SWIFT), settings.converter_logs)
app = api.resolver()


@app.get("/v1/jobs/<job_id>/history")
def get_history(job_id: str) -> Response[Any]:
    logger.append_keys(job_id=job_id)
    end = time.monotonic() + READING_SECONDS
    job = jobs.get(job_id, api.caller(app, settings))
    body = _read(job, lambda: time.monotonic() < end)
    return api.answer(body, retry_after=None if job.status.is_terminal else AGAIN_SECONDS)


def _read(job: Job, in_time: Callable[[], bool]) -> dict[str, Any]:
    """Side by side: each may take some seconds where its service hangs."""
    with ThreadPoolExecutor(3) as readers:
        execution = readers.submit(executions.describe, job.job_id)
        events = readers.submit(executions.events, job.job_id, in_time)
        log = readers.submit(_log, job, in_time)
    found, is_whole = events.result()
    return observed.history(job, execution.result(), History.of(found), log.result(), is_whole)


def _log(job: Job, in_time: Callable[[], bool]) -> Log:
    """The rest is worth having without it."""
    try:
        return logs.of(job, (job.source.bucket,), in_time)
    except Exception:
        logger.exception("the converter's log cannot be read")
        return Log(is_whole=False)


handler = api.serve(app)
