"""Ends an execution with its job's own code: what the flow's last state calls for a failed job.

Step Functions takes the class of what a function raises for the error's name, so that an operator
finds `TRUNCATED_INPUT` where the execution failed. A Fail state would say the same, but a redrive
enters it again and it fails again; this returns instead, and the flow converts the job once more.

Permissions: none. It imports neither boto3 nor the stores, to cost next to nothing.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.observability import logger


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    logger.append_keys(job_id=event["jobId"], code=event["code"])
    if event["redriven"]:
        logger.info("redriven: the job is converted again")
        return
    logger.info("the execution fails as its job did")
    raise failure(event["code"], event["message"])


def failure(code: str, message: str) -> Exception:
    """An exception whose class is named as the code: Lambda reports that name as `errorType`."""
    return type(code, (Exception,), {})(message)
