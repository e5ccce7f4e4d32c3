"""Amazon DynamoDB: a table's stream lives on, though the engine under it ends and starts again.

AWS: a change can be read for 24 hours ("Change data capture for DynamoDB Streams"). ministack:
saves how far each function has read, but not what there is to read, so that after a restart as many
changes are passed over as there had been before it.
"""

from __future__ import annotations

import copy
from importlib import import_module
from typing import Any

dynamodb: Any = import_module("ministack.services.dynamodb")

_KEPT = ("_stream_records", "_stream_trimmed")

_get_state = dynamodb.get_state
_load_state = dynamodb.load_persisted_state


def install() -> None:
    dynamodb.get_state = get_state
    dynamodb.load_persisted_state = load_persisted_state


def get_state() -> dict[str, Any]:
    return {**_get_state(), **{name: copy.deepcopy(getattr(dynamodb, name)) for name in _KEPT}}


def load_persisted_state(data: dict[str, Any]) -> None:
    _load_state(data)
    for name in _KEPT:
        getattr(dynamodb, name).update(data.get(name, {}))
