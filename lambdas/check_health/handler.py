"""GET /v1/health: whether the services behind the API answer, and what there is room for.

Permissions: ListBucket on the bucket; BatchGetItem on jobs, progress, uploads and slots, GetItem on
slots, Query on jobs' and uploads' index byStatus; DescribeStateMachine; ecs:DescribeClusters,
ecs:DescribeTaskDefinition (which takes no resource); where there is a Redis, InvokeFunction on its
reader. Of botocore's data it needs `s3`, `dynamodb`, `stepfunctions`, `ecs` and `lambda`.
"""

from __future__ import annotations

import os
import time
from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.health import Capacity, Check, Health, State, count, look
from conversion.settings import CheckHealthSettings
from conversion.stores import clients, vital_signs
from conversion.stores.jobs import Jobs
from conversion.stores.slots import SlotsTable
from conversion.stores.uploads import Uploads
from lambdas import api, observed
from lambdas.problems import OUTAGE_SECONDS

# The function ends after 10 s, and Redis' reader may have to start first: in a VPC some seconds.
DEADLINE_SECONDS = 6.0
# Who watches asks every few seconds, and many may: each reading is some ten calls.
REMEMBERED_SECONDS = 2.0

settings = CheckHealthSettings.from_env(os.environ)
dynamodb = clients.dynamodb(clients.ONCE)
jobs = Jobs(dynamodb, settings.jobs_table)
uploads = Uploads(dynamodb, settings.uploads_table)
slots = SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs)
most = Capacity(settings.max_running_jobs, settings.max_waiting_jobs, settings.max_open_uploads)
app = api.resolver()

_KEYS = {
    settings.jobs_table: "jobId",
    settings.progress_table: "jobId",
    settings.uploads_table: "fileId",
    settings.slots_table: "name",
}

checks = [
    Check(
        "s3",
        partial(vital_signs.bucket, clients.s3(clients.ONCE), settings.bucket),
        "The store of the files does not answer: nothing can be uploaded, converted or downloaded. "
        "Try again in some minutes; an operator looks whether the bucket is there and S3 is well.",
        is_vital=True,
    ),
    Check(
        "dynamodb",
        partial(vital_signs.tables, dynamodb, _KEYS),
        "The records do not answer: no job can be created or looked up, and those that run are "
        "tried again. Try again in some minutes; an operator looks whether the tables are there "
        "and DynamoDB is well.",
        is_vital=True,
    ),
    Check(
        "stepFunctions",
        partial(vital_signs.flow, clients.step_functions(clients.ONCE), settings.state_machine_arn),
        "New jobs cannot be started: they are kept, and begin by themselves within a minute after "
        "it is back. An operator looks whether the state machine is there and Step Functions is "
        "well.",
    ),
    Check(
        "ecs",
        partial(
            vital_signs.converter,
            clients.ecs(clients.ONCE),
            settings.cluster,
            settings.task_definition,
        ),
        "Converters cannot be started: jobs wait, and are tried again for hours. An operator looks "
        "whether the cluster and the task definition are active and ECS is well.",
    ),
]
if settings.redis_reader:
    checks.append(
        Check(
            "redis",
            partial(vital_signs.redis, clients.lambda_(clients.PROBE), settings.redis_reader),
            "Progress is read from the records alone: it is right, and about a second older. "
            "Nothing is lost, and nothing needs to be done by who converts; an operator looks "
            "whether the cache is there.",
        )
    )


class Memory:
    """The last answer, which tells of its own time."""

    def __init__(self) -> None:
        self.until = float("-inf")
        self.state = State.OK
        self.body: dict[str, Any] = {}

    def keep(self, found: Health) -> None:
        self.state, self.body = found.state, observed.health(found)
        self.until = time.monotonic() + REMEMBERED_SECONDS


memory = Memory()


@app.get("/v1/health")
@app.get("/api/health")
def get_health() -> Response[Any]:
    if time.monotonic() >= memory.until:
        memory.keep(look(checks, most, _count, DEADLINE_SECONDS))
    if memory.state is State.DOWN:
        return api.answer(memory.body, HTTPStatus.SERVICE_UNAVAILABLE, retry_after=OUTAGE_SECONDS)
    return api.answer(memory.body)


def _count() -> Capacity:
    return count(slots, jobs, uploads, most)


handler = api.serve(app)
