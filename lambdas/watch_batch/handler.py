"""Looks how the jobs of some files of a batch stand, until all are over.

Invoked by statemachine/batch.asl.json with what feed_batch, or the look before, has answered.

Permissions: BatchGetItem on jobs.
"""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.batches.progress import Chunk
from conversion.settings import WatchBatchSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from lambdas.observability import logger, observed

settings = WatchBatchSettings.from_env(os.environ)
jobs = Jobs(clients.dynamodb(clients.BRISK), settings.jobs_table)


@logger.inject_lambda_context(clear_state=True)
@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    chunk = Chunk.from_item(event)
    return chunk.looked_at(jobs.standings(chunk.running)).to_item()
