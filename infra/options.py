"""What a deployment may choose, by `cdk … -c name=value` or the context of cdk.json.

Everything else is decided in the stacks. An option is read once, here, and refused here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

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


Choice = TypeVar("Choice", bound=StrEnum)

_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
# A lifecycle rule takes whole days and at least one (S3 API, LifecycleExpiration). Files are for
# fetching, not for keeping: more than a year is a mistyped number.
_MOST_DAYS = 366


@dataclass(frozen=True)
class Options:
    """`retention_days`: how long uploads, outputs and job records are kept. `default_conversions`:
    what becomes of an object that nobody asked the API about, like `mp3@128,archive-flac`."""

    stage: str = "dev"
    architecture: Architecture = Architecture.ARM64
    auth: Auth = Auth.IAM
    retention_days: int = 7
    removal: Removal = Removal.RETAIN
    default_conversions: str = "mp3"

    @classmethod
    def from_context(cls, context: Callable[[str], Any]) -> Options:
        """Read by `App.node.try_get_context`. Raises OptionError with what to write instead."""
        return cls(
            stage=_stage(context("stage")),
            architecture=_one_of(Architecture, "architecture", context, cls.architecture),
            auth=_one_of(Auth, "auth", context, cls.auth),
            retention_days=_days(context("retentionDays")),
            removal=_one_of(Removal, "removal", context, cls.removal),
            default_conversions=_conversions(context("defaultConversions")),
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


def _days(days: Any) -> int:
    """The command line gives text, cdk.json gives numbers."""
    if days is None:
        return Options.retention_days
    text = str(days)
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_DAYS:
        raise OptionError(
            f"retentionDays={days!r} is not a number of days from 1 to {_MOST_DAYS}, "
            "like -c retentionDays=7."
        )
    return int(text)


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
