"""ECS tasks, as far as somebody has to stop one.

Permissions: ecs:StopTask on the cluster's tasks. Leaves behind: nothing.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from conversion.errors import RecordsUnavailable


class Tasks:
    """A `conversion.execution.TaskStopper` in one cluster, a name or an ARN."""

    def __init__(self, client: Any, cluster: str) -> None:
        self._client = client
        self._cluster = cluster

    def stop(self, task_arn: str, reason: str) -> None:
        """ECS knows a stopped task for about an hour and then not any more: neither is an error.
        Raises RecordsUnavailable when ECS does not answer."""
        try:
            self._client.stop_task(cluster=self._cluster, task=task_arn, reason=reason)["task"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "InvalidParameterException" and _NOT_FOUND in str(error):
                return
            if code in _PASSING or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise RecordsUnavailable(f"ECS is not answering ({code}); try again.") from error
            raise
        except ParamValidationError:
            raise
        except KeyError as error:
            raise RecordsUnavailable(f"ECS's answer broke off: it has no {error}.") from error
        except BotoCoreError as error:
            raise RecordsUnavailable(f"ECS cannot be reached ({error}); try again.") from error


_NOT_FOUND = "task was not found"
_PASSING = frozenset({"ThrottlingException", "ServerException"})
