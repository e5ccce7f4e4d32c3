"""Whom alarms tell by e-mail: an SNS topic, encrypted, over TLS alone, and one subscription.

CloudWatch can publish to an encrypted topic only with a key whose policy lets it, which AWS' own
key for SNS has not ("Encrypt Amazon SNS topics", its developer guide); a key of our own costs $1 a
month, $2 after its first yearly rotation and $3 from the second on ("AWS KMS pricing"). The topic
is known by its name: alarms of every stack tell it, and a name, unlike an export, lets any of them
stop doing so, so that `alarmEmail` can be taken away again in one deployment.
"""

from __future__ import annotations

from typing import cast

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.constructs.figures import deployment
from infra.constructs.permissions import FOR_THIS_ACCOUNT
from infra.options import Options

_SERVICE = "cloudwatch.amazonaws.com"


def told(scope: Construct, options: Options) -> list[str]:
    """The ARNs of the topics that alarms tell."""
    own = Stack.of(scope).format_arn(service="sns", resource=_name(options))
    return [each for each in (options.alarm_topic, own if options.alarm_email else "") if each]


class AlarmTopic(Construct):
    """SNS sends the address a link first, and nothing else until it was followed."""

    def __init__(self, scope: Construct, id: str, *, options: Options) -> None:
        super().__init__(scope, id)
        key = kms.Key(
            self,
            "Key",
            description="Encrypts what alarms tell by e-mail",
            enable_key_rotation=True,
            # What it encrypts is on its way and kept nowhere.
            removal_policy=RemovalPolicy.DESTROY,
        )
        topic = sns.Topic(
            self,
            "Topic",
            topic_name=_name(options),
            master_key=cast(kms.IKey, key),
            enforce_ssl=True,
        )
        alarms = [cast(iam.IPrincipal, iam.ServicePrincipal(_SERVICE))]
        key.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key's policy, that key
                # Without `aws:SourceAccount`, which the topic's policy asks for: what CloudWatch
                # brings to SNS it need not bring to KMS, and a mail not sent says nothing.
                principals=alarms,
            )
        )
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                principals=alarms,
                conditions=FOR_THIS_ACCOUNT,
            )
        )
        address = subscriptions.EmailSubscription(options.alarm_email)
        topic.add_subscription(cast(sns.ITopicSubscription, address))


def _name(options: Options) -> str:
    return f"{deployment(options)}-alarms"
