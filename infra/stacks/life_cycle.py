"""What keeps the records true: it follows each change, finds what was lost, and clears up."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from constructs import Construct

from conversion.job import OUTPUTS
from conversion.settings import (
    CleanUpSettings,
    DeliverWebhookSettings,
    FollowJobsSettings,
    RecoverJobsSettings,
)
from conversion.stores.job_indexes import BY_FILE, BY_LEAVING, BY_STATUS
from conversion.uploads import PREFIX as UPLOADS
from infra.constructs.alarms import Alarms
from infra.constructs.function import Functions, PythonFunction
from infra.constructs.job_stream import JobStream
from infra.constructs.permissions import allow, executions_of, tasks_in
from infra.constructs.schedule import every
from infra.constructs.settlement import Settlement
from infra.constructs.webhooks import Webhooks
from infra.options import Options
from infra.stacks.conversion import ConversionStack
from infra.stacks.storage import StorageStack


class LifeCycleStack(Stack):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        options: Options,
        functions: Path,
        storage: StorageStack,
        conversion: ConversionStack,
    ) -> None:
        super().__init__(scope, id, description="Sluice: the life cycle of jobs")
        self._options = options
        self._storage = storage
        self._conversion = conversion
        self._functions = Functions(self, code=functions, architecture=options.architecture)
        bus = events.EventBus.from_event_bus_name(self, "Bus", "default")
        recovery, follower = self._recovery(), self._follower(bus)
        self.clean_up = self._clean_up()

        changes = JobStream(self, "Changes", jobs=storage.jobs, follower=follower)
        each_minute = every(self, "EachMinute", Duration.minutes(1), recovery)
        every(self, "EachHour", Duration.hours(1), self.clean_up)
        machine = conversion.state_machine
        settlement = Settlement(self, "Recovery", machine=machine, settler=recovery)
        failed = {"Changes": changes.dead_letters, "Recovery": settlement.dead_letters}
        if options.webhook_url:
            failed["Webhooks"] = self._webhooks(bus).dead_letters

        alarms = Alarms(self, "Alarms", topic=options.alarm_topic)
        alarms.dead_letters(failed)
        alarms.functions({id: each.function for id, each in self._functions.made.items()})
        alarms.changes(follower.function)
        alarms.recovery(each_minute, recovery.function)

    def _follower(self, bus: events.IEventBus) -> PythonFunction:
        storage, machine = self._storage, self._conversion.state_machine
        function = self._functions.make(
            "FollowJobs",
            "follow_jobs",
            FollowJobsSettings(
                bucket=storage.bucket.bucket_name,
                jobs_table=storage.jobs.table_name,
                progress_table=storage.progress.table_name,
                slots_table=storage.slots.table_name,
                state_machine_arn=machine.state_machine_arn,
                event_bus=bus.event_bus_name,
                max_running_jobs=self._options.max_running_jobs,
            ),
            Duration.minutes(2),
        )
        self._may_start(function)
        self._may_clear_outputs(function)
        progress = ["dynamodb:DeleteItem", "dynamodb:GetItem"]
        allow(function.role, progress, storage.progress.table_arn)
        allow(function.role, ["dynamodb:UpdateItem"], storage.jobs.table_arn)
        allow(function.role, ["events:PutEvents"], bus.event_bus_arn)
        return function

    def _recovery(self) -> PythonFunction:
        storage, conversion = self._storage, self._conversion
        function = self._functions.make(
            "RecoverJobs",
            "recover_jobs",
            RecoverJobsSettings(
                bucket=storage.bucket.bucket_name,
                uploads_table=storage.uploads.table_name,
                jobs_table=storage.jobs.table_name,
                progress_table=storage.progress.table_name,
                slots_table=storage.slots.table_name,
                state_machine_arn=conversion.state_machine.state_machine_arn,
                cluster=conversion.cluster.cluster_arn,
                default_conversions=self._options.default_conversions,
                max_running_jobs=self._options.max_running_jobs,
                retention_days=self._options.retention_days,
            ),
            Duration.minutes(5),
        )
        self._may_start(function)
        machine, executions = conversion.state_machine, executions_of(conversion.state_machine)
        finds = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        allow(function.role, finds, storage.uploads.table_arn)
        jobs = storage.jobs.table_arn
        writes = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
        allow(function.role, ["dynamodb:BatchGetItem", *writes], jobs)
        allow(function.role, ["dynamodb:Query"], storage.jobs.index_arn(BY_FILE.name))
        allow(function.role, ["dynamodb:BatchGetItem"], storage.progress.table_arn)
        looks = ["states:DescribeExecution", "states:GetExecutionHistory"]
        allow(function.role, [*looks, "states:StopExecution"], executions)
        allow(function.role, ["states:ListExecutions"], machine.state_machine_arn)
        allow(function.role, ["ecs:StopTask"], tasks_in(conversion.cluster))
        lists = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
        allow(function.role, lists, storage.bucket.bucket_arn)
        outputs = storage.bucket.arn_for_objects(f"{OUTPUTS}*")
        allow(function.role, ["s3:AbortMultipartUpload"], outputs)
        return function

    def _clean_up(self) -> PythonFunction:
        storage = self._storage
        function = self._functions.make(
            "CleanUp",
            "clean_up",
            CleanUpSettings(
                bucket=storage.bucket.bucket_name,
                uploads_table=storage.uploads.table_name,
                jobs_table=storage.jobs.table_name,
                progress_table=storage.progress.table_name,
                retention_days=self._options.retention_days,
            ),
            Duration.minutes(15),
        )
        removes = ["dynamodb:DeleteItem", "dynamodb:GetItem"]
        jobs = storage.jobs.table_arn
        allow(function.role, ["dynamodb:BatchGetItem", *removes], jobs)
        indexes = (storage.jobs.index_arn(each.name) for each in (BY_FILE, BY_LEAVING, BY_STATUS))
        allow(function.role, ["dynamodb:Query"], *indexes)
        allow(function.role, removes, storage.uploads.table_arn)
        allow(function.role, ["dynamodb:DeleteItem"], storage.progress.table_arn)
        self._may_clear_outputs(function)
        # GetObject, because a delete on the condition that nobody has written the object anew reads
        # what it is ("Deleting objects with conditional requests", S3 user guide).
        uploads = storage.bucket.arn_for_objects(f"{UPLOADS}*")
        clears = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject"]
        allow(function.role, clears, uploads)
        return function

    def _webhooks(self, bus: events.IEventBus) -> Webhooks:
        machine = self._conversion.state_machine
        webhooks = Webhooks(self, "Webhooks", bus=bus, machine=machine)
        function = self._functions.make(
            "DeliverWebhook",
            "deliver_webhook",
            DeliverWebhookSettings(
                webhook_url=self._options.webhook_url,
                webhook_secret_arn=webhooks.secret.secret_arn,
                queue_url=webhooks.queue.queue_url,
            ),
            webhooks.timeout,
        )
        webhooks.feed(function, batch=1, at_once=5)
        allow(function.role, ["secretsmanager:GetSecretValue"], webhooks.secret.secret_arn)
        allow(function.role, ["sqs:ChangeMessageVisibility"], webhooks.queue.queue_arn)
        return webhooks

    def _may_start(self, function: PythonFunction) -> None:
        storage, machine = self._storage, self._conversion.state_machine
        allow(function.role, ["dynamodb:GetItem"], storage.jobs.table_arn)
        allow(function.role, ["dynamodb:Query"], storage.jobs.index_arn(BY_STATUS.name))
        allow(function.role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], storage.slots.table_arn)
        allow(function.role, ["states:StartExecution"], machine.state_machine_arn)

    def _may_clear_outputs(self, function: PythonFunction) -> None:
        bucket = self._storage.bucket
        lists = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
        allow(function.role, lists, bucket.bucket_arn)
        clears = ["s3:AbortMultipartUpload", "s3:DeleteObject"]
        allow(function.role, clears, bucket.arn_for_objects(f"{OUTPUTS}*"))
