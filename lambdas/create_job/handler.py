"""POST /v1/jobs: convert a file that is there already, once more or into something else.

A job that is written is accepted, whether it starts at once, waits for a slot or, in an outage, for
the recovery. When too many wait already none is written.

Permissions: GetItem on uploads; PutItem on jobs and Query on its index byStatus; GetItem and
UpdateItem on slots; GetObject on `uploads/*` and ListBucket (without it S3 answers 403, not 404,
for an object that has not arrived); StartExecution.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.conversion import Conversion
from conversion.errors import InvalidRequest
from conversion.fields import object_of
from conversion.settings import CreateJobSettings
from conversion.start import start_for_request
from conversion.stores import clients
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.slots import SlotsTable
from conversion.stores.uploads import Uploads
from lambdas import api, represent
from lambdas.observability import logger
from lambdas.problems import POLL_SECONDS

settings = CreateJobSettings.from_env(os.environ)
dynamodb = clients.dynamodb(clients.BRISK)
uploads = Uploads(dynamodb, settings.uploads_table)
jobs = Jobs(dynamodb, settings.jobs_table)
slots = SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs)
objects = Objects(clients.s3(clients.BRISK), settings.bucket)
executions = Executions(clients.step_functions(clients.SWIFT), settings.state_machine_arn)
app = api.resolver()


@app.post("/v1/jobs")
def create_job() -> Response[Any]:
    file_id, conversion = _asked(api.json_object(app))
    job = start_for_request(
        file_id,
        conversion,
        uploads,
        objects,
        jobs,
        slots,
        executions,
        settings.max_waiting_jobs,
        settings.retention_days,
    )
    logger.append_keys(job_id=job.job_id)
    logger.info("job created", file_id=file_id, conversion=str(conversion), bytes=job.source.bytes)
    return api.answer(
        represent.job(job),
        HTTPStatus.ACCEPTED,
        location=f"/v1/jobs/{job.job_id}",
        retry_after=POLL_SECONDS,
    )


def _asked(body: dict[str, Any]) -> tuple[str, Conversion]:
    """Read `{fileId, conversion}`: a `format` or a `preset`, and what conversion/conversion.py
    takes beside it."""
    body = object_of(body, "A job", ("fileId", "conversion"))
    file_id = body.get("fileId")
    if not isinstance(file_id, str) or not file_id:
        raise InvalidRequest('"fileId" is the id that POST /v1/uploads answered with.')
    if body.get("conversion") is None:
        raise InvalidRequest('"conversion" says what to make, like {"format": "mp3"}.')
    return file_id, Conversion.from_request(body.get("conversion"))


handler = api.serve(app)
