"""Options that are addresses: of the internet, of AWS's resources, of people and of callers."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from conversion.public_internet import is_public
from infra.context import Unreadable, Values, listed, matching, several

# A standard topic ("CreateTopic", Amazon SNS API reference).
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
# CloudFront takes a web ACL of the global scope, which is of us-east-1 ("ARN formats for AWS WAF").
_WEB_ACL = re.compile(
    r"arn:aws[a-z-]*:wafv2:us-east-1:[0-9]{12}:global/webacl/[A-Za-z0-9_-]{1,128}/[0-9a-f-]{36}"
)
# "Requirements for using SSL/TLS certificates with CloudFront": of us-east-1 alone.
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:us-east-1:[0-9]{12}:certificate/[0-9a-f-]{36}")
# RFC 1123 §2.1, in lower case, and with a dot in it.
_DOMAIN = re.compile(
    r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
# The common form of an address, of 254 characters at most (RFC 5321 §4.5.3.1.3): no quoted local
# part, no comment, no literal of a host.
_EMAIL = re.compile(
    r"(?=.{3,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@([a-z0-9-]+\.)+[a-z]{2,63}"
)
# Users and roles (IAM guide, "IAM identifiers"), or the subject of a token, which is up to 255
# ASCII characters (OpenID Connect Core 1.0 §2); no comma, which is between two of them.
_OPERATOR = re.compile(r"(?!\*$)[\x21-\x2b\x2d-\x7e]{1,2048}")
_AUDIENCE = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}")
# "General purpose bucket naming rules", and a prefix. In a policy that names it, `*`, `?` and `$`
# would stand for other prefixes.
_SOURCE = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?$,\x00-\x1f]{0,255})?")
# Where the local pipeline's tests can serve an issuer; API Gateway takes https alone.
_LOOPBACK = ("127.0.0.1", "localhost")
_LOCAL = re.compile(r"(.*\.)?localhost")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# "Amazon API Gateway quotas": audiences of a JWT authorizer.
_MOST_AUDIENCES = 50
# Each is a statement's resource, twice, in policies of up to 10,240 characters a role ("IAM and AWS
# STS quotas").
_MOST_SOURCES = 20
# As long as a CloudFormation template or a function's environment would take them.
_MANY = 200


def webhook() -> Values[str]:
    """A name that leads to a private address is refused by whoever delivers, who looks it up."""

    def read(value: Any) -> str:
        parts = _url(value)
        if parts is None or parts.scheme != "https":
            raise Unreadable("cannot be told of jobs: give an address with https and no user name")
        if _is_private(parts):
            raise Unreadable(
                "leads to this machine or a private network, where nothing is delivered to: give "
                "an address on the public internet"
            )
        return str(value)

    return Values("an `https` address on the public internet", read, "https://example.com/sluice")


def topic() -> Values[str]:
    return matching(
        _TOPIC,
        "the ARN of a standard SNS topic",
        "is not the ARN of a standard SNS topic",
        "arn:aws:sns:eu-west-1:123456789012:operators",
    )


def email() -> Values[str]:
    return matching(_EMAIL, "an e-mail address", "is no e-mail address", "operators@example.com")


def web_acl() -> Values[str]:
    return matching(
        _WEB_ACL,
        "the ARN of a WAFv2 web ACL of the global (CloudFront) scope, which is of us-east-1",
        "is not the ARN of a WAFv2 web ACL of the global scope, in us-east-1, which CloudFront "
        "needs",
        "arn:aws:wafv2:us-east-1:123456789012:global/webacl/sluice/"
        "01234567-89ab-cdef-0123-456789abcdef",
    )


def web_domain() -> Values[str]:
    return matching(
        _DOMAIN,
        "a name of the internet's, in lower case",
        "is no name of the internet's, in lower case and without https://",
        "audio.example.com",
    )


def web_certificate() -> Values[str]:
    return matching(
        _CERTIFICATE,
        "the ARN of a certificate of AWS Certificate Manager in us-east-1",
        "is not the ARN of a certificate in us-east-1, which CloudFront needs",
        "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
    )


def issuer() -> Values[str]:
    """What a token's `iss` says, to the letter."""

    def read(value: Any) -> str:
        parts = _url(value)
        if parts is None or parts.query or parts.fragment or not _is_safe(parts):
            raise Unreadable(
                "is no issuer of tokens: give its address as the tokens' `iss` has it, with https"
            )
        return str(value)

    return Values("an `https` address, as the tokens' `iss` has it", read, "https://example.com/")


def audience() -> Values[tuple[str, ...]]:
    return several(
        _AUDIENCE.fullmatch,
        _MOST_AUDIENCES,
        f"1 to {_MOST_AUDIENCES} audiences, with commas, as the tokens' `aud` or `client_id`",
        f"is not 1 to {_MOST_AUDIENCES} audiences, as the tokens' `aud` or `client_id` has them",
        "sluice,sluice-batch",
    )


def operators() -> Values[tuple[str, ...]]:
    return several(
        _OPERATOR.fullmatch,
        _MANY,
        "ARNs of users and roles, or subjects of tokens, with commas",
        "names nobody: give ARNs of users and roles, or subjects of tokens",
        "arn:aws:iam::123456789012:role/Operators",
    )


def origins() -> Values[tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        found = listed(value)
        if found != ("*",) and (not found or not all(map(_is_origin, found))):
            raise Unreadable(
                "are not origins of pages: give * for all, or each as a browser sends it, in "
                "lower case and without a path"
            )
        return found

    example = "https://example.com,http://localhost:5173"
    return Values("`*`, or origins as a browser sends them, with commas", read, example)


def sources() -> Values[tuple[str, ...]]:
    """`s3://` in front is taken off."""
    is_source = several(
        _SOURCE.fullmatch,
        _MOST_SOURCES,
        f"up to {_MOST_SOURCES} of `bucket` or `bucket/prefix`, with commas",
        f"is not 1 to {_MOST_SOURCES} buckets, or prefixes in them without * ? or $",
        "recordings,archive/2024/",
    )

    def read(value: Any) -> tuple[str, ...]:
        return is_source.read([each.removeprefix("s3://") for each in listed(value)])

    return Values(is_source.allowed, read, is_source.example)


def _is_private(parts: SplitResult) -> bool:
    """A literal address that is not public, or a name that is this machine's (RFC 6761 §6.3)."""
    host = str(parts.hostname).removesuffix(".")
    try:
        return not is_public(str(ipaddress.ip_address(host)))
    except ValueError:
        # Resolvers read what ends in a number as an address, 127.1 too (URL standard, "ends in a
        # number checker").
        return bool(_LOCAL.fullmatch(host) or _NUMBER.fullmatch(host.rpartition(".")[2]))


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
