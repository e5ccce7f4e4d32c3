"""GET /v1/jobs/{jobId}/output, also at /api/download?jobId=, …/waveform.json and …/waveform.png:
send the client to what the job made, under its proper name.

Permissions: GetItem and UpdateItem on jobs; GetObject on `conversions/*`, which the signed URL
borrows.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.download import download_url, waveform_json_url, waveform_png_url
from conversion.errors import InvalidRequest
from conversion.job import Job
from conversion.leaving import let_go
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
    """The first of these lets a job go that is to be deleted after its download."""
    job = let_go(_job(job_id), jobs, settings.download_url_seconds)
    url = download_url(job, objects, settings.download_url_seconds)
    logger.info("download given", bytes=job.output and job.output.bytes, attempt=job.attempt)
    return _sent_to(url)


@app.get("/api/download")
def get_output_by_query() -> Response[Any]:
    job_id = api.query(app, "jobId")
    if job_id is None:
        raise InvalidRequest("Say which job: GET /api/download?jobId=<id>.")
    return get_output(job_id)


@app.get("/v1/jobs/<job_id>/waveform.json")
def get_waveform_json(job_id: str) -> Response[Any]:
    """Peaks in the layout of audiowaveform, which players read; NO_WAVEFORM where none were asked
    for."""
    return _sent_to(waveform_json_url(_job(job_id), objects, settings.download_url_seconds))


@app.get("/v1/jobs/<job_id>/waveform.png")
def get_waveform_png(job_id: str) -> Response[Any]:
    return _sent_to(waveform_png_url(_job(job_id), objects, settings.download_url_seconds))


def _job(job_id: str) -> Job:
    logger.append_keys(job_id=job_id)
    return jobs.get(job_id, api.caller(app, settings))


def _sent_to(url: str) -> Response[Any]:
    return api.answer(None, HTTPStatus.SEE_OTHER, location=url)


handler = api.serve(app)
