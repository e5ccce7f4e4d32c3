"""Adds up what all child executions of a batch told, once they are over: what was converted, what
was skipped, what failed by code.

Invoked by statemachine/batch.asl.json with the key of the Map Run's manifest of results.

Permissions: GetObject on `batches/*`, and ListBucket (without it S3 answers 403, not 404, where
there is no manifest).
"""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.batches.summary import Summary
from conversion.settings import SumUpBatchSettings
from conversion.stores import clients
from conversion.stores.batch_runs import BatchResults
from lambdas.observability import logger, observed

settings = SumUpBatchSettings.from_env(os.environ)
results = BatchResults(clients.s3(), settings.bucket)


@logger.inject_lambda_context(clear_state=True)
@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    summary = Summary()
    for line in results.lines(event["manifest"]):
        summary.add_line(line)
    told = summary.to_item()
    logger.append_keys(batch_id=event["batchId"])
    logger.info("batch over", **{name: told[name] for name in ("files", "skipped", "jobs")})
    return told | {"results": f"s3://{settings.bucket}/{event['manifest']}"}
