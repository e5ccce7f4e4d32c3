"""What holds an API to its OpenAPI document: schemathesis, told what the document promises.

It makes requests that keep to the document and such that break it, and checks each answer: no 5xx,
no status, type, header or body that is not written there; what keeps to the document is taken, and
what breaks it refused.
"""

from __future__ import annotations

import copy
import re
from typing import Any
from zlib import crc32

import schemathesis
from schemathesis.config import SchemathesisConfig

from lambdas.openapi.document import DOCUMENT
from lambdas.openapi.observed import OBSERVED
from lambdas.openapi.told import TOLD

_KEY = re.compile(DOCUMENT["components"]["parameters"]["IdempotencyKey"]["schema"]["pattern"])
# A file of so many bytes comes in so many parts.
IN_PARTS, PARTS = 50_000_000, 6
# What asks for something that is there may not find it, or not in the state for it.
_TAKEN = ["2xx", "3xx", "404", "409", "410"]
# A schema does not say which options of a conversion go together, which key was used before, or how
# large a file a deployment takes.
_MAKES = ("createUpload", "createUploadPlain", "createJob", "createJobPlain")
_MAY_BE = {"expected-statuses": [*_TAKEN, "400", "413", "422"]}


def closed() -> dict[str, Any]:
    """The document, but for answers with no field beside its own: clients are told to pass over
    what they do not know, a test is not."""
    document = copy.deepcopy(DOCUMENT)
    schemas = document["components"]["schemas"]
    for name in (*TOLD, *OBSERVED):
        _close(schemas[name])
    return document


def _close(schema: Any) -> None:
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for each in schema.values():
            _close(each)
    elif isinstance(schema, list):
        for each in schema:
            _close(each)


def api(examples: int, every_bound: bool) -> Any:
    """`examples` a route, and, of `every_bound` of each field in turn, one that keeps to it and one
    that does not: hundreds for a route with a conversion."""
    generation = {"deterministic": True, "with-security-parameters": False, "database": "none"}
    config = {
        "generation": generation | {"max-examples": examples},
        "phases": {"coverage": {"enabled": every_bound}},
        "operations": [
            {"include-operation-id": list(_MAKES), "checks": {"positive_data_acceptance": _MAY_BE}}
        ],
        "checks": {
            # Whether a caller may call is for API Gateway; tests/infra holds its routes to that.
            "ignored_auth": {"enabled": False},
            "positive_data_acceptance": {"expected-statuses": _TAKEN},
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
        },
    }
    return schemathesis.openapi.from_dict(closed(), config=SchemathesisConfig.from_dict(config))


def point_at(case: Any, known: dict[str, list[str]]) -> None:
    """Let a request that keeps to the document ask for something that is there: of an id that was
    made up, three in four times; by a cursor always, which nobody makes up. Each body has an
    Idempotency-Key of its own."""
    _tell_apart(case)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    asked = (case.path_parameters, case.query, case.body)
    chosen = crc32(repr((asked, case.headers)).encode())
    for fields in asked:
        for name in known.keys() & set(fields if isinstance(fields, dict) else ()):
            if name == "cursor" or (isinstance(fields[name], str) and chosen % 4):
                fields[name] = known[name][chosen // 4 % len(known[name])]
    if isinstance(case.body, dict) and "partNumbers" in case.body:
        case.body["partNumbers"] = [1 + int(each) % PARTS for each in case.body["partNumbers"]]
    if "partNumber" in (case.path_parameters or {}):
        case.path_parameters["partNumber"] = 1 + int(case.path_parameters["partNumber"]) % PARTS


def _tell_apart(case: Any) -> None:
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and _KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{crc32(repr(case.body).encode()):x}"
