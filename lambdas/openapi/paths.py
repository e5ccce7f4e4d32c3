"""Which methods a path of the API takes: what a 404 and a 405 are told apart by."""

from __future__ import annotations

import re

from lambdas.openapi.document import DOCUMENT

_PARAMETER = re.compile(r"\\\{\w+\\\}")


def _matcher(path: str) -> re.Pattern[str]:
    return re.compile(_PARAMETER.sub("[^/]+", re.escape(path)))


_TAKEN = [
    (_matcher(path), tuple(method.upper() for method in forms))
    for path, forms in DOCUMENT["paths"].items()
]


def methods_at(path: str) -> tuple[str, ...]:
    """In the order of the document, with OPTIONS, which every path takes; none for no path."""
    for matcher, methods in _TAKEN:
        if matcher.fullmatch(path):
            return (*methods, "OPTIONS")
    return ()
