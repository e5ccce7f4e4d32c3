"""Executions of the state machine, named by the job id.

Permissions: StartExecution. Leaves behind: the execution's history, 90 days (Step Functions quota).
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from conversion.errors import RecordsUnavailable


class Executions:
    """A `conversion.start.ExecutionStarter` on Step Functions."""

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, job_id: str) -> None:
        """Start the job's execution; one that exists already is what was wanted.

        A standard execution's name stays taken for 90 days, with the same input StartExecution is
        idempotent while it runs (Step Functions API reference). Raises RecordsUnavailable when
        Step Functions does not answer, so that the queue delivers the event again; access and
        validation errors stay as they are, they are ours.
        """
        try:
            self._client.start_execution(
                stateMachineArn=self._state_machine_arn,
                name=job_id,
                input=json.dumps({"jobId": job_id}),
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ExecutionAlreadyExists":
                return
            if code not in _PASSING and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise
            raise RecordsUnavailable(
                f"Step Functions does not start job {job_id} ({code}); try again."
            ) from error
        except ParamValidationError:
            raise
        except BotoCoreError as error:
            raise RecordsUnavailable(
                f"Step Functions cannot be reached ({error}); try again."
            ) from error


# StartExecution's errors that pass: its rate, and the quota of open executions (1,000,000).
_PASSING = frozenset({"ThrottlingException", "ExecutionLimitExceeded"})
