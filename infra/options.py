"""What a deployment may choose, by `cdk … -c name=value` or the context of cdk.json.

Everything else is decided in the stacks. An option is read once, here, and refused here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from conversion.conversion import Conversion
from conversion.errors import RequestError
from infra.errors import OptionError


class Architecture(StrEnum):
    """Of the functions and of the converter's container alike."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


class Auth(StrEnum):
    """Who may call the API: signed callers of the account (SigV4), or, to try things, anybody."""

    IAM = "iam"
    NONE = "none"


class Removal(StrEnum):
    """What `cdk destroy` does with the bucket and the tables."""

    RETAIN = "retain"
    DESTROY = "destroy"


class ProgressStore(StrEnum):
    """Where progress is read first: in its table, or in a cache in front of it, which costs about
    $6 a month at rest and puts one function into the VPC."""

    DYNAMODB = "dynamodb"
    REDIS = "redis"


Choice = TypeVar("Choice", bound=StrEnum)

_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
# A standard topic ("CreateTopic", Amazon SNS API reference).
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
# A lifecycle rule takes whole days and at least one (S3 API, LifecycleExpiration). Files are for
# fetching, not for keeping: more than a year is a mistyped number.
_MOST_DAYS = 366
# The ids of the running jobs are one item, which holds about 12,000 of them (DynamoDB, item size).
_MOST_RUNNING = 5_000
# Whether more may wait is answered by counting those that do, on each request.
_MOST_WAITING = 10_000


@dataclass(frozen=True)
class Options:
    """`retention_days`: how long uploads, outputs and job records are kept. `default_conversions`:
    what becomes of an object that nobody asked the API about, like `mp3@128,archive-flac`.
    `max_running_jobs`, each a task of one vCPU: the others wait, `max_waiting_jobs` of them before
    the API asks callers to come back later. `webhook_url`: who is told of each job, if anybody.
    `alarm_topic`: the ARN of the SNS topic that is told of each alarm, if any."""

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

    @classmethod
    def from_context(cls, context: Callable[[str], Any]) -> Options:
        """Read by `App.node.try_get_context`. Raises OptionError with what to write instead."""
        return cls(
            stage=_stage(context("stage")),
            architecture=_one_of(Architecture, "architecture", context, cls.architecture),
            auth=_one_of(Auth, "auth", context, cls.auth),
            retention_days=_number("retentionDays", context, cls.retention_days, 1, _MOST_DAYS),
            removal=_one_of(Removal, "removal", context, cls.removal),
            default_conversions=_conversions(context("defaultConversions")),
            progress_store=_one_of(ProgressStore, "progressStore", context, cls.progress_store),
            max_running_jobs=_number(
                "maxRunningJobs", context, cls.max_running_jobs, 1, _MOST_RUNNING
            ),
            max_waiting_jobs=_number(
                "maxWaitingJobs", context, cls.max_waiting_jobs, 0, _MOST_WAITING
            ),
            webhook_url=_webhook(context("webhookUrl")),
            alarm_topic=_topic(context("alarmTopic")),
        )


def _stage(stage: Any) -> str:
    if stage is None:
        return Options.stage
    if not isinstance(stage, str) or not _STAGE.fullmatch(stage):
        raise OptionError(
            f"stage={stage!r} cannot be part of a stack's name: use up to 20 lower-case letters, "
            "digits and hyphens, a letter first, like -c stage=prod."
        )
    return stage


def _number(name: str, context: Callable[[str], Any], default: int, least: int, most: int) -> int:
    """The command line gives text, cdk.json gives numbers."""
    value = context(name)
    if value is None:
        return default
    text = str(value)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise OptionError(
            f"{name}={value!r} is not a whole number from {least} to {most}, "
            f"like -c {name}={default}."
        )
    return int(text)


def _webhook(url: Any) -> str:
    """What leads to a private address is refused by whoever delivers, who looks the name up."""
    if url is None:
        return Options.webhook_url
    try:
        parts = urlsplit(str(url))
        _ = parts.port  # which is read, and refused, only now
        sound = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
    except ValueError:
        sound = False
    if not sound or not str(url).isascii() or not str(url).isprintable() or " " in str(url):
        raise OptionError(
            f"webhookUrl={url!r} cannot be told of jobs: give an address with https and no user "
            "name, like -c webhookUrl=https://example.com/sluice."
        )
    return str(url)


def _topic(arn: Any) -> str:
    if arn is None:
        return Options.alarm_topic
    if not isinstance(arn, str) or not _TOPIC.fullmatch(arn):
        raise OptionError(
            f"alarmTopic={arn!r} is not the ARN of a standard SNS topic, like "
            "-c alarmTopic=arn:aws:sns:eu-west-1:123456789012:operators."
        )
    return arn


def _conversions(text: Any) -> str:
    if text is None:
        return Options.default_conversions
    try:
        for each in str(text).split(","):
            Conversion.parse(each.strip())
    except RequestError as error:
        raise OptionError(
            f"defaultConversions={text!r} cannot be made: {error} Write formats, bitrates and "
            "presets, like -c defaultConversions=mp3@128,archive-flac."
        ) from error
    return str(text)


def _one_of(
    choices: type[Choice], name: str, context: Callable[[str], Any], default: Choice
) -> Choice:
    value = context(name)
    if value is None:
        return default
    if value not in list(choices):
        raise OptionError(f"{name}={value!r} is not known: use {' or '.join(choices)}.")
    return choices(value)
