"""From an execution that ended badly to the function that settles its job: an EventBridge rule.

What the flow ends with by itself it has recorded. Stopped from outside, or over its time, it has
not: here the job hears of it at once, and by the recovery's schedule if this event is lost, or the
function fails at it. The queue has what EventBridge could not hand to the function.
"""

from __future__ import annotations

from typing import cast

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import nag
from infra.constructs.function import PythonFunction
from infra.constructs.queue import dead_letters

# "Automating Step Functions event delivery with EventBridge", Step Functions guide.
_SOURCE = "aws.states"
_DETAIL_TYPE = "Step Functions Execution Status Change"
_BADLY = ["FAILED", "ABORTED", "TIMED_OUT"]


class Settlement(Construct):
    def __init__(
        self, scope: Construct, id: str, *, machine: sfn.IStateMachine, settler: PythonFunction
    ) -> None:
        super().__init__(scope, id)
        self.dead_letters = dead_letters(self)
        nag.acknowledge(
            self.dead_letters, "SQS3", "It is where EventBridge leaves what it could not hand over."
        )
        target = targets.LambdaFunction(settler.function, dead_letter_queue=self.dead_letters)
        events.Rule(
            self,
            "Rule",
            event_pattern=events.EventPattern(
                source=[_SOURCE],
                detail_type=[_DETAIL_TYPE],
                detail={"stateMachineArn": [machine.state_machine_arn], "status": _BADLY},
            ),
            targets=[cast(events.IRuleTarget, target)],
        )
