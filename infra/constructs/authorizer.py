"""Who may call the API at all: API Gateway asks before a function runs (decision 0019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer, HttpJwtAuthorizer

from infra.choices import Auth
from infra.constructs.users import Users
from infra.options import Options


@dataclass(frozen=True)
class Authorizers:
    """`callers` for what callers do with files and jobs of theirs; `account` for what tends the
    whole deployment, where tokens say nothing of who may: that takes a signature of the account."""

    callers: apigateway.IHttpRouteAuthorizer
    account: apigateway.IHttpRouteAuthorizer


def authorizers(options: Options, users: Users | None) -> Authorizers:
    match options.auth:
        case Auth.IAM:
            signed = _signed()
            return Authorizers(signed, signed)
        case Auth.JWT if users:
            return Authorizers(_token(users.issuer, users.audience), _signed())
        case Auth.JWT:
            return Authorizers(_token(options.jwt_issuer, options.jwt_audience), _signed())
        case Auth.NONE:
            return Authorizers(nobody(), nobody())


def nobody() -> apigateway.IHttpRouteAuthorizer:
    return cast(apigateway.IHttpRouteAuthorizer, apigateway.HttpNoneAuthorizer())


def _signed() -> apigateway.IHttpRouteAuthorizer:
    return cast(apigateway.IHttpRouteAuthorizer, HttpIamAuthorizer())


def _token(issuer: str, audience: Sequence[str]) -> apigateway.IHttpRouteAuthorizer:
    authorizer = HttpJwtAuthorizer("Tokens", issuer, jwt_audience=list(audience))
    return cast(apigateway.IHttpRouteAuthorizer, authorizer)
