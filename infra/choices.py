"""The choices that an option may leave: one name each."""

from __future__ import annotations

from enum import StrEnum


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


class Egress(StrEnum):
    """How converter tasks reach AWS: by public addresses of their own in public subnets, which cost
    only while they run, or from private subnets by a NAT gateway, or by VPC endpoints alone."""

    PUBLIC = "public"
    NAT = "nat"
    ENDPOINTS = "endpoints"


class Web(StrEnum):
    """What people's browsers call: nothing of ours, or CloudFront, with the API behind it."""

    NONE = "none"
    CLOUDFRONT = "cloudfront"
