"""Requests signed with AWS Signature Version 4, for a deployment that lets callers in by IAM.

botocore signs, and finds the credentials: in the environment, the profiles, single sign-on, the
instance. It takes 0.4 s to import, so this module is imported by whoever has something to sign.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from client.errors import NoCredentials

# The name by which API Gateway knows itself (IAM user guide, "Signing AWS API requests").
SERVICE = "execute-api"
# What a proxy on the way may change is not signed.
SIGNED = frozenset({"host", "content-type", "idempotency-key", "x-amz-target"})
MADE = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")


class Signature(httpx.Auth):
    """Signs each request, its body too, with the credentials of that moment: botocore renews those
    that run out. Raises NoCredentials when it cannot."""

    requires_request_body = True

    def __init__(
        self, credentials: Credentials, region: str, caller: str = "", service: str = SERVICE
    ) -> None:
        self.caller = caller
        self._credentials = credentials
        self._region = region
        self._service = service

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        self.sign(request)
        yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        await request.aread()
        await asyncio.to_thread(self.sign, request)  # renewing credentials waits for the network
        yield request

    def sign(self, request: httpx.Request) -> None:
        # As pairs and not as text: the signer then encodes them as AWS does, which httpx may not.
        unsigned = AWSRequest(
            method=request.method,
            url=str(request.url.copy_with(query=None)),
            params=request.url.params.multi_items(),
            data=request.content,
            headers={k: v for k, v in request.headers.items() if k.lower() in SIGNED},
        )
        try:
            frozen: Any = self._credentials.get_frozen_credentials()
            SigV4Auth(frozen, self._service, self._region).add_auth(unsigned)
        except BotoCoreError as error:
            raise _not_had(error) from error
        for name in MADE:
            if name in unsigned.headers:
                request.headers[name] = unsigned.headers[name]


def signature(profile: str | None, region: str, service: str = SERVICE) -> Signature | None:
    """With the credentials botocore finds, as the AWS CLI does; None where there are none. Raises
    NoCredentials for a profile that is not there, and for settings that cannot be read."""
    try:
        session = Session(profile=profile)
        credentials = session.get_credentials()
        named = str(session.get_config_variable("profile") or "default")
    except BotoCoreError as error:
        raise _not_had(error) from error
    if credentials is None:
        return None
    return Signature(credentials, region, _caller(credentials, named), service)


def _caller(credentials: Credentials, profile: str) -> str:
    """A key for good is known by its id. One for some hours is another the next day: then the
    profile is all that lasts."""
    if isinstance(credentials, RefreshableCredentials) or credentials.token:
        return f"profile {profile}"
    return f"key {credentials.access_key}"


def _not_had(error: BotoCoreError) -> NoCredentials:
    return NoCredentials(
        f"AWS credentials cannot be had ({error}): name a profile with --profile, or sign in anew "
        "(aws sso login, aws configure)."
    )
