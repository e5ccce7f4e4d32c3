"""The stores that jobs live in, all of them, in moto's AWS, and what can happen to a job there.

Time is what `clock` says: a test moves it on instead of writing old records.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.s3.models import s3_backends
from moto.stepfunctions.models import stepfunctions_backends

from conversion.callers import ANYBODY
from conversion.conversion import Conversion
from conversion.events import ObjectCreated
from conversion.execution import ExecutionStatus, SubmittedTask
from conversion.job import Job
from conversion.progress import Progress, Stage
from conversion.recover import Recovered, sweep
from conversion.recovery.pipeline import Pipeline
from conversion.start import Asked, begin, start_for_object, start_for_request, start_waiting
from conversion.stores import clients
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.progress import ProgressTable
from conversion.stores.slots import SlotsTable
from conversion.stores.uploads import Uploads
from conversion.uploads import UploadStatus
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET, FILE_ID, OUTPUT, SOURCE

STATE_MACHINE = f"arn:aws:states:{pretend.REGION}:{pretend.ACCOUNT}:stateMachine:conversion"
DEFAULTS = (Conversion("mp3"), Conversion("opus", 96))
RETENTION_DAYS = 7


@dataclass
class Clock:
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def advance(self, **time: float) -> None:
        self.offset += timedelta(**time)

    @contextmanager
    def jumped(self, minutes: float) -> Iterator[None]:
        """One machine's clock, for as long as only that machine works."""
        self.offset += timedelta(minutes=minutes)
        yield
        self.offset -= timedelta(minutes=minutes)


def modules_with_a_clock() -> list[Any]:
    return [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("conversion.") and hasattr(module, "utc_now")
    ]


class Flow(Executions):
    """moto runs no tasks, and keeps no history of them: it is what was said here."""

    def __init__(self, client: Any) -> None:
        super().__init__(client, STATE_MACHINE)
        self.tasks: dict[str, SubmittedTask] = {}

    def newest_task(self, job_id: str) -> SubmittedTask | None:
        return self.tasks.get(job_id)


class Cluster:
    """moto's ECS takes seconds to come up; conversion/stores/tasks.py has tests of its own."""

    def __init__(self) -> None:
        self.stopped: dict[str, str] = {}

    def stop(self, task_arn: str, reason: str) -> None:
        self.stopped[task_arn] = reason


@dataclass
class World:
    clock: Clock
    most: int = 100
    dynamodb: Any = field(default_factory=clients.dynamodb)
    s3: Any = field(default_factory=clients.s3)
    step_functions: Any = field(default_factory=clients.step_functions)

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.dynamodb, tables.JOBS)
        self.progress = ProgressTable(self.dynamodb, tables.PROGRESS)
        self.uploads = Uploads(self.dynamodb, tables.UPLOADS)
        self.executions = Flow(self.step_functions)
        self.tasks = Cluster()
        self.objects = Objects(self.s3, BUCKET)

    def create(self) -> None:
        tables.create_tables(self.dynamodb)
        self.s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": pretend.REGION}
        )
        self.step_functions.create_state_machine(
            name="conversion",
            definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
            roleArn=f"arn:aws:iam::{pretend.ACCOUNT}:role/flow",
        )

    @property
    def slots(self) -> SlotsTable:
        return SlotsTable(self.dynamodb, tables.SLOTS, self.most)

    # What happens to jobs.

    def land(self, created: ObjectCreated) -> list[Job]:
        return start_for_object(
            created,
            DEFAULTS,
            self.uploads,
            self.jobs,
            self.slots,
            self.executions,
            RETENTION_DAYS,
        )

    def request(self, file_id: str = FILE_ID, most_waiting: int = 1000) -> Job:
        return start_for_request(
            Asked(file_id, Conversion("wav")),
            ANYBODY,
            uuid.uuid4().hex,
            self.uploads,
            self.objects,
            self.jobs,
            self.slots,
            self.executions,
            most_waiting,
            RETENTION_DAYS,
        )

    def a_job(self, job_id: str = "job", **changes: Any) -> Job:
        """A new job of this moment, in no store yet."""
        return replace(
            Job.new(job_id, FILE_ID, SOURCE, Conversion("mp3"), RETENTION_DAYS), **changes
        )

    def begin(self, job_id: str = "job") -> Job:
        """A job that is started where a slot is free."""
        job = self.a_job(job_id)
        begin([job], self.jobs, self.slots, self.executions)
        return job

    def claim(self, job_id: str = "job") -> Job:
        """As `begin`, and its converter has claimed it."""
        self.begin(job_id)
        return self.jobs.claim(job_id, RETENTION_DAYS)

    def complete(self, job_id: str = "job") -> None:
        self.claim(job_id)
        self.jobs.complete(job_id, 1, OUTPUT)

    def report(self, job_id: str = "job", attempt: int = 1, percent: float = 10) -> None:
        self.progress.report(job_id, Progress(attempt, Stage.CONVERTING, percent))

    def upload_status(self, file_id: str = FILE_ID) -> UploadStatus | None:
        upload = self.uploads.find(file_id)
        return upload and upload.status

    def start_waiting(self) -> list[str]:
        return start_waiting(self.jobs, self.slots, self.executions)

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline(
            self.jobs,
            self.progress,
            self.uploads,
            self.slots,
            self.executions,
            self.tasks,
            self.objects,
        )

    def sweep(self, pause: Any = lambda seconds: None, **options: Any) -> Recovered:
        return sweep(self.pipeline, DEFAULTS, RETENTION_DAYS, pause=pause, **options)

    # What is to be seen of it.

    def status(self, job_id: str = "job") -> str:
        return self.jobs.get(job_id).status.value

    def started(self) -> list[str]:
        """The executions there are, whatever has become of them."""
        listed = self.step_functions.list_executions(stateMachineArn=STATE_MACHINE)
        return sorted(each["name"] for each in listed["executions"])

    def execution(self, job_id: str = "job") -> ExecutionStatus | None:
        return self.executions.status(job_id)

    # What moto does not do by itself.

    def end_execution(self, job_id: str, status: str) -> None:
        [machine] = stepfunctions_backends[pretend.ACCOUNT][pretend.REGION].state_machines
        [execution] = [each for each in machine.executions if each.name == job_id]
        execution.status = status

    def put_object(self, key: str, minutes_ago: float, body: bytes = b"RIFF1234") -> ObjectCreated:
        """Put an object, and return its event."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        stored = s3_backends[pretend.ACCOUNT]["aws"].buckets[BUCKET].keys[key]
        stored.last_modified = self.clock.now() - timedelta(minutes=minutes_ago)
        return ObjectCreated(
            BUCKET,
            key,
            stored.etag.strip('"'),
            len(body),
            sequencer="00673EFD8299329D18",
            time=stored.last_modified,
        )

    def run_task(self, job_id: str, minutes_ago: float = 0) -> str:
        """An ECS task that the job's execution waits for; returns its ARN."""
        arn = f"arn:aws:ecs:{pretend.REGION}:{pretend.ACCOUNT}:task/sluice/{job_id}"
        submitted_at = self.clock.now() - timedelta(minutes=minutes_ago)
        self.executions.tasks[job_id] = SubmittedTask(arn, submitted_at, has_ended=False)
        return arn
