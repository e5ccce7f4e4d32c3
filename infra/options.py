"""What a deployment may choose, by `cdk … -c name=value` or the context of cdk.json.

Everything else is decided in the stacks. An option is read once, here, and refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from infra import context
from infra.context import Context
from infra.errors import OptionError


class Architecture(StrEnum):
    """Of the functions and of the converter's container alike."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


class Auth(StrEnum):
    """Who may call the API: signed callers of the account (SigV4), bearers of an issuer's tokens,
    or, to try things, anybody (decision 0019)."""

    IAM = "iam"
    JWT = "jwt"
    NONE = "none"


class Removal(StrEnum):
    """What `cdk destroy` does with the bucket, the tables and the users."""

    RETAIN = "retain"
    DESTROY = "destroy"


class ProgressStore(StrEnum):
    """Where progress is read first: in its table, or in a cache in front of it, which costs about
    $6 a month at rest and puts one function into the VPC."""

    DYNAMODB = "dynamodb"
    REDIS = "redis"


# A lifecycle rule takes whole days and at least one (S3 API, LifecycleExpiration). Files are for
# fetching, not for keeping: more than a year is a mistyped number.
_MOST_DAYS = 366
# The ids of the running jobs are one item, which holds about 12,000 of them (DynamoDB, item size).
_MOST_RUNNING = 5_000
# Whether more may wait, or be uploaded, is answered by counting those that do, on each request.
_MOST_COUNTED = 10_000
# What an output may have (ConverterSettings), for which the task has a disk; an input has no need
# of more.
_MOST_BYTES = 20 * 1024**3
# Each is a task of its own that reads the file.
_MOST_CONVERSIONS = 100
# All HTTP APIs of an account share 10,000 requests a second, and a burst of 5,000 ("Amazon API
# Gateway quotas", account-level throttling), which is twice the rate here.
_MOST_REQUESTS = 2_500


@dataclass(frozen=True)
class Options:
    """`retention_days`: how long uploads, outputs and job records are kept. `default_conversions`:
    what becomes of an object that nobody asked the API about, like `mp3@128,archive-flac`.
    `max_running_jobs`, each a task of one vCPU: the others wait, `max_waiting_jobs` of them before
    the API asks callers to come back later. `webhook_url`: who is told of each job, if anybody.
    `alarm_topic`: the ARN of the SNS topic that is told of each alarm, if any.

    `jwt_issuer`, `jwt_audience`: of the tokens that `auth=jwt` takes; without them there is a pool
    of users. `operators`: callers who see everybody's files and jobs. `max_upload_bytes`,
    `max_conversions` of one upload, `max_open_uploads` of a day that are not completed, and
    `max_requests_per_second` of all callers together, the rest of which is answered 429.
    `allowed_origins`: of pages that may call the API and the bucket, or `*`."""

    stage: str = "dev"
    architecture: Architecture = Architecture.ARM64
    auth: Auth = Auth.IAM
    retention_days: int = 7
    removal: Removal = Removal.RETAIN
    default_conversions: str = "mp3"
    progress_store: ProgressStore = ProgressStore.DYNAMODB
    max_running_jobs: int = 100
    max_waiting_jobs: int = 1000
    webhook_url: str = ""
    alarm_topic: str = ""
    jwt_issuer: str = ""
    jwt_audience: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    max_upload_bytes: int = 5 * 1024**3
    max_conversions: int = 20
    max_open_uploads: int = 1000
    max_requests_per_second: int = 500
    allowed_origins: tuple[str, ...] = ("*",)

    @property
    def makes_users(self) -> bool:
        return self.auth is Auth.JWT and not self.jwt_issuer

    @classmethod
    def from_context(cls, told: Context) -> Options:
        """Read by `App.node.try_get_context`. Raises OptionError with what to write instead."""

        def number(name: str, default: int, most: int, least: int = 1) -> int:
            return context.number(name, told, default, least, most)

        options = cls(
            stage=context.stage(told, cls.stage),
            architecture=context.one_of(Architecture, "architecture", told, cls.architecture),
            auth=context.one_of(Auth, "auth", told, cls.auth),
            retention_days=number("retentionDays", cls.retention_days, _MOST_DAYS),
            removal=context.one_of(Removal, "removal", told, cls.removal),
            default_conversions=context.conversions(told, cls.default_conversions),
            progress_store=context.one_of(ProgressStore, "progressStore", told, cls.progress_store),
            max_running_jobs=number("maxRunningJobs", cls.max_running_jobs, _MOST_RUNNING),
            max_waiting_jobs=number("maxWaitingJobs", cls.max_waiting_jobs, _MOST_COUNTED, 0),
            webhook_url=context.webhook(told, cls.webhook_url),
            alarm_topic=context.topic(told, cls.alarm_topic),
            jwt_issuer=context.issuer(told, cls.jwt_issuer),
            jwt_audience=context.audience(told, cls.jwt_audience),
            operators=context.operators(told, cls.operators),
            max_upload_bytes=number("maxUploadBytes", cls.max_upload_bytes, _MOST_BYTES),
            max_conversions=number("maxConversions", cls.max_conversions, _MOST_CONVERSIONS),
            max_open_uploads=number("maxOpenUploads", cls.max_open_uploads, _MOST_COUNTED),
            max_requests_per_second=number(
                "maxRequestsPerSecond", cls.max_requests_per_second, _MOST_REQUESTS
            ),
            allowed_origins=context.origins(told, cls.allowed_origins),
        )
        options._refuse_what_does_not_go_together()
        return options

    def _refuse_what_does_not_go_together(self) -> None:
        if bool(self.jwt_issuer) != bool(self.jwt_audience):
            raise OptionError(
                "jwtIssuer and jwtAudience are given together: an issuer's tokens are for many, "
                "and the audience says which are for this API. Without both, auth=jwt makes a "
                "pool of users of its own."
            )
        if self.jwt_issuer and self.auth is not Auth.JWT:
            raise OptionError(f"jwtIssuer has no use with auth={self.auth}: add -c auth=jwt.")
        if self.operators and self.auth is Auth.NONE:
            raise OptionError(
                "operators has no use with auth=none, where nobody is asked who they are, and "
                "everybody sees everything: take -c auth=iam or -c auth=jwt."
            )
