"""A request's body: JSON as RFC 8259 has it, an object, and nothing that two readers would read in
two ways.

Python's reader takes more than JSON (`NaN`), the last of two fields of one name in silence, and no
integer of more than 4,300 digits: each is refused here with its own reason. JSON has one kind of
number, in which 2.0 is 2: it is read as a whole number where it is one.
"""

from __future__ import annotations

import json
import math
from typing import Any

from conversion.errors import InvalidRequest

# No field of this API needs more; a double has 17 digits, its exponent and signs.
_MOST_DIGITS = 100


def read_object(text: str) -> dict[str, Any]:
    """Raises InvalidRequest unless `text` is a JSON object."""
    try:
        body = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_number,
            parse_constant=_no_json,
        )
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply; no field needs it.") from None
    except ValueError as error:
        raise InvalidRequest(f"The body is not JSON{_where(error)}; send a JSON object.") from None
    if not isinstance(body, dict):
        raise InvalidRequest(f"The body is {_called(body)}; send a JSON object.")
    return body


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise InvalidRequest(f"The body has the field {name!r} twice; send it once.")
        fields[name] = value
    return fields


def _whole(digits: str) -> int:
    return int(_short(digits))


def _number(text: str) -> float:
    number = float(_short(text))
    if math.isinf(number):
        raise InvalidRequest(f"The number {text} is too large; send one below 1e308.")
    return int(number) if number.is_integer() else number


def _short(number: str) -> str:
    if len(number) > _MOST_DIGITS:
        raise InvalidRequest(
            f"A number in the body has {len(number)} characters; send at most {_MOST_DIGITS}."
        )
    return number


def _no_json(constant: str) -> Any:
    raise InvalidRequest(f"{constant} is not JSON (RFC 8259 §6); send a number, or null.")


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f" at line {error.lineno}, column {error.colno}"
    return ""


def _called(body: Any) -> str:
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(body), "a number")
