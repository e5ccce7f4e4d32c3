"""GET /v1/jobs/{jobId}/progress: how far a job is, and whether to ask again.

Permissions: GetItem on jobs, BatchGetItem on progress.
"""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.progress import shown
from conversion.settings import GetProgressSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.progress import ProgressTable
from lambdas import api, represent
from lambdas.observability import logger
from lambdas.problems import POLL_SECONDS

settings = GetProgressSettings.from_env(os.environ)
dynamodb = clients.dynamodb(clients.BRISK)
jobs = Jobs(dynamodb, settings.jobs_table)
progress = ProgressTable(dynamodb, settings.progress_table)
app = api.resolver()


@app.get("/v1/jobs/<job_id>/progress")
def get_progress(job_id: str) -> Response[Any]:
    logger.append_keys(job_id=job_id)
    job = jobs.get(job_id)
    last = progress.read([job_id]).get(job_id)
    return api.answer(
        represent.progress(job, shown(job, last)),
        retry_after=None if job.status.is_terminal else POLL_SECONDS,
    )


handler = api.serve(app)
