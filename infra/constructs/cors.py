"""What pages of other origins may send, and read, of the API and of the bucket: what is used, and
nothing else.

Any origin is safe, and the default: no cookie is involved. Who may call the API is for its
authorizer to say, and what lets a page into the bucket is the presigned URL that it holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_s3 as s3

# How long a browser remembers what it was allowed.
_REMEMBERED = Duration.hours(1)

# A page that signs (SigV4) sends the last two, and the digest of its body.
_SENT_TO_API = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
]
# Cache-Control, Content-Length and Content-Type need no leave to be read (Fetch standard,
# "CORS-safelisted response-header name").
_READ_OF_API = ["etag", "location", "retry-after"]

# What a presigned PUT signs and a resumed download sends. A browser sends content-length by itself
# and never asks leave for it.
_SENT_TO_BUCKET = ["content-type", "if-none-match", "range"]
_READ_OF_BUCKET = ["Accept-Ranges", "Content-Disposition", "Content-Range", "ETag"]


def of_api(origins: Sequence[str]) -> apigateway.CorsPreflightOptions:
    method = apigateway.CorsHttpMethod
    return apigateway.CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=[method.DELETE, method.GET, method.POST, method.PUT],
        allow_headers=_SENT_TO_API,
        expose_headers=_READ_OF_API,
        max_age=_REMEMBERED,
    )


def of_bucket(origins: Sequence[str]) -> s3.CorsRule:
    method = s3.HttpMethods
    return s3.CorsRule(
        allowed_origins=list(origins),
        allowed_methods=[method.GET, method.HEAD, method.PUT],
        allowed_headers=_SENT_TO_BUCKET,
        exposed_headers=_READ_OF_BUCKET,
        max_age=int(_REMEMBERED.to_seconds()),
    )
