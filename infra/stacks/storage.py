"""What holds data: it outlives changes to the rest and, unless told otherwise, `cdk destroy`."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from conversion.stores.jobs import BY_FILE, BY_STATUS
from infra.constructs.bucket import AudioBucket
from infra.constructs.table import RecordTable
from infra.options import Options


class StorageStack(Stack):
    def __init__(self, scope: Construct, id: str, *, options: Options) -> None:
        super().__init__(scope, id, description="Sluice: audio files and the records about them")
        self.bucket = AudioBucket(self, "Bucket", options=options)
        self.uploads = RecordTable(self, "Uploads", key="fileId", options=options)
        self.jobs = RecordTable(self, "Jobs", key="jobId", options=options, streamed=True)
        self.jobs.add_index(BY_FILE, key="fileId", sort_key="createdAt")
        self.jobs.add_index(BY_STATUS, key="status", sort_key="createdAt")
        self.progress = RecordTable(self, "Progress", key="jobId", options=options)
        self.slots = RecordTable(self, "Slots", key="name", options=options)

        CfnOutput(
            self,
            "BucketName",
            value=self.bucket.bucket_name,
            description="What is put under uploads/ here is converted",
        )
