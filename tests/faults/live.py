"""The real pipeline on this machine, as the campaigns use it: HTTP for what a client does, the
engine's AWS APIs for what an operator sees."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from botocore.config import Config

from local.pipeline import Pipeline
from tests.end_to_end import journey

# Nothing here is slow by itself; on a machine that is busy with other things it may be.
PATIENCE_SECONDS = 120.0
OVER = ("completed", "failed", "cancelled")
# What the flow's waits and pauses are multiplied with: those of production take minutes.
WAIT_SCALE = 0.01
_MANY_AT_ONCE = Config(max_pool_connections=50)

T = TypeVar("T")


@dataclass
class Live:
    """`script` is what the engine's RunTask goes by (local/fidelity/rehearsal.py)."""

    pipeline: Pipeline
    http: httpx.Client
    script: Path
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return self.pipeline.api

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.pipeline.engine.client(service, _MANY_AT_ONCE)
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def resource(self, kind: str, containing: str = "") -> str:
        """The physical id of the one resource of this CloudFormation type and partial name."""
        found = self.pipeline.deployment.resources[kind]
        [one] = [each for each in found if containing.lower() in each.lower()]
        return one

    @property
    def bucket(self) -> str:
        return self.pipeline.deployment.output("BucketName")

    @property
    def state_machine(self) -> str:
        return self.resource("AWS::StepFunctions::StateMachine")

    @property
    def queue(self) -> str:
        return self.resource("AWS::SQS::Queue", "ArrivalsQueue")

    def in_queue(self, url: str) -> int:
        """Messages in a queue, also those that somebody works on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        asked = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(map(int, asked["Attributes"].values()))

    def scale_waits(self, factor: float) -> None:
        body = json.dumps({"stepfunctions._SFN_WAIT_SCALE": factor}).encode()
        url = f"{self.pipeline.engine.url}/_ministack/config"
        with urllib.request.urlopen(urllib.request.Request(url, body, method="POST")) as answer:
            assert json.load(answer)["applied"]

    @contextmanager
    def rehearsing(self, *words: str) -> Iterator[None]:
        """What the next calls of RunTask meet; all is well again after the block."""
        self._rehearse(" ".join(words))
        try:
            yield
        finally:
            self._rehearse("")

    def _rehearse(self, script: str) -> None:
        """In one step: the engine may be reading what was there."""
        whole = self.script.with_suffix(".new")
        whole.write_text(script)
        whole.replace(self.script)

    def no_capacity(self) -> AbstractContextManager[None]:
        return self.rehearsing("no-capacity*")

    # What a client does.

    def upload(self, path: Path, *conversions: dict[str, Any]) -> str:
        return journey.send(self.api, path, *conversions)

    def start(self, file_id: str, **conversion: Any) -> str:
        body = {"fileId": file_id, "conversion": conversion}
        answer = self.http.post(f"{self.api}/jobs", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()["jobId"]

    def cancel(self, job_id: str) -> httpx.Response:
        return self.http.delete(f"{self.api}/jobs/{job_id}")

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.http.get(f"{self.api}/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def over(self, job_id: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The job once it is over."""
        return eventually(
            lambda: job if (job := self.job(job_id))["status"] in OVER else None,
            seconds,
            f"job {job_id} to be over",
        )

    def output(self, job_id: str) -> str:
        """A digest of the job's output, fetched as a client fetches it."""
        return hashlib.sha256(journey.fetch(self.api, job_id, "output").content).hexdigest()

    # What an operator sees.

    def execution_arn(self, job_id: str) -> str:
        return self.state_machine.replace(":stateMachine:", ":execution:") + f":{job_id}"

    def execution(self, job_id: str) -> dict[str, Any]:
        return self.client("stepfunctions").describe_execution(
            executionArn=self.execution_arn(job_id)
        )

    def ended(self, job_id: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The job's execution once it has ended: moments after the job is over."""
        return eventually(
            lambda: found if (found := self.execution(job_id))["status"] != "RUNNING" else None,
            seconds,
            f"the execution of job {job_id} to end",
        )

    def history(self, job_id: str) -> list[dict[str, Any]]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        found = pages.paginate(executionArn=self.execution_arn(job_id))
        return [event for page in found for event in page["events"]]

    def tasks_of(self, job_id: str) -> int:
        """How many ECS tasks the execution has started."""
        return sum(
            event["type"] == "TaskSubmitted"
            and event["taskSubmittedEventDetails"]["resource"] == "runTask.sync"
            for event in self.history(job_id)
        )

    def states(self, job_id: str) -> list[str]:
        """The states that the execution has entered so far, in order."""
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in self.history(job_id)
            if "stateEnteredEventDetails" in event
        ]

    def executions(self, job_id: str) -> list[str]:
        """The status of the job's execution, once it has ended; none when it was never started."""
        try:
            return [self.ended(job_id)["status"]]
        except self.client("stepfunctions").exceptions.ExecutionDoesNotExist:
            return []

    def holders(self) -> set[str]:
        """The jobs that hold a slot."""
        table = self.resource("AWS::DynamoDB::Table", "slots")
        items = self.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
        return {job_id for item in items for job_id in item.get("holders", {}).get("SS", [])}

    def outputs(self, job_id: str) -> list[str]:
        """The keys of every object under the job's prefix."""
        found = self.client("s3").list_objects_v2(
            Bucket=self.bucket, Prefix=f"conversions/{job_id}/"
        )
        return [each["Key"] for each in found.get("Contents", [])]

    def open_uploads(self, job_id: str) -> list[str]:
        found = self.client("s3").list_multipart_uploads(Bucket=self.bucket)
        return [each["Key"] for each in found.get("Uploads", []) if job_id in each["Key"]]


def eventually(ask: Callable[[], T | None], seconds: float, what: str, pause: float = 0.05) -> T:
    """The first answer that is true; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := ask():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)
