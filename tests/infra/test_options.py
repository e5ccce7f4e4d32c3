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
        jwt_issuer="",
        jwt_audience=(),
        operators=(),
        max_upload_bytes=5 * 1024**3,
        max_conversions=20,
        max_open_uploads=1000,
        max_requests_per_second=500,
        allowed_origins=("*",),
    )


def test_everything_can_be() -> None:
    context = {
        "stage": "prod-eu",
        "architecture": "x86_64",
        "auth": "jwt",
        "retentionDays": "30",
        "removal": "destroy",
        "defaultConversions": "mp3@128, archive-flac",
        "progressStore": "redis",
        "maxRunningJobs": "20",
        "maxWaitingJobs": "50",
        "webhookUrl": "https://example.com:8443/sluice?key=1",
        "alarmTopic": "arn:aws-cn:sns:cn-north-1:123456789012:operators",
        "jwtIssuer": "https://login.example.com/tenant",
        "jwtAudience": "sluice, sluice-batch",
        "operators": "olga,arn:aws:iam::123456789012:role/path/Operators",
        "maxUploadBytes": "1000000",
        "maxConversions": "3",
        "maxOpenUploads": "7",
        "maxRequestsPerSecond": "40",
        "allowedOrigins": "https://example.com, http://localhost:5173,http://[::1]:8080",
    }
    assert Options.from_context(context.get) == Options(
        "prod-eu",
        Architecture.X86_64,
        Auth.JWT,
        30,
        Removal.DESTROY,
        "mp3@128, archive-flac",
        ProgressStore.REDIS,
        20,
        50,
        "https://example.com:8443/sluice?key=1",
        "arn:aws-cn:sns:cn-north-1:123456789012:operators",
        "https://login.example.com/tenant",
        ("sluice", "sluice-batch"),
        ("olga", "arn:aws:iam::123456789012:role/path/Operators"),
        1_000_000,
        3,
        7,
        40,
        ("https://example.com", "http://localhost:5173", "http://[::1]:8080"),
    )


def test_lists_of_cdk_json_are_taken_as_they_are() -> None:
    context = {"operators": ["olga", "otto", "olga"], "allowedOrigins": ["https://example.com"]}
    read = Options.from_context(context.get)
    assert (read.operators, read.allowed_origins) == (("olga", "otto"), ("https://example.com",))


def test_an_issuer_on_this_machine_needs_no_tls() -> None:
    context = {"auth": "jwt", "jwtIssuer": "http://127.0.0.1:4000", "jwtAudience": "sluice"}
    assert Options.from_context(context.get).jwt_issuer == "http://127.0.0.1:4000"


@pytest.mark.parametrize(("auth", "issuer", "makes"), [("jwt", "", True), ("iam", "", False)])
def test_there_are_users_of_its_own_only_where_tokens_have_no_other_issuer(
    auth: str, issuer: str, makes: bool
) -> None:
    assert Options(auth=Auth(auth), jwt_issuer=issuer).makes_users is makes
    assert not Options(auth=Auth.JWT, jwt_issuer="https://login.example.com").makes_users


@pytest.mark.parametrize(
    ("context", "advice"),
    [
        ({"auth": "jwt", "jwtIssuer": "https://login.example.com"}, "given together"),
        ({"auth": "jwt", "jwtAudience": "sluice"}, "given together"),
        ({"jwtIssuer": "https://login.example.com", "jwtAudience": "sluice"}, "-c auth=jwt"),
        ({"auth": "none", "operators": "olga"}, "no use with auth=none"),
    ],
)
def test_options_that_do_not_go_together_are_refused(context: dict[str, str], advice: str) -> None:
    with pytest.raises(OptionError, match=advice):
        Options.from_context(context.get)


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
        ("auth", "token", "iam or jwt or none"),
        ("jwtIssuer", "http://login.example.com", "with https"),
        ("jwtIssuer", "login.example.com", "-c jwtIssuer="),
        ("jwtIssuer", "https://login.example.com/?tenant=1", "with https"),
        ("jwtIssuer", "", "with https"),
        ("jwtAudience", "", "1 to 50"),
        ("jwtAudience", "two words", "-c jwtAudience="),
        ("operators", "", "names nobody"),
        ("operators", "olga o", "-c operators="),
        ("operators", "ölga", "names nobody"),
        ("maxUploadBytes", "0", "from 1 to"),
        ("maxUploadBytes", str(20 * 1024**3 + 1), "to 21474836480"),
        ("maxUploadBytes", "5 GB", "-c maxUploadBytes="),
        ("maxUploadBytes", "٥", "from 1 to"),
        ("maxConversions", "101", "from 1 to 100"),
        ("maxOpenUploads", "0", "from 1 to 10000"),
        ("maxRequestsPerSecond", "2501", "from 1 to 2500"),
        ("allowedOrigins", "", "-c allowedOrigins="),
        ("allowedOrigins", "example.com", "not origins"),
        ("allowedOrigins", "https://example.com/", "without a path"),
        ("allowedOrigins", "https://Example.com", "in lower case"),
        ("allowedOrigins", "https://example.com:443", "as a browser sends it"),
        ("allowedOrigins", "https://*.example.com", "not origins"),
        ("allowedOrigins", "*,https://example.com", "* for all, or each"),
        ("allowedOrigins", "null", "not origins"),
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
