"""Cleans up: every hour, and when a person asks for it by POST /v1/cleanup.

Both do the same. An hourly run may take almost as long as a function can, and fails when it has
done the rest if something could not be removed, so that an alarm tells. One that is asked for must
answer before API Gateway gives up, and says `"complete": false` when there is more to do: asked
again, it goes on, because what it has removed is gone.

Permissions: Query on the indexes byStatus, byFile and byLeaving, GetItem, BatchGetItem and
DeleteItem on jobs; GetItem and DeleteItem on uploads; DeleteItem on progress; ListBucket,
ListBucketMultipartUploads; DeleteObject, AbortMultipartUpload and, because S3 wants it for a delete
with a condition, GetObject on `uploads/*`; DeleteObject and AbortMultipartUpload on
`conversions/*`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.cleaned import Cleaned
from conversion.cleanup import clean_up
from conversion.errors import InvalidRequest, SluiceError
from conversion.fields import object_of
from conversion.settings import CleanUpSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.progress import ProgressTable
from conversion.stores.uploads import Uploads
from lambdas import api
from lambdas.observability import logger, observed

settings = CleanUpSettings.from_env(os.environ)
dynamodb = clients.dynamodb()
jobs = Jobs(dynamodb, settings.jobs_table)
uploads = Uploads(dynamodb, settings.uploads_table)
# What Redis holds of a job's progress expires by itself, and is not read without the job.
progress = ProgressTable(dynamodb, settings.progress_table)
objects = Objects(clients.s3(), settings.bucket)
app = api.resolver()

# API Gateway gives up after 30 s (HTTP API quotas, "Maximum integration timeout"). What begins in
# the last moment of these may be a page of a listing and a delete of what was on it.
REQUEST_SECONDS = 20.0
# What a scheduled run leaves of its function's time, for the same and for its log.
MARGIN_SECONDS = 60.0
# As many failures as are told one by one; an outage makes one of every object.
_MOST_TOLD = 20


class CleanUpIncomplete(Exception):
    """Something could not be removed; what and why is logged. The next hour tries again."""


@app.post("/v1/cleanup")
def post_cleanup() -> Response[Any]:
    end = time.monotonic() + REQUEST_SECONDS
    cleaned = _clean_up(_asked(api.json_object(app)), lambda: time.monotonic() < end)
    return api.answer(cleaned.to_item(), HTTPStatus.OK)


def _asked(body: dict[str, Any]) -> bool:
    """Read `{dryRun?}`."""
    dry_run = object_of(body, "A clean-up", ("dryRun",)).get("dryRun")
    if dry_run is None:
        return False
    if not isinstance(dry_run, bool):
        raise InvalidRequest('"dryRun" is true or false.')
    return dry_run


def _clean_up(dry_run: bool, in_time: Callable[[], bool]) -> Cleaned:
    cleaned = clean_up(jobs, uploads, objects, progress, settings.retention_days, dry_run, in_time)
    for kind, error in cleaned.failures[:_MOST_TOLD]:
        code = error.code if isinstance(error, SluiceError) else type(error).__name__
        logger.error("not removed", kind=kind.value, code=code, exc_info=error)
    logger.info("cleaned up", **cleaned.to_item())
    return cleaned


serve = api.serve(app)


@logger.inject_lambda_context(clear_state=True)
@observed
def _scheduled(_: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    end = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    cleaned = _clean_up(False, lambda: time.monotonic() < end)
    if cleaned.failures:
        raise CleanUpIncomplete(f"{len(cleaned.failures)} removals failed; see the log.")
    return cleaned.to_item()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A request says which route it came by; the schedule's event has none."""
    return serve(event, context) if "routeKey" in event else _scheduled(event, context)
