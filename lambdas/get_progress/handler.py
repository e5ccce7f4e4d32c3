"""GET /v1/jobs/{jobId}/progress, also at /api/progress?jobId=, and GET /v1/progress?jobId= for many
jobs: how far they are, and whether to ask again.

This is what clients poll. What a job's status is, and how far it is, are both answered from memory
where they were read within the last moments (conversion/stores/recent.py), and for a while when
DynamoDB does not answer. Whose a job is never changes and is remembered with it; whether the caller
may see it is asked each time.

Permissions: BatchGetItem and GetItem on jobs, BatchGetItem on progress.
"""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.errors import InvalidRequest
from conversion.job import Standing
from conversion.metrics import Metric
from conversion.progress import shown
from conversion.settings import GetProgressSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.progress_store import progress_store, seconds_remembered
from conversion.stores.recent import RecentProgress, RecentStandings
from conversion.stores.redis_ping import ASK, RedisPing
from lambdas import api, represent
from lambdas.metrics import measure, measured
from lambdas.observability import logger
from lambdas.problems import POLL_SECONDS

# As many as one BatchGetItem reads (DynamoDB API reference).
MOST_JOBS = 100

settings = GetProgressSettings.from_env(os.environ)
dynamodb = clients.dynamodb(clients.SWIFT)
jobs = Jobs(dynamodb, settings.jobs_table)
standings = RecentStandings(jobs)
store = progress_store(settings, dynamodb, unanswered=lambda: measure(Metric.REDIS_FALLBACKS))
recent = RecentProgress(store, seconds_remembered(settings))
redis = RedisPing(settings.redis_host, settings.redis_port)
app = api.resolver()


@app.get("/v1/jobs/<job_id>/progress")
def get_progress(job_id: str) -> Response[Any]:
    logger.append_keys(job_id=job_id)
    caller = api.caller(app, settings)
    standing = standings.read([job_id]).get(job_id)
    if standing is None or not caller.may_see(standing.owner):
        # Whether it has expired, never was, or is another's, is told by the whole record.
        standing = jobs.get(job_id, caller).standing
    last = recent.read([job_id]).get(job_id)
    return _answer(represent.progress(standing, shown(standing, last)), [standing])


@app.get("/api/progress")
def get_progress_by_query() -> Response[Any]:
    job_id = api.query(app, "jobId")
    if job_id is None:
        raise InvalidRequest("Say which job: GET /api/progress?jobId=<id>.")
    return get_progress(job_id)


@app.get("/v1/progress")
def get_progresses() -> Response[Any]:
    caller = api.caller(app, settings)
    wanted = _asked(api.query(app, "jobId") or "")
    known = standings.read(wanted)
    found = {job_id: each for job_id, each in known.items() if caller.may_see(each.owner)}
    last = recent.read(found)
    told = [
        represent.progress(standing, shown(standing, last.get(job_id)))
        for job_id, standing in found.items()
    ]
    not_found = [each for each in wanted if each not in found]
    return _answer({"progress": told, "notFound": not_found}, list(found.values()))


def _asked(job_ids: str) -> list[str]:
    """API Gateway makes one list with commas of a parameter that is repeated (HTTP APIs, payload
    format 2.0)."""
    asked = [each.strip() for each in job_ids.split(",") if each.strip()]
    if not 1 <= len(asked) <= MOST_JOBS:
        raise InvalidRequest(
            f"Say which jobs, 1 to {MOST_JOBS} of them: GET /v1/progress?jobId=<id>,<id>."
        )
    return list(dict.fromkeys(asked))


def _answer(body: dict[str, Any], told: list[Standing]) -> Response[Any]:
    runs = any(not each.status.is_terminal for each in told)
    return api.answer(body, retry_after=POLL_SECONDS if runs else None)


serve = api.serve(app)


@measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The health check, which cannot reach Redis, asks for it here (conversion/stores/)."""
    return redis.ping() if event == ASK else serve(event, context)
