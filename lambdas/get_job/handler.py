"""GET /v1/jobs/{jobId} and GET /v1/jobs?fileId=: what a job is, and which jobs a file has.

Permissions: GetItem on jobs, Query on its index byFile.
"""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.errors import InvalidRequest
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
def get_job(job_id: str) -> Response[Any]:
    logger.append_keys(job_id=job_id)
    job = jobs.get(job_id)
    return api.answer(
        represent.job(job), retry_after=None if job.status.is_terminal else POLL_SECONDS
    )


@app.get("/v1/jobs")
def list_jobs() -> Response[Any]:
    file_id = app.current_event.query_string_parameters.get("fileId")
    if not file_id:
        raise InvalidRequest("Say whose jobs to list: GET /v1/jobs?fileId=<the file's id>.")
    return api.answer({"jobs": [represent.job(job) for job in jobs.of_file(file_id)]})


handler = api.serve(app)
