"""What a deployment may choose, by `cdk … -c name=value` or the context of cdk.json.

Everything else is decided in the stacks. An option is a row of the table that the class is: its
name, its default, what it may be, and what it chooses. It is read once, here, and refused here or
in infra/combinations.py; docs/options.md is written from the same rows (`make options`).
"""

# ruff: noqa: RUF009 - what `_option` makes is a field

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from infra import addresses, context
from infra.choices import Architecture, Auth, Egress, ProgressStore, Removal, Web
from infra.combinations import refuse_what_does_not_go_together
from infra.context import Context, Values
from infra.errors import OptionError
from infra.fargate import MOST_OUTPUT_BYTES, SIZES, TaskSettings, disk_gib

T = TypeVar("T")

# A lifecycle rule takes whole days and at least one (S3 API, LifecycleExpiration). Files are for
# fetching, not for keeping: more than a year is a mistyped number.
_MOST_DAYS = 366
# The ids of the running jobs are one item, which holds about 12,000 of them (DynamoDB, item size).
_MOST_RUNNING = 5_000
# Whether more may wait, or be uploaded, is answered by counting those that do, on each request.
_MOST_COUNTED = 10_000
# What an output may have by default, for which the task has a disk; an input has no need of more.
_MOST_BYTES = 20 * 1024**3
# Each is a task of its own that reads the file.
_MOST_CONVERSIONS = 100
# All HTTP APIs of an account share 10,000 requests a second, and a burst of 5,000 ("Amazon API
# Gateway quotas", account-level throttling), which is twice the rate here.
_MOST_REQUESTS = 2_500
# A signed URL ends with the credentials that signed it, whatever it says itself ("Download and
# upload objects with presigned URLs", S3 user guide). How long a function's last AWS does not say,
# nor has a function fresh ones for each request; a role's last half a day at most ("Methods to
# assume a role", IAM guide). A promise of more than half of that would often be broken.
_LEAST_SIGNED, _MOST_SIGNED = 60, 6 * 3600
# An attempt has six hours (statemachine/), in which a week of sound is encoded at 28 times its
# speed: the slowest of our encoders, one vCPU each, does about that (benchmarks/results).
_MOST_SECONDS = 7 * 24 * 3600
# "PutRetentionPolicy", CloudWatch Logs API reference.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_MEMORIES = sorted({each for sizes in SIZES.values() for each in sizes})


def _option(default: T, values: Values[T], chooses: str) -> T:
    return field(default=default, metadata={"values": values, "chooses": chooses})


