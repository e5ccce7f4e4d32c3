"""What computes: an upload's event starts executions, and each runs the converter as a task."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from conversion.settings import ConverterSettings
from infra.choices import ProgressStore
from infra.constructs.alarm_topic import AlarmTopic
from infra.constructs.alarms import Alarms
from infra.constructs.cache import ProgressCache
from infra.constructs.cluster import SpotCluster
from infra.constructs.converter_task import ConverterTask
from infra.constructs.figures import deployment
from infra.constructs.flow import ConversionFlow
from infra.constructs.function import Functions, Place
from infra.constructs.network import TaskNetwork
from infra.constructs.permissions import TRACES_TAKE_NO_RESOURCE, allow, anywhere
from infra.constructs.upload_queue import UploadQueue
from infra.functions import starting
from infra.options import Options
from infra.stacks.storage import StorageStack


class ConversionStack(Stack):
    """With `progressStore=redis` there are an address of Redis, and a place for who reads it. The
    API stack imports the place: to go back to `dynamodb`, deploy that stack alone first
    (`--exclusively`), because what is still imported cannot be removed."""

    redis_host: str = ConverterSettings.redis_host
    redis_port: int = ConverterSettings.redis_port
    beside_redis: Place | None = None

    def __init__(
        self, scope: Construct, id: str, *, options: Options, functions: Path, storage: StorageStack
    ) -> None:
        super().__init__(scope, id, description="Sluice: the conversion of uploaded audio")
        self._options = options
        self._storage = storage
        made = Functions(self, code=functions, options=options)
        self.network = TaskNetwork(
            self,
            "Network",
            egress=options.egress,
            with_cache=options.progress_store is ProgressStore.REDIS,
            zones=options.zones,
        )
        if options.progress_store is ProgressStore.REDIS:
            self._add_cache()
        self.cluster = SpotCluster(self, "Cluster", vpc=self.network.vpc)
        self.converter = self._converter()
        flow = ConversionFlow(
            self,
            "Conversion",
            cluster=self.cluster,
            task=self.converter,
            network=self.network,
            jobs=storage.jobs,
            fail_execution=starting.fail_execution(made),
            spot_percent=options.spot_percent,
        )
        self.state_machine = flow.state_machine
        starter = starting.start_jobs(made, options, storage, self.state_machine)
        arrivals = UploadQueue(self, "Arrivals", bucket=storage.bucket, starter=starter)
        self.arrivals = arrivals
        if options.alarm_email:
            AlarmTopic(self, "AlarmTopic", options=options)
        self.alarms = alarms = Alarms(self, "Alarms", options=options)
        alarms.dead_letters({"Arrivals": arrivals.dead_letters})
        alarms.backlog(arrivals.queue)
        alarms.converter()
        # Not of fail_execution, which does nothing but raise.
        alarms.functions({"StartJobs": starter.function})
        alarms.executions(self.state_machine)

        CfnOutput(
            self,
            "StateMachineArn",
            value=self.state_machine.state_machine_arn,
            description="Its executions are named by the job they run",
        )
        CfnOutput(
            self,
            "WatchTasks",
            value=f"aws logs tail {self.converter.logs.log_group_name} --follow",
            description="What the tasks that convert have to say",
        )

    def _add_cache(self) -> None:
        vpc, subnets = self.network.vpc, self.network.cache_subnets
        cache = ProgressCache(
            self, "Cache", vpc=vpc, subnets=subnets, writers=self.network.security_group
        )
        self.redis_host, self.redis_port = cache.host, cache.port
        self.beside_redis = Place(vpc, subnets, cache.readers)

    def _converter(self) -> ConverterTask:
        bucket, jobs, progress = self._storage.bucket, self._storage.jobs, self._storage.progress
        task = ConverterTask(
            self,
            "Converter",
            architecture=self._options.architecture,
            settings=ConverterSettings(
                bucket=bucket.bucket_name,
                jobs_table=jobs.table_name,
                progress_table=progress.table_name,
                **self._options.task_settings(),
                max_input_bytes=self._options.max_upload_bytes,
                max_output_bytes=self._options.max_output_bytes,
                max_duration_seconds=self._options.max_duration_seconds,
                retention_days=self._options.retention_days,
                redis_host=self.redis_host,
                redis_port=self.redis_port,
                deployment=deployment(self._options),
            ),
        )
        uploads, outputs = bucket.uploaded, bucket.converted
        allow(task.role, ["dynamodb:UpdateItem"], jobs.table_arn)
        allow(task.role, ["dynamodb:UpdateItem"], progress.table_arn)
        # Without ListBucket S3 answers 403 for an object that is gone, where 404 fails the job with
        # the code that says so ("GetObject", Amazon S3 API reference).
        # ListBucketMultipartUploads finds the upload whose opening was done but not answered.
        lists = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
        allow(task.role, lists, bucket.bucket_arn)
        allow(task.role, ["s3:GetObject"], uploads, outputs)
        # DeleteObject: an attempt that is stopped between its upload and its verdict tidies up.
        writes = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
        allow(task.role, writes, outputs)
        allow(task.role, ["xray:PutTraceSegments"], anywhere(TRACES_TAKE_NO_RESOURCE))
        return task
