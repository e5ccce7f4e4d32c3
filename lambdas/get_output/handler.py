"""GET /v1/jobs/{jobId}/output: send the client to the finished file, under its proper name.

Permissions: GetItem on jobs; GetObject on `conversions/*`, which the signed URL borrows.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.download import download_url
from conversion.settings import GetOutputSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from lambdas import api
from lambdas.observability import logger

settings = GetOutputSettings.from_env(os.environ)
jobs = Jobs(clients.dynamodb(clients.BRISK), settings.jobs_table)
objects = Objects(clients.s3(clients.BRISK), settings.bucket)
app = api.resolver()


@app.get("/v1/jobs/<job_id>/output")
def get_output(job_id: str) -> Response[Any]:
    logger.append_keys(job_id=job_id)
    url = download_url(jobs.get(job_id), objects, settings.download_url_seconds)
    return api.answer(None, HTTPStatus.SEE_OTHER, location=url)


handler = api.serve(app)
