"""Reading one value out of a request's JSON: of the right kind, or a clear refusal.

A request may come from a person's curl and a record from DynamoDB, where 2.0 comes back as 2: both
are read here. `null` says the same as leaving a field out. Whether a value makes sense is for the
class that holds it.
"""

from __future__ import annotations

from typing import Any

from conversion.errors import InvalidRequest

# A JSON object, of a request or of a record.
Item = dict[str, Any]

# Below it a float still tells microseconds apart; nobody means a number beyond it.
_FAR = 1e9


def object_of(value: Any, name: str, known: tuple[str, ...]) -> Item:
    """A JSON object with no field but the known ones: a misspelt option is never passed over."""
    if not isinstance(value, dict):
        raise InvalidRequest(f"{name} is an object with the fields {', '.join(known)}.")
    if unknown := sorted(str(each) for each in value.keys() - set(known)):
        raise InvalidRequest(f"{name} has no {unknown[0]!r}; its fields are {', '.join(known)}.")
    return value


def whole(fields: Item, name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not -_FAR < value < _FAR:
        raise InvalidRequest(f'"{name}" is a whole number.')
    return value


def number(fields: Item, name: str) -> float | None:
    """To the sixth decimal: ffmpeg counts microseconds, and DynamoDB refuses the likes of 1e-200.
    Zero has no sign here, or the same conversion could be written in two ways."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_FAR < value < _FAR:
        raise InvalidRequest(f'"{name}" is a number.')
    return round(float(value), 6) + 0.0


def choice(fields: Item, name: str, *choices: str) -> str | None:
    value = fields.get(name)
    if value is not None and value not in choices:
        raise InvalidRequest(f'"{name}" is one of {", ".join(choices)}.')
    return value


def flag(fields: Item, name: str) -> bool | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidRequest(f'"{name}" is true or false.')
    return value