@dataclass(frozen=True)
class Options:
    stage: str = _option(
        "dev",
        context.stage(),
        "the stacks' names, `sluice-STAGE-…`: several stages fit into one account",
    )
    architecture: Architecture = _option(
        Architecture.ARM64,
        context.one_of(Architecture),
        "what the functions and the container run on",
    )
    auth: Auth = _option(
        Auth.IAM,
        context.one_of(Auth),
        "who may call the API: `iam` (signed callers of the account), `jwt` (bearers of a token) "
        "or `none` (anybody; to try things, since all may call it and all see everything)",
    )
    jwt_issuer: str = _option(
        "",
        addresses.issuer(),
        "with `auth=jwt`: whose tokens. Without it and `jwtAudience`, a Cognito user pool is made "
        "([runbook](runbook.md#what-an-operator-can-do))",
    )
    jwt_audience: tuple[str, ...] = _option(
        (), addresses.audience(), "with `jwtIssuer`: whom its tokens are meant for"
    )
    operators: tuple[str, ...] = _option(
        (), addresses.operators(), "who sees everybody's files and jobs, and may run batches"
    )
    allowed_origins: tuple[str, ...] = _option(
        ("*",), addresses.origins(), "the web pages that may call the API and the bucket"
    )
    web: Web = _option(
        Web.NONE,
        context.one_of(Web),
        "`cloudfront`: a distribution in front of the API, for browsers; not with `auth=iam`, and "
        "not in a region that accounts have to opt in to, whose buckets CloudFront sends no logs. "
        "To take it away, [two steps](deploy.md#taking-an-option-away)",
    )
    web_acl: str = _option(
        "",
        addresses.web_acl(),
        "with `web=cloudfront`: the firewall (AWS WAF) in front of it. The API's own address, "
        "`….execute-api.…`, stays open beside CloudFront to whoever has a token, and the firewall "
        "does not see it; so not with `auth=none`",
    )
    web_domain: str = _option(
        "",
        addresses.web_domain(),
        "with `web=cloudfront`: a name of your own for it; you point it to the output `WebAlias`",
    )
    web_certificate: str = _option(
        "",
        addresses.web_certificate(),
        "with `webDomain`: its certificate. TLS below 1.2 is refused then; with CloudFront's own "
        "certificate it cannot be",
    )
    default_conversions: str = _option(
        "mp3",
        context.conversions(),
        "what becomes of an object dropped under `uploads/` without asking the API",
    )
    retention_days: int = _option(
        7, context.number(1, _MOST_DAYS), "days that uploads, outputs and job records are kept"
    )
    max_running_jobs: int = _option(
        100,
        context.number(1, _MOST_RUNNING),
        "how many jobs run at once, a task each; the others wait as `queued`",
    )
    max_waiting_jobs: int = _option(
        1000, context.number(0, _MOST_COUNTED), "how many may wait before the API answers 429"
    )
    max_upload_bytes: int = _option(
        5 * 1024**3, context.number(1, _MOST_BYTES), "bytes of the largest file that is taken"
    )
    max_output_bytes: int = _option(
        20 * 1024**3,
        context.number(1, MOST_OUTPUT_BYTES),
        "bytes of the largest output; a task's disk has so much, and 10 GiB, since an output may "
        "have to go by way of a file",
    )
    max_duration_seconds: int = _option(
        24 * 3600, context.number(1, _MOST_SECONDS), "seconds of sound in the longest input"
    )
    max_conversions: int = _option(
        20, context.number(1, _MOST_CONVERSIONS), "how many conversions one upload may ask for"
    )
    max_open_uploads: int = _option(
        1000,
        context.number(1, _MOST_COUNTED),
        "how many uploads that were asked for within a day may be neither completed nor aborted "
        "before the API answers 429",
    )
    max_requests_per_second: int = _option(
        500,
        context.number(1, _MOST_REQUESTS),
        "how many requests the API answers, of all callers together; the others get 429",
    )
    url_seconds: int = _option(
        3600,
        context.number(_LEAST_SIGNED, _MOST_SIGNED),
        "how long a signed URL is good for at most: it ends sooner if the credentials of the "
        "function that signed it do; another is signed on demand",
    )
    task_cpu: int = _option(
        1024,
        context.number_of(SIZES),
        "CPU units of a converter's task, 1,024 a vCPU. An encoder uses one, and no more",
    )
    task_memory: int = _option(
        2048,
        Values("as [below](#sizes-of-a-task)", context.number_of(_MEMORIES).read),
        "MiB of memory of a converter's task",
    )
    spot_percent: int = _option(
        100,
        context.number(0, 100),
        "how many of a hundred jobs begin on Spot, which costs up to 70 % less; what Spot "
        "interrupts or does not start goes on on demand",
    )
    egress: Egress = _option(
        Egress.PUBLIC,
        context.one_of(Egress),
        "how tasks reach AWS: see [below](#ways-out-of-the-network)",
    )
    zones: tuple[str, ...] = _option(
        (),
        context.zones(),
        "where tasks run, for a region whose first two zones have no Fargate, endpoints or "
        "ElastiCache. For the first deployment: later, subnets cannot move "
        "([deploy](deploy.md#the-first-deployment))",
    )
    progress_store: ProgressStore = _option(
        ProgressStore.DYNAMODB,
        context.one_of(ProgressStore),
        "`redis`: a serverless cache in front of the table, for progress fresher than a second "
        "(about $6 a month at rest; to go back, [runbook](runbook.md#when-redis-is-gone))",
    )
    webhook_url: str = _option(
        "", addresses.webhook(), "who is told of each job, signed after Standard Webhooks"
    )
    alarm_topic: str = _option(
        "",
        addresses.topic(),
        "who is told of each alarm; without it and `alarmEmail`, alarms change colour in "
        "CloudWatch and tell nobody ([runbook](runbook.md#by-alarm))",
    )
    alarm_email: str = _option(
        "",
        addresses.email(),
        "who is told of each alarm by mail, once they have confirmed that they want to be",
    )
    log_retention_days: int = _option(
        30, context.number_of(LOG_RETENTION_DAYS), "days that logs are kept"
    )
    batch_sources: tuple[str, ...] = _option(
        (),
        addresses.sources(),
        "what may be converted where it lies: of these `sluice batch` may list and read. To take "
        "it away, [two steps](deploy.md#taking-an-option-away)",
    )
    removal: Removal = _option(
        Removal.RETAIN,
        context.one_of(Removal),
        "what `cdk destroy` does with the bucket, the tables and the users, and all that is in "
        "them",
    )

    @property
    def makes_users(self) -> bool:
        return self.auth is Auth.JWT and not self.jwt_issuer

    def task_settings(self) -> TaskSettings:
        return {
            "task_cpu": self.task_cpu,
            "task_memory": self.task_memory,
            "task_disk": disk_gib(self.max_output_bytes),
            "task_addresses": int(self.egress is Egress.PUBLIC),
        }

    @classmethod
    def from_context(cls, told: Context) -> Options:
        """Read by `App.node.try_get_context`. Raises OptionError with what to write instead."""
        read = {row.field: context.given(row.name, row.values, told, row.default) for row in rows()}
        options = cls(**read)
        refuse_what_does_not_go_together(options)
        return options


@dataclass(frozen=True)
class Row:
    """Of the table: `field` of Options is called `name` by whoever deploys."""

    field: str
    name: str
    default: Any
    values: Values[Any]
    chooses: str


def rows() -> list[Row]:
    return [_row(each) for each in fields(Options)]


def _row(each: Field[Any]) -> Row:
    """The name is the field's, in camelCase."""
    first, *others = each.name.split("_")
    name = first + "".join(other.capitalize() for other in others)
    return Row(each.name, name, each.default, each.metadata["values"], each.metadata["chooses"])


def names_nobody_reads(named: Iterable[str]) -> list[str]:
    """Of the names in the context, those that are no option and not the CDK's own. Raises
    OptionError for one that is probably a mistyped option: it would be passed over in silence."""
    unread: list[str] = []
    for name, meant in context.unknown(named, [row.name for row in rows()]):
        if meant:
            raise OptionError(f"{name} is no option: write {meant}. docs/options.md has them all.")
        unread.append(name)
    return unread
