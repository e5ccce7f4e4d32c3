"""A deployment of the real state machine for one job, in the real engine: its own table, task and
machine. The converter is a stand-in that ends by a script (stand_in.py), ECS fails by another
(local/fidelity/rehearsal.py).
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from conversion.job import Job
from conversion.stores.jobs import Jobs
from infra.constructs.converter_task import ConverterTask
from local.child import ROOT, Engine
from tests.contract import examples
from tests.faults import stand_in
from tests.faults.counts import Counts
from tests.local.conftest import ROLE, Machines, eventually

DEFINITION = (ROOT / "statemachine" / "conversion.asl.json").read_text()
# For all tasks of a test together: each is a Python that starts, on a machine that may be busy.
SECONDS = 180


@dataclass
class Flow:
    engine: Engine
    rehearsal: Path
    directory: Path
    fail_execution: str
    counts: Counts
    table: str = field(default_factory=lambda: f"jobs-{uuid4().hex[:8]}")
    job_id: str = field(default_factory=lambda: uuid4().hex)
    execution: str = ""
    _counted: int = 0

    def __post_init__(self) -> None:
        self.machines = Machines(self.engine)
        self.dynamodb = self.engine.client("dynamodb")
        self.jobs = Jobs(self.dynamodb, self.table)
        self.ecs = self.engine.client("ecs")
        self.ecs.create_cluster(clusterName="flow", capacityProviders=["FARGATE", "FARGATE_SPOT"])
        self.create_table()

    def create_table(self, items: list[dict[str, Any]] | None = None) -> None:
        self.dynamodb.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": "jobId", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "jobId", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for item in items or []:
            self.dynamodb.put_item(TableName=self.table, Item=item)

    def start(
        self, script: str, ecs: str = "", convert_seconds: int = 600, all_seconds: int = 600
    ) -> None:
        """The converter ends by the one script, ECS fails by the other."""
        self.rehearsal.write_text(ecs)
        self.continues(script)
        self.jobs.put_if_absent(replace(examples.JOB, job_id=self.job_id))
        definition = json.loads(self._filled())
        definition["TimeoutSeconds"] = all_seconds
        definition["States"]["Convert"]["TimeoutSeconds"] = convert_seconds
        machine = self.machines.client.create_state_machine(
            name=f"m{uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]
        self.execution = self.machines.start(machine, {"jobId": self.job_id}, name=self.job_id)

    def continues(self, script: str) -> None:
        (self.directory / "script").write_text(script)

    def ended(self) -> dict[str, Any]:
        describe = self.machines.client.describe_execution
        deadline = time.monotonic() + SECONDS
        while (found := describe(executionArn=self.execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, self.entered()
            time.sleep(0.1)  # and not oftener: the tasks need the processor
        self._count()
        return found

    def _count(self) -> None:
        """What was not there at the last look."""
        told = [each["type"] for each in self.events()][self._counted :]
        self._counted += len(told)
        tasks, redrives = told.count("TaskSubmitted"), told.count("ExecutionRedriven")
        self.counts("flow", history_events=len(told), tasks=tasks, redrives=redrives)

    def redrive(self) -> dict[str, Any]:
        self.machines.client.redrive_execution(executionArn=self.execution)
        return self.ended()

    @property
    def job(self) -> Job:
        return self.jobs.get(self.job_id)

    @property
    def notes(self) -> list[dict[str, Any]]:
        path = self.directory / "notes"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def words(self) -> list[str]:
        return [each["word"] for each in self.notes]

    def waits_for(self, word: str, times: int = 1) -> None:
        eventually(lambda: self.words.count(word) >= times, SECONDS)

    def events(self) -> list[dict[str, Any]]:
        pages = self.machines.client.get_paginator("get_execution_history").paginate(
            executionArn=self.execution
        )
        return [event for page in pages for event in page["events"]]

    def entered(self) -> list[str]:
        found = [each.get("stateEnteredEventDetails", {}).get("name") for each in self.events()]
        return [each for each in found if each]

    def tasks(self) -> list[dict[str, Any]]:
        """Those that ECS took on, in their order."""
        submitted = [e for e in self.events() if e["type"] == "TaskSubmitted"]
        return [
            json.loads(each["taskSubmittedEventDetails"]["output"])["Tasks"][0]
            for each in submitted
        ]

    def providers(self) -> list[str]:
        return [each["CapacityProviderName"] for each in self.tasks()]

    def items_lost(self) -> list[dict[str, Any]]:
        [lost] = [each["items"] for each in self.notes if each["word"] == "lost"]
        return lost

    def _filled(self) -> str:
        values = {
            "ClusterArn": "flow",
            "TaskDefinition": self._task_definition(),
            "ContainerName": ConverterTask.container_name,
            "Subnets": "subnet-1,subnet-2",
            "AssignPublicIp": "ENABLED",
            "SpotPercent": "100",
            "SecurityGroup": "sg-1",
            "JobsTable": self.table,
            "FailExecution": self.fail_execution,
        }
        text = DEFINITION
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
        assert "${" not in text
        return text

    def _task_definition(self) -> str:
        environment = {
            stand_in.SCRIPT: self.directory / "script",
            stand_in.NOTES: self.directory / "notes",
            stand_in.TABLE: self.table,
        }
        family = f"t{uuid4().hex[:8]}"
        container = {
            "name": ConverterTask.container_name,
            "image": "none",
            "essential": True,
            "entryPoint": ["python", "-m", "tests.faults.stand_in"],
            "environment": [{"name": k, "value": str(v)} for k, v in environment.items()],
        }
        self.ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )
        return family
