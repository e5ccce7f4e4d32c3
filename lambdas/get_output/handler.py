"""GET /v1/jobs/{jobId}/output, …/waveform.json and …/waveform.png: send the client to what the job
made, under its proper name.

Permissions: GetItem on jobs; GetObject on `conversions/*`, which the signed URL borrows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.download import (
    DownloadSigner,
    download_url,
    waveform_json_url,
    waveform_png_url,
)
from conversion.job import Job
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
    return _sent_to(download_url, job_id)


@app.get("/v1/jobs/<job_id>/waveform.json")
def get_waveform_json(job_id: str) -> Response[Any]:
    """Peaks in the layout of audiowaveform, which players read; NO_WAVEFORM where none were asked
    for."""
    return _sent_to(waveform_json_url, job_id)


@app.get("/v1/jobs/<job_id>/waveform.png")
def get_waveform_png(job_id: str) -> Response[Any]:
    return _sent_to(waveform_png_url, job_id)


def _sent_to(url_of: Callable[[Job, DownloadSigner, int], str], job_id: str) -> Response[Any]:
    logger.append_keys(job_id=job_id)
    url = url_of(jobs.get(job_id), objects, settings.download_url_seconds)
    return api.answer(None, HTTPStatus.SEE_OTHER, location=url)


handler = api.serve(app)
