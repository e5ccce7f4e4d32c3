"""What ECS tells of a task that Spot took away, that ran out of memory, or that was stopped: logged
with the job it had, and counted.

Nothing is mended here: the flow starts another task, and the converter's next attempt takes over.

Permissions: none.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.stopped_tasks import StoppedTask
from lambdas.metrics import measure, measured
from lambdas.observability import logger, observed


@logger.inject_lambda_context(clear_state=True)
@observed
@measured
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    task = StoppedTask.from_event(event)
    logger.append_keys(job_id=task.job_id, task=task.task_id)
    logger.warning("a task was ended", stop_code=task.stop_code, reason=task.reason)
    if task.counted is not None:
        measure(task.counted)
