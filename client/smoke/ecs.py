"""A job's task, stopped by ECS as Spot would take it away: what the account's credentials allow.

ECS is asked over HTTP like everything else here (Amazon ECS API reference, "Making requests": JSON
1.1, signed). Permissions: ecs:ListTasks, ecs:DescribeTasks and ecs:StopTask in the cluster.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from client.api import DIRECT
from client.errors import NoCredentials, NotAllowed, UnexpectedAnswer

_TARGET = "AmazonEC2ContainerServiceV20141113"
_ARN = re.compile(r"arn:aws[a-z-]*:ecs:([a-z0-9-]+):\d{12}:cluster/[\w-]+", re.ASCII)
# Of a local engine, which takes any (local/engine.py).
LOCAL_REGION = "us-east-1"
_REASON = "sluice smoke: does its job begin again?"
_DENIED = re.compile("AccessDenied|UnrecognizedClient|InvalidClientTokenId|ExpiredToken")


@dataclass(frozen=True)
class Cluster:
    """`name` or ARN of the cluster that the converter's tasks run in. `endpoint` is another than
    AWS's own."""

    name: str
    region: str
    auth: httpx.Auth | None
    endpoint: str | None = None

    @property
    def url(self) -> str:
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return self.endpoint or f"https://ecs.{self.region}.{suffix}"

    async def stop_task_of(self, job_id: str) -> bool:
        """Whether the job had a task that could be stopped. Raises NotAllowed where we may not."""
        async for arns in self._pages_of_tasks():
            found = await self._ask("DescribeTasks", tasks=arns)
            for task in found.get("tasks") or ():
                if _converts(task, job_id) and task.get("lastStatus") == "RUNNING":
                    await self._ask("StopTask", task=task["taskArn"], reason=_REASON)
                    return True
        return False

    async def _pages_of_tasks(self) -> AsyncIterator[list[str]]:
        """A hundred ARNs at a time, which is what DescribeTasks takes (API reference)."""
        further: dict[str, str] = {}
        while True:
            listed = await self._ask("ListTasks", desiredStatus="RUNNING", **further)
            if arns := [str(each) for each in listed.get("taskArns") or ()]:
                yield arns
            if not (token := listed.get("nextToken")):
                return
            further = {"nextToken": str(token)}

    async def _ask(self, action: str, **body: Any) -> Mapping[str, Any]:
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{_TARGET}.{action}",
        }
        async with httpx.AsyncClient(auth=self.auth, timeout=30.0, mounts=DIRECT) as http:
            try:
                answer = await http.post(
                    self.url, json={"cluster": self.name, **body}, headers=headers
                )
            except httpx.TransportError as error:
                raise UnexpectedAnswer(f"{self.url} does not answer ({error}).") from error
        if answer.is_error:
            raise self._refused(action, answer)
        told: Mapping[str, Any] = answer.json()
        return told

    def _refused(self, action: str, answer: httpx.Response) -> Exception:
        told = answer.text[:300]
        if _DENIED.search(told):
            return NotAllowed(
                f"These credentials may not ecs:{action} in {self.name}: renew them, or grant them "
                "ecs:ListTasks, ecs:DescribeTasks and ecs:StopTask there (docs/deploy.md), or "
                f"leave --cluster out. AWS says: {told}"
            )
        return UnexpectedAnswer(f"ECS refused {action} with {answer.status_code}: {told}")


def named(cluster: str, region: str | None, profile: str | None) -> Cluster:
    """With the credentials that the AWS CLI would take, and the endpoint it would: AWS's, or what
    AWS_ENDPOINT_URL_ECS names (AWS SDKs and tools reference guide). Raises NoCredentials."""
    from client.signing import signature  # botocore: 0.4 s, for those alone who need it

    match = _ARN.fullmatch(cluster)
    region = match[1] if match else region
    if region is None:
        raise NoCredentials("--cluster NAME needs --region; its ARN tells it.")
    auth = signature(profile, region, "ecs")
    if auth is None:
        raise NoCredentials("--cluster needs AWS credentials, to stop a task: aws configure.")
    return Cluster(cluster, region, auth, os.environ.get("AWS_ENDPOINT_URL_ECS"))


def _converts(task: Any, job_id: str) -> bool:
    """The state machine gives the job's id to the container as its first argument."""
    overrides = (task.get("overrides") or {}).get("containerOverrides") or ()
    return any((each.get("command") or [None])[0] == job_id for each in overrides)
