"""The API's OpenAPI 3.1 document: what GET /v1/openapi.json answers and docs/openapi.json holds.

It is put together from what the domain itself checks requests by: formats, presets, limits, errors.
It is the same for every deployment; what differs between them is told by GET /v1/formats.
"""

from __future__ import annotations

from typing import Any

from conversion import errors
from conversion.errors import RequestError, SluiceError, TransientError
from lambdas import problems
from lambdas.idempotency_key import MOST_KEY_CHARACTERS
from lambdas.openapi.answers import HEADERS, problem_schemas, shared
from lambdas.openapi.batch_routes import BATCH_SCHEMAS, BATCHES
from lambdas.openapi.job_routes import JOBS
from lambdas.openapi.observed import OBSERVED
from lambdas.openapi.operations import Operation
from lambdas.openapi.sent import SENT
from lambdas.openapi.service_routes import SERVICE
from lambdas.openapi.shapes import Schema, text
from lambdas.openapi.told import TOLD
from lambdas.openapi.upload_routes import UPLOADS

# Of the API, whose paths begin with v1; a field or a route more is no other version.
VERSION = "1.0.0"

OPERATIONS: tuple[Operation, ...] = (*UPLOADS, *JOBS, *BATCHES, *SERVICE)

_TOLD = """\
Audio conversion: announce a file, PUT it to the signed URL you are given, follow the job, fetch
what it made.

1. `POST /v1/uploads` with the file's name, length and the conversions you want.
2. PUT the bytes to `upload.url` with exactly `upload.headers`, or, above 16 MiB, in the parts that
   `POST /v1/uploads/{fileId}/parts` signs, and `POST /v1/uploads/{fileId}/complete`. These URLs
   lead to S3: send no `Authorization` there.
3. `GET /v1/jobs?fileId=` tells the jobs that have started, within seconds;
   `GET /v1/jobs/{jobId}/progress` how far each is. Ask as often as `Retry-After` says.
4. `GET /v1/jobs/{jobId}/output` answers 303: follow it.

Every error of the service is a problem (RFC 9457) with a `code` that never changes its meaning;
401, 403, 429, 500 and 503 may also come from the gateway before it, as `{"message": …}`. Send what
was answered with 429, 500 or 503 again, later each time. With an `Idempotency-Key` that is safe for
the POSTs that make something; all other requests are as good done twice as once.

Fields and codes are added over time: pass over those you do not know. Requests with fields that
are not known are refused. What is another caller's is as good as not there: 404."""

_PARAMETERS: dict[str, Schema] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Of your own choosing, such as a UUID, and new for each thing to be made. "
        "A request with the key and the body of an earlier one, within a day, makes nothing "
        "and is answered with what the earlier one made.",
        "schema": text(pattern=r"^[\x21\x23-\x7e]+$", minLength=1, maxLength=MOST_KEY_CHARACTERS),
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "An ETag of an earlier answer: 304 while nothing has changed.",
        "schema": text(),
    },
}

_SECURITY: dict[str, Schema] = {
    "sigv4": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "description": "AWS Signature Version 4, for the service `execute-api`, by an identity "
        "that may `execute-api:Invoke` (deployments with auth=iam, the default).",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the deployment's issuer, for its audience, with a `sub` "
        "(deployments with auth=jwt).",
    },
}

_TAGS = {
    "uploads": "Files on their way in.",
    "jobs": "Conversions, and what they made.",
    "batches": "Files that are in S3 already.",
    "service": "The service itself.",
}


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        for path, forms in operation.forms().items():
            paths.setdefault(path, {}).update(forms)
    return paths


def _codes() -> set[str]:
    """Of every problem there can be."""
    raised = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, RequestError | TransientError)
    ]
    framed = (problems.RouteNotFound, problems.MethodNotAllowed, SluiceError)
    families = {RequestError, TransientError}
    return {each.code for each in (*raised, *framed) if each not in families}


_OPEN_API: Schema = {"type": "object", "required": ["openapi", "info", "paths"]}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
    "info": {
        "title": "Sluice",
        "version": VERSION,
        "summary": "Event-driven audio conversion.",
        "description": _TOLD,
    },
    "servers": [{"url": "/", "description": "The deployment this document was fetched from."}],
    "tags": [{"name": name, "description": told} for name, told in _TAGS.items()],
    "paths": _paths(),
    "components": {
        "schemas": problem_schemas(_codes())
        | SENT
        | TOLD
        | OBSERVED
        | BATCH_SCHEMAS
        | {"OpenApi": _OPEN_API},
        "responses": shared(),
        "parameters": _PARAMETERS,
        "headers": HEADERS,
        "securitySchemes": _SECURITY,
    },
}
