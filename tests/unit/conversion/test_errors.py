"""The tree in the module's docstring is the tree of classes, and a code has one meaning."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from conversion import errors
from conversion.errors import FenceError, PermanentError, RequestError, SluiceError, TransientError

# The same thing found early, by the API, and late, by the converter: one meaning, one code.
SAME_MEANING = [{"EmptyUpload", "EmptyInput"}, {"UploadTooLarge", "InputTooLarge"}]


def classes(root: type[SluiceError] = SluiceError) -> list[type[SluiceError]]:
    """Those of the module; tests and rooms may derive their own."""
    return [
        each
        for child in root.__subclasses__()
        for each in ([child, *classes(child)] if child.__module__ == errors.__name__ else [])
    ]


def documented() -> dict[str, str]:
    """Class → base, as the docstring draws it."""
    found: dict[str, str] = {}
    family = "SluiceError"
    for line in (errors.__doc__ or "").splitlines():
        if re.match(r"    (├──|└──) ", line):
            family = re.findall(r"\w+", line)[0]
            found[family] = "SluiceError"
        elif match := re.match(r"    │   (?:├──|└──) ([\w, ]+?)(?:   .*)?$", line):
            found |= dict.fromkeys(re.findall(r"\w+", match[1]), family)
    return found


def test_the_drawn_tree_is_the_tree() -> None:
    assert documented() == {each.__name__: each.__bases__[0].__name__ for each in classes()}


def test_a_code_has_one_meaning() -> None:
    by_code: dict[str, set[str]] = defaultdict(set)
    for each in classes():
        if each not in (RequestError, PermanentError, TransientError, FenceError):
            by_code[each.code].add(each.__name__)

    assert [names for names in by_code.values() if len(names) > 1] == SAME_MEANING
    assert SluiceError.code not in by_code


@pytest.mark.parametrize("error", classes(), ids=lambda each: each.__name__)
def test_an_error_has_a_code_a_message_and_a_family(error: type[SluiceError]) -> None:
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", error.code)
    assert error("Say what to do.").message == "Say what to do."


@pytest.mark.parametrize("error", classes(RequestError), ids=lambda each: each.__name__)
def test_a_refusal_is_a_4xx(error: type[RequestError]) -> None:
    assert 400 <= error.http_status < 500


def test_the_families_do_not_overlap() -> None:
    families = [set(classes(each)) for each in SluiceError.__subclasses__()]
    assert sum(len(each) for each in families) == len(set().union(*families))
