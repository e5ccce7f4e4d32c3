"""What a deployment may choose, and what it is told when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from infra.errors import OptionError
from infra.options import Architecture, Auth, Options, ProgressStore, Removal


def test_nothing_has_to_be_chosen() -> None:
    assert Options.from_context({}.get) == Options(
        stage="dev",
        architecture=Architecture.ARM64,
        auth=Auth.IAM,
        retention_days=7,
        removal=Removal.RETAIN,
        progress_store=ProgressStore.DYNAMODB,
        max_running_jobs=100,
        max_waiting_jobs=1000,
        webhook_url="",
        alarm_topic="",
    )


def test_everything_can_be() -> None:
    context = {
        "stage": "prod-eu",
        "architecture": "x86_64",
        "auth": "none",
        "retentionDays": "30",
        "removal": "destroy",
        "defaultConversions": "mp3@128, archive-flac",
        "progressStore": "redis",
        "maxRunningJobs": "20",
        "maxWaitingJobs": "50",
        "webhookUrl": "https://example.com:8443/sluice?key=1",
        "alarmTopic": "arn:aws-cn:sns:cn-north-1:123456789012:operators",
    }
    assert Options.from_context(context.get) == Options(
        "prod-eu",
        Architecture.X86_64,
        Auth.NONE,
        30,
        Removal.DESTROY,
        "mp3@128, archive-flac",
        ProgressStore.REDIS,
        20,
        50,
        "https://example.com:8443/sluice?key=1",
        "arn:aws-cn:sns:cn-north-1:123456789012:operators",
    )


def test_numbers_of_cdk_json_are_taken_as_they_are() -> None:
    context = {"retentionDays": 14, "maxRunningJobs": 3, "maxWaitingJobs": 0}
    read = Options.from_context(context.get)
    assert (read.retention_days, read.max_running_jobs, read.max_waiting_jobs) == (14, 3, 0)


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("stage", "Prod", "lower-case"),
        ("stage", "", "-c stage=prod"),
        ("stage", "x" * 21, "up to 20"),
        ("stage", 7, "lower-case"),
        ("architecture", "arm", "arm64 or x86_64"),
        ("architecture", ["arm64"], "arm64 or x86_64"),
        ("auth", "jwt", "iam or none"),
        ("retentionDays", "0", "from 1 to 366"),
        ("retentionDays", "-1", "from 1 to 366"),
        ("retentionDays", "367", "from 1 to 366"),
        ("retentionDays", "a week", "from 1 to 366"),
        ("retentionDays", 1.5, "from 1 to 366"),
        ("removal", "keep", "retain or destroy"),
        ("defaultConversions", "", "-c defaultConversions="),
        ("defaultConversions", "mp4", "Choose one of"),
        ("defaultConversions", "mp3@9999", "320"),
        ("progressStore", "memcached", "dynamodb or redis"),
        ("maxRunningJobs", "0", "from 1 to 5000"),
        ("maxRunningJobs", "5001", "from 1 to 5000"),
        ("maxRunningJobs", "many", "-c maxRunningJobs=100"),
        ("maxWaitingJobs", "10001", "from 0 to 10000"),
        ("webhookUrl", "http://example.com/", "with https"),
        ("webhookUrl", "https://", "with https"),
        ("webhookUrl", "https://me:secret@example.com/", "no user name"),
        ("webhookUrl", "https://example.com:port/", "with https"),
        ("webhookUrl", "https://[::1/", "with https"),
        ("webhookUrl", "https://exämple.com/", "with https"),
        ("webhookUrl", "example.com", "-c webhookUrl="),
        ("alarmTopic", "operators", "-c alarmTopic="),
        ("alarmTopic", "", "-c alarmTopic="),
        ("alarmTopic", "arn:aws:sqs:eu-west-1:123456789012:operators", "SNS topic"),
        ("alarmTopic", "arn:aws:sns:eu-west-1:123456789012:operators.fifo", "standard"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name_with_advice(
    name: str, value: Any, advice: str
) -> None:
    with pytest.raises(OptionError) as refused:
        Options.from_context({name: value}.get)
    assert name in str(refused.value)
    assert advice in str(refused.value)
