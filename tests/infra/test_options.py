"""What a deployment may choose, and what it is told when it may not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from infra.choices import Architecture, Auth, Egress, ProgressStore, Removal, Web
from infra.errors import OptionError
from infra.fargate import SIZES
from infra.options import LOG_RETENTION_DAYS, Options, names_nobody_reads, rows

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
GIB = 1024**3
WEB_ACL = (
    "arn:aws:wafv2:us-east-1:123456789012:global/webacl/sluice/01234567-89ab-cdef-0123-456789abcdef"
)
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d"
IN_REGION = WEB_ACL.replace("us-east-1", "eu-west-1").replace("global", "regional")


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
        egress=Egress.PUBLIC,
        web=Web.NONE,
        web_acl="",
        web_domain="",
        web_certificate="",
        alarm_email="",
        log_retention_days=30,
        task_cpu=1024,
        task_memory=2048,
        spot_percent=100,
        max_output_bytes=20 * 1024**3,
        max_duration_seconds=24 * 3600,
        url_seconds=3600,
        batch_sources=(),
        zones=(),
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
        "egress": "endpoints",
        "web": "cloudfront",
        "webAcl": WEB_ACL,
        "webDomain": "audio.example.com",
        "webCertificate": CERTIFICATE,
        "alarmEmail": "on.call+sluice@ops.example.com",
        "logRetentionDays": "365",
        "taskCpu": "2048",
        "taskMemory": "4096",
        "spotPercent": "0",
        "maxOutputBytes": str(100 * 1024**3),
        "maxDurationSeconds": "604800",
        "urlSeconds": "60",
        "batchSources": "s3://recordings, archive.example/2024/talks/",
        "zones": "us-west-2c, us-west-2a",
    }
    assert Options.from_context(context.get) == Options(
        stage="prod-eu",
        architecture=Architecture.X86_64,
        auth=Auth.JWT,
        retention_days=30,
        removal=Removal.DESTROY,
        default_conversions="mp3@128,archive-flac",
        progress_store=ProgressStore.REDIS,
        max_running_jobs=20,
        max_waiting_jobs=50,
        webhook_url="https://example.com:8443/sluice?key=1",
        alarm_topic="arn:aws-cn:sns:cn-north-1:123456789012:operators",
        jwt_issuer="https://login.example.com/tenant",
        jwt_audience=("sluice", "sluice-batch"),
        operators=("olga", "arn:aws:iam::123456789012:role/path/Operators"),
        max_upload_bytes=1_000_000,
        max_conversions=3,
        max_open_uploads=7,
        max_requests_per_second=40,
        allowed_origins=("https://example.com", "http://localhost:5173", "http://[::1]:8080"),
        egress=Egress.ENDPOINTS,
        web=Web.CLOUDFRONT,
        web_acl=WEB_ACL,
        web_domain="audio.example.com",
        web_certificate=CERTIFICATE,
        alarm_email="on.call+sluice@ops.example.com",
        log_retention_days=365,
        task_cpu=2048,
        task_memory=4096,
        spot_percent=0,
        max_output_bytes=100 * 1024**3,
        max_duration_seconds=604_800,
        url_seconds=60,
        batch_sources=("recordings", "archive.example/2024/talks/"),
        zones=("us-west-2c", "us-west-2a"),
    )
    unchanged = {row.name for row in rows()} - context.keys()
    assert not unchanged


def test_lists_of_cdk_json_are_taken_as_they_are() -> None:
    context: dict[str, Any] = {
        "auth": "jwt",
        "operators": ["olga", "otto", "olga"],
        "allowedOrigins": ["https://example.com"],
        "defaultConversions": ["mp3@128", "flac", "mp3@128"],
    }
    read = Options.from_context(context.get)
    assert (read.operators, read.allowed_origins) == (("olga", "otto"), ("https://example.com",))
    assert read.default_conversions == "mp3@128,flac"


def test_a_number_of_thousands_of_digits_is_refused_like_any_other() -> None:
    with pytest.raises(OptionError, match="is not a whole number from 1 to 366"):
        Options.from_context({"retentionDays": "9" * 5000}.get)


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
        ({"operators": "olga"}, "olga signs no request"),
        ({"operators": "arn:aws:iam::12:user/olga"}, "signs no request"),
        ({"defaultConversions": "mp3,flac,opus", "maxConversions": "2"}, "raise maxConversions"),
        ({"auth": "jwt", "webAcl": WEB_ACL}, "-c web=cloudfront"),
        ({"auth": "none", "web": "cloudfront", "webAcl": WEB_ACL}, "guards nothing with auth=none"),
        ({"web": "cloudfront"}, "cannot be with auth=iam"),
        ({"auth": "jwt", "web": "cloudfront", "webDomain": "a.example.com"}, "given together"),
        ({"webCertificate": CERTIFICATE}, "given together"),
        ({"webDomain": "a.example.com", "webCertificate": CERTIFICATE}, "-c web=cloudfront"),
        ({"taskCpu": "256", "taskMemory": "4096"}, "for which Fargate has 512, 1024, 2048 MiB"),
        ({"taskCpu": "4096"}, "Fargate has 8192, 9216, … 30720 MiB: choose one of these\\."),
        ({"taskMemory": "122880"}, "-c taskCpu=16384"),
        (
            {"taskCpu": "256", "taskMemory": "512", "maxOutputBytes": str(60 * GIB)},
            "takes 584 MiB of memory, .* taskMemory=512",
        ),
        (
            {"taskCpu": "256", "taskMemory": "1024", "maxOutputBytes": str(190 * GIB)},
            "takes 968 MiB of memory, .* taskMemory=1024 has 870 below its alarm",
        ),
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
        ("egress", "private", "public or nat or endpoints"),
        ("web", "yes", "none or cloudfront"),
        ("webAcl", "sluice", "-c webAcl=arn:aws:wafv2:us-east-1:"),
        ("webAcl", IN_REGION, "global scope"),
        ("webDomain", "https://audio.example.com", "without https://"),
        ("webDomain", "Audio.example.com", "in lower case"),
        ("webDomain", "audio", "no name of the internet's"),
        ("webCertificate", CERTIFICATE.replace("us-east-1", "eu-west-1"), "in us-east-1"),
        ("webAcl", WEB_ACL.replace("us-east-1", "eu-west-1"), "in us-east-1"),
        ("alarmEmail", "operators", "-c alarmEmail=operators@example.com"),
        ("alarmEmail", "Olga <olga@example.com>", "no e-mail address"),
        ("alarmEmail", "olga@example", "no e-mail address"),
        ("alarmEmail", f"{'o' * 65}@example.com", "no e-mail address"),
        ("alarmEmail", "", "no e-mail address"),
        ("logRetentionDays", "31", "is none of 1, 3, 5, 7, 14, 30"),
        ("logRetentionDays", "0", "-c logRetentionDays=30"),
        ("taskCpu", "1", "is none of 256, 512, 1024, 2048, 4096, 8192, 16384"),
        ("taskMemory", "2000", "-c taskMemory=2048"),
        ("spotPercent", "101", "from 0 to 100"),
        ("spotPercent", "-1", "from 0 to 100"),
        ("maxOutputBytes", str(190 * GIB + 1), f"from 1 to {190 * GIB}"),
        ("maxDurationSeconds", "604801", "from 1 to 604800"),
        ("urlSeconds", "59", "from 60 to 21600"),
        ("urlSeconds", "21601", "from 60 to 21600"),
        ("zones", "eu-west-1a", "2 availability zones of one region"),
        ("zones", "eu-west-1a,eu-west-1a", "2 availability zones of one region"),
        ("zones", "eu-west-1a,eu-west-2b", "2 availability zones of one region"),
        ("zones", "eu-west-1a,eu-west-1b,eu-west-1c", "-c zones=eu-west-1a,eu-west-1b"),
        ("zones", "euw1-az1,euw1-az2", "2 availability zones of one region"),
        ("batchSources", "", "1 to 20 buckets"),
        ("batchSources", "recordings/*", "without * ? or $"),
        ("batchSources", "recordings/${aws:username}/", "without * ? or $"),
        ("batchSources", "Recordings", "-c batchSources=recordings,archive/2024/"),
        ("batchSources", ",".join(f"bucket-{number}" for number in range(21)), "1 to 20"),
        ("webhookUrl", "https://127.0.0.1/told", "public internet"),
        ("webhookUrl", "https://10.1.2.3/told", "public internet"),
        ("webhookUrl", "https://169.254.169.254/latest", "public internet"),
        ("webhookUrl", "https://[::1]/told", "public internet"),
        ("webhookUrl", "https://[::ffff:10.0.0.1]/told", "public internet"),
        ("webhookUrl", "https://127.1/told", "public internet"),
        ("webhookUrl", "https://2130706433/told", "public internet"),
        ("webhookUrl", "https://0x7f.0.0.1/told", "public internet"),
        ("webhookUrl", "https://localhost./told", "public internet"),
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


@pytest.mark.parametrize("url", ["https://8.8.8.8/told", "https://hooks.example.com:8443/told"])
def test_a_webhook_on_the_public_internet_is_told(url: str) -> None:
    assert Options.from_context({"webhookUrl": url}.get).webhook_url == url


def test_every_size_of_fargate_is_taken() -> None:
    for cpu, sizes in SIZES.items():
        for memory in sizes:
            read = Options.from_context({"taskCpu": cpu, "taskMemory": str(memory)}.get)
            assert (read.task_cpu, read.task_memory) == (cpu, memory)


def test_the_sizes_are_those_of_fargate() -> None:
    """As the service's model has them: a list, or a range with its steps, in MiB or, from 8 vCPU
    on, in GB."""
    ecs = botocore.session.get_session().get_service_model("ecs")
    told = ecs.shape_for("RegisterTaskDefinitionRequest").members["memory"].documentation
    for sizes, cpu in re.findall(r"<p>([^<]*) - Available <code>cpu</code> values: (\d+)", told):
        mib = [int(each) for each in re.findall(r"(\d+) \(", sizes)]
        numbers = mib or [1024 * int(each) for each in re.findall(r"\d+", sizes)]
        if "increments" in sizes:
            least, most, step = numbers
            numbers = list(range(least, most + 1, step))
        assert SIZES[int(cpu)] == tuple(numbers)
    assert set(SIZES) == {int(each) for each in re.findall(r"values: (\d+)", told)}


def test_logs_are_kept_as_long_as_cloudwatch_can() -> None:
    logs = botocore.session.get_session().get_service_model("logs")
    told = logs.shape_for("Days").documentation.partition("values are: ")[2].partition(".")[0]
    assert told.replace("and ", "").split(", ") == [str(each) for each in LOG_RETENTION_DAYS]


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("retentiondays", "retentionDays"),
        ("retention-days", "retentionDays"),
        ("Stage", "stage"),
        ("maxRunningJob", "maxRunningJobs"),
        ("webhookURL", "webhookUrl"),
        ("allowOrigins", "allowedOrigins"),
    ],
)
def test_a_mistyped_option_is_refused_with_the_one_that_was_meant(
    mistyped: str, meant: str
) -> None:
    with pytest.raises(OptionError, match=f"{mistyped} is no option: write {meant}"):
        names_nobody_reads(["stage", mistyped])


def test_what_the_cdk_keeps_in_its_context_is_its_own() -> None:
    assert not names_nobody_reads(
        [
            *(row.name for row in rows()),
            "@aws-cdk/core:validateAgainstDefaultRules",
            "aws:cdk:enable-path-metadata",
            "aws-cdk:enableDiffNoFail",
            "availability-zones:account=123456789012:region=eu-west-1",
            "vpc-provider:account=123456789012:filter.isDefault=true:region=eu-west-1",
            "acknowledged-issue-numbers",
            "cli-telemetry",
        ]
    )


def test_a_name_like_no_option_is_told_and_not_refused() -> None:
    """~/.cdk.json holds what a person chose for all their apps."""
    assert names_nobody_reads(["stage", "department"]) == ["department"]


def test_every_option_tells_what_it_chooses_and_may_be() -> None:
    for row in rows():
        assert row.chooses, row.name
        assert row.values.allowed, row.name
        assert row.values.example or str(row.default), row.name


def test_every_example_can_be_read() -> None:
    for row in rows():
        if row.values.example:
            assert row.values.read(row.values.example), row.name


def test_the_runbook_has_what_an_option_refers_to() -> None:
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    anchors = {re.sub("[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}
    referred = {each for row in rows() for each in re.findall(r"runbook\.md#([^)]+)", row.chooses)}
    assert len(referred) > 1
    assert referred <= anchors
