"""JSONata as Step Functions evaluates it: `$states` and the variables bound, and its own functions.

What its documentation leaves out is not allowed ("Transforming data with JSONata", functions
provided by Step Functions): `$eval` is none of its functions, and an expression without a value
fails the state with States.QueryEvaluationError.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

from jsonata import Jsonata
from jsonata.utils import Utils

from tests.unit.statemachine.definitions import is_expression

Heard = Callable[[str], None]


class QueryEvaluationError(Exception):
    """What AWS would fail the state with."""


class Evaluator:
    """Evaluates templates, and tells `heard` the place of each expression that it evaluated."""

    def __init__(self, heard: Heard = lambda where: None) -> None:
        self._heard = heard

    def __call__(
        self, node: Any, states: dict[str, Any], variables: dict[str, Any], where: str = ""
    ) -> Any:
        if isinstance(node, dict):
            return {
                name: self(each, states, variables, f"{where}/{name}")
                for name, each in node.items()
            }
        if isinstance(node, list):
            return [
                self(each, states, variables, f"{where}/{number}")
                for number, each in enumerate(node)
            ]
        if not is_expression(node):
            return node
        self._heard(where)
        return _value(node[2:-2], states, variables)


def _value(text: str, states: dict[str, Any], variables: dict[str, Any]) -> Any:
    try:
        value = _parsed(text).evaluate(None, {**variables, "states": states})
    except Exception as refused:
        raise QueryEvaluationError(f"{text}: {refused}") from refused
    if value is None:
        raise QueryEvaluationError(f"{text}: it has no value")
    return json.loads(json.dumps(Utils.convert_nulls(value), default=str))


@cache
def _parsed(text: str) -> Jsonata:
    expression = Jsonata(text)
    expression.set_output_convert_nulls(False)  # null is a value, and none is not
    for name, function in _OF_STEP_FUNCTIONS.items():
        expression.register_lambda(name, function)
    return expression


def _partition(items: list[Any], size: int) -> list[list[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _range(first: int, last: int, step: int) -> list[int]:
    return list(range(first, last + 1, step))


def _hash(text: str, algorithm: str = "SHA-1") -> str:
    return hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest()


def _uuid() -> str:
    return str(uuid.uuid4())


_OF_STEP_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "uuid": _uuid,
    "parse": json.loads,
}
