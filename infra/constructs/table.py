"""A table of records that expire."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.choices import Removal
from infra.options import Options

# The attribute of every record that TTL goes by; conversion/ writes it, in epoch seconds.
EXPIRES_AT = "expiresAt"


class RecordTable(dynamodb.Table):
    """On demand, restorable to any second of the last 35 days (point-in-time recovery). With
    `streamed`, each change can be read for a day, as it was before and after."""

    def __init__(
        self, scope: Construct, id: str, *, key: str, options: Options, streamed: bool = False
    ) -> None:
        destroy = options.removal is Removal.DESTROY
        super().__init__(
            scope,
            id,
            partition_key=_text(key),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=EXPIRES_AT,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if streamed else None,
            removal_policy=RemovalPolicy.DESTROY if destroy else RemovalPolicy.RETAIN,
        )

    def index_arn(self, name: str) -> str:
        return f"{self.table_arn}/index/{name}"

    def add_index(self, name: str, *, key: str, sort_key: str, keys_only: bool = False) -> None:
        """Whole items, for who lists jobs shows them; `keys_only` is for who counts."""
        projection = dynamodb.ProjectionType
        self.add_global_secondary_index(
            index_name=name,
            partition_key=_text(key),
            sort_key=_text(sort_key),
            projection_type=projection.KEYS_ONLY if keys_only else projection.ALL,
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
