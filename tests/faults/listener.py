"""Who listens on the event bus, as any consumer would: a rule, and a queue that it feeds.

Whatever is heard is held to the schema that docs/events/ has for it.
"""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from tests.faults.live import Live

SOURCE = "sluice"
_SCHEMAS = Path(__file__).parents[2] / "docs" / "events"


@dataclass
class Listener:
    """Keeps every event it has heard, in the order of their arrival."""

    live: Live
    rule: str = field(default_factory=lambda: f"listener-{uuid.uuid4().hex[:8]}")
    _url: str = ""
    _heard: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def listen(self) -> None:
        sqs, events = self.live.client("sqs"), self.live.client("events")
        self._url = sqs.create_queue(QueueName=self.rule)["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        events.put_rule(Name=self.rule, EventPattern=json.dumps({"source": [SOURCE]}))
        target = {"Id": "queue", "Arn": asked["Attributes"]["QueueArn"]}
        assert not events.put_targets(Rule=self.rule, Targets=[target])["FailedEntryCount"]

    def heard(self, job_id: str) -> list[dict[str, Any]]:
        """Every event about the job so far."""
        with self._alone:
            self._drain()
            return [each for each in self._heard if each["detail"]["jobId"] == job_id]

    def kinds(self, job_id: str) -> list[str]:
        return [each["detail-type"] for each in self.heard(job_id)]

    def _drain(self) -> None:
        sqs = self.live.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for each in messages:
                self._heard.append(_checked(json.loads(each["Body"])))
                sqs.delete_message(QueueUrl=self._url, ReceiptHandle=each["ReceiptHandle"])


def _checked(event: dict[str, Any]) -> dict[str, Any]:
    """`Conversion Failed` is described in conversion-failed.json."""
    name = event["detail-type"].lower().replace(" ", "-")
    jsonschema.validate(event["detail"], json.loads((_SCHEMAS / f"{name}.json").read_text()))
    assert event["source"] == SOURCE
    return event
