"""DELETE /v1/jobs/{jobId}: cancel a job that is not over.

Permissions: GetItem and UpdateItem on jobs; StopExecution and DescribeExecution on the machine's
executions.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.cancel import cancel
from conversion.settings import CancelJobSettings
from conversion.stores import clients
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from lambdas import api, represent
from lambdas.observability import logger

settings = CancelJobSettings.from_env(os.environ)
jobs = Jobs(clients.dynamodb(clients.BRISK), settings.jobs_table)
executions = Executions(clients.step_functions(clients.SWIFT), settings.state_machine_arn)
app = api.resolver()


@app.delete("/v1/jobs/<job_id>")
def cancel_job(job_id: str) -> Response[Any]:
    logger.append_keys(job_id=job_id)
    job = cancel(job_id, jobs, executions, api.caller(app, settings))
    logger.info("job cancelled", attempt=job.attempt)
    return api.answer(represent.job(job), HTTPStatus.ACCEPTED)


handler = api.serve(app)
