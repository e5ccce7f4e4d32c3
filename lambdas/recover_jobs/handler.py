"""The recovery: each minute for all jobs, and at once for one whose execution has ended badly.

EventBridge invokes it by a schedule, and by a rule on `Step Functions Execution Status Change`. A
sweep that could not do everything fails when it has done the rest, so that an alarm tells; the next
one comes a minute later.

Permissions: GetItem, BatchGetItem, PutItem and UpdateItem on jobs, Query on their indexes byFile
and byStatus; GetItem and UpdateItem on uploads; BatchGetItem on progress; GetItem and UpdateItem on
slots; StartExecution, ListExecutions, StopExecution, DescribeExecution and GetExecutionHistory on
the machine and its executions; ecs:StopTask on the cluster's tasks; ListBucket,
ListBucketMultipartUploads, and AbortMultipartUpload on `conversions/*`.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.metrics import Metric
from conversion.recover import Load, sweep
from conversion.recovery.arrivals import OLDEST
from conversion.recovery.pipeline import Pipeline
from conversion.recovery.reconcile import settle
from conversion.settings import RecoverJobsSettings
from conversion.stores import clients
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.progress import ProgressTable
from conversion.stores.slots import SlotsTable
from conversion.stores.tasks import Tasks
from conversion.stores.uploads import Uploads
from lambdas.metrics import measure, measured
from lambdas.observability import logger, observed

# A schedule's events carry the minute they are for; the bucket is listed in each fifth of them.
_MINUTES_BETWEEN_LISTINGS = 5
# Objects that landed lately are looked at each time, the others once an hour: each takes two reads,
# and tens of thousands, five minutes.
_RECENT = timedelta(minutes=20)

settings = RecoverJobsSettings.from_env(os.environ)
defaults = settings.conversions
dynamodb = clients.dynamodb(clients.BRISK)
pipeline = Pipeline(
    jobs=Jobs(dynamodb, settings.jobs_table),
    progress=ProgressTable(dynamodb, settings.progress_table),
    uploads=Uploads(dynamodb, settings.uploads_table),
    slots=SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs),
    executions=Executions(clients.step_functions(clients.BRISK), settings.state_machine_arn),
    tasks=Tasks(clients.ecs(clients.BRISK), settings.cluster),
    objects=Objects(clients.s3(clients.BRISK), settings.bucket),
    task=settings.task,
)


class SweepIncomplete(Exception):
    """Something could not be mended; what and why is logged."""


@logger.inject_lambda_context(clear_state=True)
@observed
@measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """What was mended. An event that is no execution's asks for a sweep."""
    if event.get("source") == "aws.states":
        return _settle(event["detail"]["name"])
    look_back = _look_back(event)
    recovered = sweep(pipeline, defaults, settings.retention_days, look_back, tell=_measure)
    measure(Metric.JOBS_RECOVERED, recovered.jobs)
    if recovered.failures:
        raise SweepIncomplete(f"{recovered.failures} repairs failed; see the log.")
    return asdict(recovered)


def _settle(job_id: str) -> dict[str, Any]:
    logger.append_keys(job_id=job_id)
    given_up = int(settle(job_id, pipeline.jobs, pipeline.executions))
    measure(Metric.JOBS_RECOVERED, given_up)
    return {"given_up": given_up}


def _measure(load: Load) -> None:
    measure(Metric.JOBS_RUNNING, load.running)
    measure(Metric.JOBS_STARTING, load.starting)
    measure(Metric.JOBS_WAITING, load.waiting)
    measure(Metric.JOBS_HELD_UP, load.held_up)
    measure(Metric.TASKS_HELD_UP, load.tasks_held_up)


def _look_back(event: dict[str, Any]) -> timedelta | None:
    """Whoever invokes the function by hand wants everything done."""
    minute = int(event["time"][14:16]) if "time" in event else 0
    if minute % _MINUTES_BETWEEN_LISTINGS:
        return None
    return _RECENT if minute else OLDEST
