"""ECS tasks, as far as somebody has to stop one.

Permissions: ecs:StopTask on the cluster's tasks. Leaves behind: nothing.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from conversion.errors import RecordsUnavailable
from conversion.stores.answers import code_of, outages


class Tasks:
    """A `conversion.execution.TaskStopper` in one cluster, a name or an ARN."""

    def __init__(self, client: Any, cluster: str) -> None:
        self._client = client
        self._cluster = cluster

    def stop(self, task_arn: str, reason: str) -> None:
        """ECS knows a stopped task for about an hour and then not any more: neither is an error.
        Raises RecordsUnavailable when ECS does not answer."""
        try:
            with outages("ECS", RecordsUnavailable, _PASSING):
                self._client.stop_task(cluster=self._cluster, task=task_arn, reason=reason)["task"]
        except ClientError as error:
            if code_of(error) != "InvalidParameterException" or _NOT_FOUND not in str(error):
                raise


_NOT_FOUND = "task was not found"
_PASSING = frozenset({"ThrottlingException", "ServerException"})
