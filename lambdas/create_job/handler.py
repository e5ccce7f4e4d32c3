"""POST /v1/jobs: convert a file that is there already, once more or into something else.

A job that is written is accepted, whether it starts at once, waits for a slot or, in an outage, for
the recovery. When too many wait already none is written.

Permissions: GetItem on uploads; PutItem and GetItem on jobs and Query on its index byStatus;
GetItem and UpdateItem on slots; PutItem, GetItem, UpdateItem and DeleteItem on idempotency;
GetObject on `uploads/*` and ListBucket (without it S3 answers 403, not 404, for an object that has
not arrived); StartExecution.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.callers import Caller
from conversion.job import Job
from conversion.settings import CreateJobSettings
from conversion.start import Asked, start_for_request
from conversion.stores import clients
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.slots import SlotsTable
from conversion.stores.uploads import Uploads
from lambdas import api, represent
from lambdas.idempotency import Idempotency
from lambdas.observability import logger
from lambdas.problems import POLL_SECONDS

settings = CreateJobSettings.from_env(os.environ)
dynamodb = clients.dynamodb(clients.BRISK)
uploads = Uploads(dynamodb, settings.uploads_table)
jobs = Jobs(dynamodb, settings.jobs_table)
slots = SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs)
objects = Objects(clients.s3(clients.BRISK), settings.bucket)
executions = Executions(clients.step_functions(clients.SWIFT), settings.state_machine_arn)
idempotency = Idempotency(settings.idempotency_table, dynamodb, "POST /v1/jobs")
app = api.resolver()


@app.post("/v1/jobs")
@app.post("/api/convert-audio")
def create_job() -> Response[Any]:
    caller = api.caller(app, settings)
    body = api.json_object(app)
    nonce = idempotency.nonce(app, caller, body)
    made: dict[str, Job] = {}

    def make(body: dict[str, Any]) -> str:
        job = _start(Asked.from_request(body), caller, nonce)
        made[job.job_id] = job
        return job.job_id

    job_id = idempotency.once(app, caller, body, make)
    job = made.get(job_id) or jobs.get(job_id)
    return api.answer(
        represent.job(job),
        HTTPStatus.ACCEPTED,
        location=f"/v1/jobs/{job_id}",
        retry_after=None if job.status.is_terminal else POLL_SECONDS,
    )


def _start(asked: Asked, caller: Caller, nonce: str) -> Job:
    job = start_for_request(
        asked,
        caller,
        nonce,
        uploads,
        objects,
        jobs,
        slots,
        executions,
        settings.max_waiting_jobs,
        settings.retention_days,
        settings.task,
    )
    logger.append_keys(job_id=job.job_id)
    told = str(asked.conversion)
    logger.info("job created", file_id=job.file_id, conversion=told, bytes=job.source.bytes)
    return job


handler = api.serve(app)
