"""What holds data: it outlives changes to the rest and, unless told otherwise, `cdk destroy`."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from conversion.stores.job_indexes import BY_FILE, BY_LEAVING, BY_OWNER, BY_STATUS
from conversion.stores.uploads import BY_STATUS as UPLOADS_BY_STATUS
from conversion.uploads import PREFIX as UPLOADS
from infra.constructs.bucket import AudioBucket
from infra.constructs.table import RecordTable
from infra.constructs.users import Users
from infra.options import Options


class StorageStack(Stack):
    def __init__(self, scope: Construct, id: str, *, options: Options) -> None:
        super().__init__(scope, id, description="Sluice: audio files and the records about them")
        self.bucket = AudioBucket(self, "Bucket", options=options)
        self.uploads = RecordTable(self, "Uploads", key="fileId", options=options)
        self.uploads.add_index(
            UPLOADS_BY_STATUS, key="status", sort_key="createdAt", keys_only=True
        )
        self.jobs = RecordTable(self, "Jobs", key="jobId", options=options, streamed=True)
        for index in (BY_FILE, BY_STATUS, BY_OWNER, BY_LEAVING):
            self.jobs.add_index(index.name, key=index.key, sort_key="createdAt")
        self.progress = RecordTable(self, "Progress", key="jobId", options=options)
        self.slots = RecordTable(self, "Slots", key="name", options=options)
        self.idempotency = RecordTable(self, "Idempotency", key="id", options=options)
        # With the records and not with the API: those say whose they are by its users' ids.
        self.users = Users(self, "Users", options=options) if options.makes_users else None

        CfnOutput(
            self,
            "BucketName",
            value=self.bucket.bucket_name,
            description="What is put under uploads/ here is converted",
        )
        CfnOutput(
            self,
            "DropFile",
            value=f"aws s3 cp talk.wav s3://{self.bucket.bucket_name}/{UPLOADS}",
            description="Converts a file without the API",
        )
