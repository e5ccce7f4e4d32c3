"""How a JSON Schema (2020-12, what OpenAPI 3.1 takes) is written here: plain dictionaries, by a few
short words, and each with what a client's author should know of it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

Schema = dict[str, Any]

_NULL: Schema = {"type": "null"}


def record(told: str, **fields: Schema) -> Schema:
    """An answer's object: every field is always there. A later release may add more."""
    return {
        "type": "object",
        "description": told,
        "required": list(fields),
        "properties": fields,
    }


def asked(told: str, required: Iterable[str] = (), **fields: Schema) -> Schema:
    """A request's object: a field that is not named here is refused."""
    return {
        "type": "object",
        "description": told,
        "required": list(required),
        "properties": fields,
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str):
        either = schema | {"type": [schema["type"], "null"]}
        return either | {"enum": [*schema["enum"], None]} if "enum" in schema else either
    return {"anyOf": [schema, _NULL]}


def array(of: Schema, told: str = "", **more: Any) -> Schema:
    return {"type": "array", "items": of} | _told(told) | more


def text(told: str = "", **more: Any) -> Schema:
    return {"type": "string"} | _told(told) | more


def whole(told: str = "", least: int | None = 0, most: int | None = None, **more: Any) -> Schema:
    return {"type": "integer"} | _told(told) | _between(least, most) | more


def number(told: str = "", least: float | None = 0, most: float | None = None) -> Schema:
    return {"type": "number"} | _told(told) | _between(least, most)


def flag(told: str = "", **more: Any) -> Schema:
    return {"type": "boolean"} | _told(told) | more


def one_of(choices: type[StrEnum] | Iterable[Any], told: str = "", kind: str = "string") -> Schema:
    values = [each.value if isinstance(each, StrEnum) else each for each in choices]
    return {"type": kind, "enum": values} | _told(told)


def moment(told: str = "") -> Schema:
    """ISO 8601, in UTC."""
    return {"type": "string", "format": "date-time"} | _told(told)


def identifier(told: str) -> Schema:
    return {"type": "string", "pattern": "^[0-9a-f]{32}$"} | _told(told)


def _told(told: str) -> Schema:
    return {"description": told} if told else {}


def _between(least: float | None, most: float | None) -> Schema:
    bounds = {"minimum": least, "maximum": most}
    return {name: value for name, value in bounds.items() if value is not None}
