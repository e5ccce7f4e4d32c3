"""What converts files where they lie already: there with the option `batchSources` alone."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.constructs.alarms import Alarms
from infra.constructs.batch_flow import BatchFlow
from infra.constructs.function import Functions
from infra.functions.batch import AroundBatches, manage_batches, steps
from infra.options import Options
from infra.stacks.conversion import ConversionStack
from infra.stacks.storage import StorageStack


class BatchStack(Stack):
    """`manage` answers the routes of batches, which the API's stack makes."""

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
        super().__init__(scope, id, description="Sluice: batches over files that are in S3 already")
        made = Functions(self, code=functions, options=options)
        around = AroundBatches(options, storage, conversion, made)
        flow = BatchFlow(
            self, "Batch", bucket=storage.bucket, sources=around.sources, steps=steps(around)
        )
        self.manage = manage_batches(around, flow)

        # FeedBatch counts by itself: Lambda counts as errors its answers that too many jobs wait.
        self.alarms = Alarms(self, "Alarms", options=options)
        watched = {id: each.function for id, each in made.made.items() if id != "FeedBatch"}
        self.alarms.functions(watched)
        self.alarms.feeding()

        CfnOutput(
            self,
            "BatchMachineArn",
            value=flow.state_machine.state_machine_arn,
            description="Its executions are named by the batch they run: sluice batch",
        )
