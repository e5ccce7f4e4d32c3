"""Requests signed as AWS's own clients sign them (SigV4), by users of the local engine."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "us-east-1"


class Signed(httpx.Auth):
    requires_request_body = True

    def __init__(self, credentials: Credentials, service: str = "execute-api") -> None:
        self._signer = SigV4Auth(credentials, service, REGION)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        sent = {
            name: value
            for name, value in request.headers.items()
            if name in ("host", "content-type")
        }
        signed = AWSRequest(request.method, str(request.url), headers=sent, data=request.content)
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request


def new_user(iam: Any, name: str) -> tuple[str, Credentials]:
    """The user's ARN, and a key of hers."""
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return arn, Credentials(key["AccessKeyId"], key["SecretAccessKey"])
