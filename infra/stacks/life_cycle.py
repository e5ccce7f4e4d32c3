"""What keeps the records true: it follows each change, finds what was lost, and clears up."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from constructs import Construct

from infra.constructs.alarms import Alarms
from infra.constructs.function import Functions
from infra.constructs.job_stream import JobStream
from infra.constructs.schedule import every
from infra.constructs.settlement import Settlement
from infra.constructs.task_ends import TaskEnds
from infra.constructs.webhooks import Webhooks
from infra.functions import life_cycle
from infra.functions.around import Around
from infra.options import Options
from infra.stacks.conversion import ConversionStack
from infra.stacks.storage import StorageStack


class LifeCycleStack(Stack):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        options: Options,
        functions: Path,
        storage: StorageStack,
        conversion: ConversionStack,
    ) -> None:
        super().__init__(scope, id, description="Sluice: the life cycle of jobs")
        made = Functions(self, code=functions, options=options)
        self._around = around = Around(options, storage, conversion, made)
        bus = events.EventBus.from_event_bus_name(self, "Bus", "default")
        recovery = life_cycle.recover_jobs(around)
        follower = life_cycle.follow_jobs(around, bus)
        self.clean_up = life_cycle.clean_up(around)

        changes = JobStream(self, "Changes", jobs=storage.jobs, follower=follower)
        each_minute = every(self, "EachMinute", Duration.minutes(1), recovery)
        every(self, "EachHour", Duration.hours(1), self.clean_up)
        machine = conversion.state_machine
        settlement = Settlement(self, "Recovery", machine=machine, settler=recovery)
        TaskEnds(
            self, "TaskEnds", cluster=conversion.cluster, follower=life_cycle.follow_tasks(around)
        )
        self.dead_letters = {
            "Changes": changes.dead_letters,
            "Recovery": settlement.dead_letters,
        }
        failed = dict(self.dead_letters)
        if options.webhook_url:
            failed["Webhooks"] = self._webhooks(bus).dead_letters

        self.follower = follower.function
        self.alarms = alarms = Alarms(self, "Alarms", options=options)
        alarms.dead_letters(failed)
        alarms.functions({id: each.function for id, each in made.made.items()})
        alarms.changes(follower.function)
        alarms.recovery(each_minute, recovery.function)
        alarms.jobs()

    def _webhooks(self, bus: events.IEventBus) -> Webhooks:
        machine = self._around.conversion.state_machine
        webhooks = Webhooks(self, "Webhooks", bus=bus, machine=machine)
        webhooks.feed(life_cycle.deliver_webhook(self._around, webhooks), batch=1, at_once=5)
        secret = webhooks.secret.secret_arn
        CfnOutput(
            self,
            "WebhookSecret",
            value=f"aws secretsmanager get-secret-value --secret-id {secret}",
            description="What the listener of the webhook checks signatures with",
        )
        return webhooks
