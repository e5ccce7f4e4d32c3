"""Who asked for what: a bucket for the access logs of another bucket, or of a distribution.

S3 and CloudFront deliver them within hours, most of them, and never promise all ("Logging requests
with server access logging", S3 user guide): they are for an investigation, not for a bill.
"""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra import nag
from infra.choices import Removal
from infra.options import Options


class AccessLogs(s3.Bucket):
    """`acls` is for CloudFront, whose standard logs are delivered by an access control list alone
    ("Configure standard logging (legacy)", CloudFront guide); S3 delivers by the bucket's policy.
    """

    def __init__(self, scope: Construct, id: str, *, options: Options, acls: bool = False) -> None:
        destroy = options.removal is Removal.DESTROY
        owner = s3.ObjectOwnership
        super().__init__(
            scope,
            id,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=owner.BUCKET_OWNER_PREFERRED if acls else owner.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=[
                s3.LifecycleRule(id="expire", expiration=Duration.days(options.log_retention_days))
            ],
            removal_policy=RemovalPolicy.DESTROY if destroy else RemovalPolicy.RETAIN,
            auto_delete_objects=destroy,
        )
        if acls:
            told = "It holds logs: of its own delivery there is nothing to investigate."
            nag.acknowledge(self, "S1", told)
