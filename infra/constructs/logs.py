"""Log groups of our own: the ones AWS makes by itself keep everything for ever, and outlive us."""

from __future__ import annotations

from typing import cast

import jsii
from aws_cdk import App, Aspects, IAspect, RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct


def log_group(scope: Construct) -> logs.LogGroup:
    """Kept as long as `keep` says, which every log group is told of at the end."""
    return logs.LogGroup(
        scope,
        "Logs",
        retention=logs.RetentionDays.INFINITE,
        removal_policy=RemovalPolicy.DESTROY,
    )


def keep(app: App, days: int) -> None:
    """All log groups of the app that have no term of their own, also those of constructs that are
    not ours."""
    Aspects.of(app).add(cast(IAspect, _Kept(days)))


@jsii.implements(IAspect)
class _Kept:
    def __init__(self, days: int) -> None:
        self._days = days

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, logs.CfnLogGroup) and node.retention_in_days is None:
            node.retention_in_days = self._days
