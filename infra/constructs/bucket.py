"""The one bucket: uploads in, conversions out, and nothing that stays."""

from __future__ import annotations

from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from conversion.job import OUTPUTS
from conversion.uploads import PREFIX as UPLOADS
from infra.constructs import cors
from infra.options import Options, Removal

# A backstop: what expires is removed with its record, to the hour (clean_up, follow_jobs). A rule
# here counts from the day an object was written, but a job lives on while it waits for a slot and
# runs, and its record with it. A job that waits longer than this loses its source; nothing else
# does, and a fortnight of work is more than anybody should let pile up.
_GRACE_DAYS = 14


class AudioBucket(s3.Bucket):
    """Private, encrypted, spoken to over TLS alone; tells EventBridge what lands in it."""

    def __init__(self, scope: Construct, id: str, *, options: Options) -> None:
        destroy = options.removal is Removal.DESTROY
        super().__init__(
            scope,
            id,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=_lifecycle(options.retention_days),
            cors=[cors.of_bucket(options.allowed_origins)],
            removal_policy=RemovalPolicy.DESTROY if destroy else RemovalPolicy.RETAIN,
            auto_delete_objects=destroy,
        )
        # `event_bridge_enabled=True` would deploy a Lambda function that may change the
        # notifications of every bucket in the account, to set what CloudFormation can set itself.
        bucket = cast(s3.CfnBucket, self.node.default_child)
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )


def _lifecycle(retention_days: int) -> list[s3.LifecycleRule]:
    """An upload may be taken up again, part by part, for as long as it is kept. A conversion never
    is: what an attempt has not completed within a day belongs to nobody."""
    kept = Duration.days(retention_days + _GRACE_DAYS)
    return [
        s3.LifecycleRule(
            id="drop-unfinished-uploads",
            prefix=UPLOADS,
            abort_incomplete_multipart_upload_after=Duration.days(retention_days),
        ),
        s3.LifecycleRule(
            id="drop-unfinished-outputs",
            prefix=OUTPUTS,
            abort_incomplete_multipart_upload_after=Duration.days(1),
        ),
        s3.LifecycleRule(id="expire-uploads", prefix=UPLOADS, expiration=kept),
        s3.LifecycleRule(id="expire-outputs", prefix=OUTPUTS, expiration=kept),
    ]
