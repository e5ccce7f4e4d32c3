"""The one bucket: uploads in, conversions out, and nothing that stays."""

from __future__ import annotations

from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from conversion.batches.request import PREFIX as BATCHES
from conversion.job import OUTPUTS
from conversion.uploads import PREFIX as UPLOADS
from infra.choices import Removal
from infra.constructs import cors
from infra.constructs.access_logs import AccessLogs
from infra.constructs.permissions import Wildcard
from infra.options import Options

# A backstop: what expires is removed with its record, to the hour (clean_up, follow_jobs). A rule
# here counts from the day an object was written, but a job lives on while it waits for a slot and
# runs, and its record with it. A job that waits longer than this loses its source; nothing else
# does, and a fortnight of work is more than anybody should let pile up.
_GRACE_DAYS = 14
# Intelligent-Tiering takes 46 % off what nobody has read for 30 days, and asks nothing for reading
# it after all, as the infrequent-access classes do ("Amazon S3 pricing"). What is kept for less
# than those 30 days would only pay for its transition.
_TIERED_ABOVE_DAYS = 30
_TIERED = s3.Transition(
    storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(0)
)
_KEYS = "A key holds the id of its file or job: those under the one prefix that is worked on."


class AudioBucket(s3.Bucket):
    """Private, encrypted, spoken to over TLS alone; tells EventBridge what lands in it."""

    def __init__(self, scope: Construct, id: str, *, options: Options) -> None:
        destroy = options.removal is Removal.DESTROY
        logs = AccessLogs(scope, f"{id}Logs", options=options)
        super().__init__(
            scope,
            id,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=_lifecycle(options.retention_days),
            server_access_logs_bucket=cast(s3.IBucket, logs),
            server_access_logs_prefix="requests/",
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

    @property
    def uploaded(self) -> Wildcard:
        """All that was put in."""
        return Wildcard(self.arn_for_objects(f"{UPLOADS}*"), _KEYS)

    @property
    def converted(self) -> Wildcard:
        """All that came out."""
        return Wildcard(self.arn_for_objects(f"{OUTPUTS}*"), _KEYS)

    @property
    def batches(self) -> Wildcard:
        """What batches have written about themselves, and lists of keys for them."""
        return Wildcard(self.arn_for_objects(f"{BATCHES}*"), _KEYS)


def _lifecycle(retention_days: int) -> list[s3.LifecycleRule]:
    """An upload may be taken up again, part by part, for as long as it is kept. A conversion never
    is: what an attempt has not completed within a day belongs to nobody."""
    kept = Duration.days(retention_days + _GRACE_DAYS)
    tiered = [_TIERED] if retention_days > _TIERED_ABOVE_DAYS else []
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
        s3.LifecycleRule(id="expire-uploads", prefix=UPLOADS, expiration=kept, transitions=tiered),
        s3.LifecycleRule(id="expire-outputs", prefix=OUTPUTS, expiration=kept, transitions=tiered),
        s3.LifecycleRule(
            id="expire-batches",
            prefix=BATCHES,
            expiration=kept,
            abort_incomplete_multipart_upload_after=Duration.days(1),
        ),
    ]
