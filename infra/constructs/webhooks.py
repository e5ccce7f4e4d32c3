"""Our events, told to an address on the internet: rule → queue → function, signed.

The queue outlasts a listener that is down: a delivery that failed is put off, longer each time.
"""

from __future__ import annotations

from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from conversion.events import ConversionEvent
from conversion.webhooks import ATTEMPTS, SECONDS
from infra import nag
from infra.constructs.queue import WorkQueue

# Of which an answer is waited for a third; the rest is for the secret, the name and the connection.
_TIMEOUT = Duration.seconds(round(3 * SECONDS))


class Webhooks(WorkQueue):
    """The stack makes the function, tells it of `secret` and `queue`, and has it fed."""

    timeout = _TIMEOUT

    def __init__(
        self, scope: Construct, id: str, *, bus: events.IEventBus, machine: sfn.IStateMachine
    ) -> None:
        super().__init__(scope, id, timeout=_TIMEOUT, deliveries=ATTEMPTS)
        # Standard Webhooks: "whsec_" and base64 of 24 to 64 bytes. 32 letters and digits are
        # base64, of 24 bytes.
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description="Signs what Sluice tells its webhook (Standard Webhooks)",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=32, exclude_punctuation=True, include_space=False
            ),
        )
        nag.acknowledge(
            self.secret,
            "SMG4",
            "The receiver holds the same secret: it changes when both sides change it.",
        )
        events.Rule(
            self,
            "Rule",
            event_bus=bus,
            # Of this deployment: others may announce on the same bus.
            event_pattern=events.EventPattern(
                source=[ConversionEvent.source], resources=[machine.state_machine_arn]
            ),
            targets=[cast(events.IRuleTarget, targets.SqsQueue(self.queue))],
        )
