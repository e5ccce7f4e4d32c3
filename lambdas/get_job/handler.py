"""GET /v1/jobs/{jobId}, also at /api/jobs/{jobId}, and GET /v1/jobs?fileId=&status=&limit=&cursor=:
what a job is, and which jobs there are.

Permissions: GetItem on jobs, Query on its indexes byFile, byStatus and byOwner.
"""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.errors import InvalidRequest
from conversion.job import Status
from conversion.listing import MOST_JOBS, USUAL_JOBS, Place, Wanted
from conversion.settings import GetJobSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from lambdas import api, represent
from lambdas.observability import logger
from lambdas.problems import POLL_SECONDS

settings = GetJobSettings.from_env(os.environ)
jobs = Jobs(clients.dynamodb(clients.BRISK), settings.jobs_table)
app = api.resolver()


@app.get("/v1/jobs/<job_id>")
@app.get("/api/jobs/<job_id>")
def get_job(job_id: str) -> Response[Any]:
    logger.append_keys(job_id=job_id)
    job = jobs.get(job_id, api.caller(app, settings))
    retry_after = None if job.status.is_terminal else POLL_SECONDS
    return api.answer_tagged(app, represent.job(job), retry_after)


@app.get("/v1/jobs")
def list_jobs() -> Response[Any]:
    caller = api.caller(app, settings)
    wanted = Wanted(caller, api.query(app, "fileId"), _status(api.query(app, "status")))
    cursor = api.query(app, "cursor")
    after = None if cursor is None else Place.from_cursor(cursor)
    page = jobs.page(wanted, after, _limit(api.query(app, "limit")))
    return api.answer(represent.page(page))


def _status(asked: str | None) -> Status | None:
    if asked is None:
        return None
    try:
        return Status(asked)
    except ValueError:
        known = ", ".join(each.value for each in Status)
        raise InvalidRequest(f'"status" is one of {known}.') from None


def _limit(asked: str | None) -> int:
    if asked is None:
        return USUAL_JOBS
    if asked.isascii() and asked.isdecimal() and len(asked) < 5 and 1 <= int(asked) <= MOST_JOBS:
        return int(asked)
    raise InvalidRequest(f'"limit" is how many jobs a page has, 1 to {MOST_JOBS}.')


handler = api.serve(app)
