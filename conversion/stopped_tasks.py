"""A converter's task that did not end by itself, as ECS tells it: which job it had, and why.

A converter that is killed says nothing any more, and what becomes of its job is the flow's
business. Who runs the deployment wants to know all the same, and most of all when it is often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conversion.errors import InvalidRequest
from conversion.fields import Item
from conversion.metrics import Metric
from conversion.task_runs import has_run_out_of_memory, how_it_ended

SOURCE, DETAIL_TYPE = "aws.ecs", "ECS Task State Change"
# As ECS says that a task ended because its container did; of those, the exits that are the
# converter's own way to end (tasks/converter/__main__.py) are nobody's business.
_BY_ITSELF = "EssentialContainerExited"
_ITS_OWN = (0, 75)
_SPOT = "SpotInterruption"


def pattern(cluster_arn: str) -> Item:
    """Of the events to be heard, as the `detail` of an EventBridge pattern."""
    return {
        "clusterArn": [cluster_arn],
        "lastStatus": ["STOPPED"],
        "$or": [
            {"stopCode": [{"anything-but": [_BY_ITSELF]}]},
            {"containers": {"exitCode": [{"anything-but": list(_ITS_OWN)}]}},
        ],
    }


@dataclass(frozen=True)
class StoppedTask:
    """`task_id` is what the console and the names of log streams call it; `reason` is ours, since
    ECS' names images and accounts. `counted` is the metric it belongs to, if any."""

    job_id: str
    task_id: str
    stop_code: str
    reason: str
    counted: Metric | None

    @classmethod
    def from_event(cls, event: Any) -> StoppedTask:
        """Raises InvalidRequest for what is not the end of a converter's task."""
        try:
            detail = event["detail"]
            task = _as_described(detail)
            (command,) = [
                each["command"]
                for each in detail["overrides"]["containerOverrides"]
                if each.get("command")
            ]
            return cls(
                job_id=command[0],
                task_id=detail["taskArn"].rpartition("/")[2],
                stop_code=task["StopCode"],
                reason=how_it_ended(task),
                counted=_counted(task),
            )
        except (KeyError, TypeError, IndexError, ValueError, AttributeError) as wrong:
            raise InvalidRequest(
                f"This is not the end of a converter's task: {wrong!r}."
            ) from wrong


def _counted(task: Item) -> Metric | None:
    if task["StopCode"] == _SPOT:
        return Metric.SPOT_INTERRUPTIONS
    return Metric.TASKS_OUT_OF_MEMORY if has_run_out_of_memory(task) else None


def _as_described(detail: Item) -> Item:
    """The event's names begin with small letters; Step Functions, which how_it_ended reads after,
    writes those of DescribeTasks with capitals."""
    return {
        "StopCode": detail["stopCode"],
        "StoppedReason": detail.get("stoppedReason", ""),
        "Containers": [
            {
                "Name": each.get("name"),
                "ExitCode": each.get("exitCode"),
                "Reason": each.get("reason"),
            }
            for each in detail["containers"]
        ],
    }
