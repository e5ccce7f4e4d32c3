"""Values of options as the CDK's context gives them, read: the command line gives text, cdk.json
anything that JSON can hold. What cannot be read is refused by the option's name, with what to
write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from conversion.conversion import Conversion
from conversion.errors import RequestError
from infra.errors import OptionError

Context = Callable[[str], Any]
Choice = TypeVar("Choice", bound=StrEnum)

_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
# A standard topic ("CreateTopic", Amazon SNS API reference).
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
# Users and roles (IAM guide, "IAM identifiers"), or the subject of a token, which is up to 255
# ASCII characters (OpenID Connect Core 1.0 §2); no comma, which is between two of them.
_OPERATOR = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,2048}")
_AUDIENCE = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}")
# Where the local pipeline's tests can serve an issuer; API Gateway takes https alone.
_LOOPBACK = ("127.0.0.1", "localhost")
# "Amazon API Gateway quotas": audiences of a JWT authorizer.
_MOST_AUDIENCES = 50


def stage(context: Context, default: str) -> str:
    name = context("stage")
    if name is None:
        return default
    if not isinstance(name, str) or not _STAGE.fullmatch(name):
        raise OptionError(
            f"stage={name!r} cannot be part of a stack's name: use up to 20 lower-case letters, "
            "digits and hyphens, a letter first, like -c stage=prod."
        )
    return name


def one_of(choices: type[Choice], name: str, context: Context, default: Choice) -> Choice:
    value = context(name)
    if value is None:
        return default
    if value not in list(choices):
        raise OptionError(f"{name}={value!r} is not known: use {' or '.join(choices)}.")
    return choices(value)


def number(name: str, context: Context, default: int, least: int, most: int) -> int:
    value = context(name)
    if value is None:
        return default
    text = str(value)
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise OptionError(
            f"{name}={value!r} is not a whole number from {least} to {most}, "
            f"like -c {name}={default}."
        )
    return int(text)


def conversions(context: Context, default: str) -> str:
    text = context("defaultConversions")
    if text is None:
        return default
    try:
        for each in str(text).split(","):
            Conversion.parse(each.strip())
    except RequestError as error:
        raise OptionError(
            f"defaultConversions={text!r} cannot be made: {error} Write formats, bitrates and "
            "presets, like -c defaultConversions=mp3@128,archive-flac."
        ) from error
    return str(text)


def webhook(context: Context, default: str) -> str:
    """What leads to a private address is refused by whoever delivers, who looks the name up."""
    url = context("webhookUrl")
    if url is None:
        return default
    parts = _url(url)
    if parts is None or parts.scheme != "https":
        raise OptionError(
            f"webhookUrl={url!r} cannot be told of jobs: give an address with https and no user "
            "name, like -c webhookUrl=https://example.com/sluice."
        )
    return str(url)


def topic(context: Context, default: str) -> str:
    arn = context("alarmTopic")
    if arn is None:
        return default
    if not isinstance(arn, str) or not _TOPIC.fullmatch(arn):
        raise OptionError(
            f"alarmTopic={arn!r} is not the ARN of a standard SNS topic, like "
            "-c alarmTopic=arn:aws:sns:eu-west-1:123456789012:operators."
        )
    return arn


def issuer(context: Context, default: str) -> str:
    """What a token's `iss` says, to the letter."""
    url = context("jwtIssuer")
    if url is None:
        return default
    parts = _url(url)
    if parts is None or parts.query or parts.fragment or not _is_safe(parts):
        raise OptionError(
            f"jwtIssuer={url!r} is no issuer of tokens: give its address as the tokens' `iss` has "
            "it, with https, like -c jwtIssuer=https://login.example.com/."
        )
    return str(url)


def audience(context: Context, default: tuple[str, ...]) -> tuple[str, ...]:
    given = context("jwtAudience")
    if given is None:
        return default
    found = _listed(given)
    if not 1 <= len(found) <= _MOST_AUDIENCES or not all(map(_AUDIENCE.fullmatch, found)):
        raise OptionError(
            f"jwtAudience={given!r} is not 1 to {_MOST_AUDIENCES} audiences, as the tokens' `aud` "
            "or `client_id` has them, like -c jwtAudience=sluice,sluice-batch."
        )
    return found


def operators(context: Context, default: tuple[str, ...]) -> tuple[str, ...]:
    given = context("operators")
    if given is None:
        return default
    found = _listed(given)
    if not found or not all(map(_OPERATOR.fullmatch, found)):
        raise OptionError(
            f"operators={given!r} names nobody: give ARNs of users and roles, or subjects of "
            "tokens, like -c operators=arn:aws:iam::123456789012:role/Operators."
        )
    return found


def origins(context: Context, default: tuple[str, ...]) -> tuple[str, ...]:
    given = context("allowedOrigins")
    if given is None:
        return default
    found = _listed(given)
    if found == ("*",):
        return found
    if not found or not all(map(_is_origin, found)):
        raise OptionError(
            f"allowedOrigins={given!r} are not origins of pages: give * for all, or each as a "
            "browser sends it, in lower case and without a path, like "
            "-c allowedOrigins=https://example.com,http://localhost:5173."
        )
    return found


def _is_origin(text: str) -> bool:
    """The serialisation of an origin: scheme, host, and a port that is not the scheme's own (Fetch
    standard, "Origin header"). Wildcards in a part of it are not exact, and not taken."""
    parts = _url(text)
    if parts is None or "*" in text or parts.scheme not in ("http", "https"):
        return False
    own = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    port = f":{parts.port}" if parts.port not in (None, own) else ""
    return text == f"{parts.scheme}://{host}{port}"


def _is_safe(parts: SplitResult) -> bool:
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _url(text: Any) -> SplitResult | None:
    """An address without a user name, taken apart; None for what is none."""
    try:
        parts = urlsplit(str(text))
        _ = parts.port  # which is read, and refused, only now
    except ValueError:
        return None
    writable = str(text).isascii() and str(text).isprintable() and " " not in str(text)
    return parts if writable and parts.hostname and "@" not in parts.netloc else None


def _listed(given: Any) -> tuple[str, ...]:
    """Without doubles; cdk.json may hold a list."""
    each = given if isinstance(given, list) else str(given).split(",")
    return tuple(dict.fromkeys(text for one in each if (text := str(one).strip())))
