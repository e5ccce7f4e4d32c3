"""Options as the CDK's context gives them: the command line gives text, cdk.json anything that JSON
can hold. What cannot be read is refused by the option's name, with what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Generic, TypeVar

from conversion.conversion import Conversion
from conversion.errors import RequestError
from infra.egress import ZONES
from infra.errors import OptionError

Context = Callable[[str], Any]
T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)

_ZONE = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+[a-z]")
# More digits than any limit has, and than Python would read at length.
_WHOLE = re.compile(r"[0-9]{1,20}")
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
# How the CDK and its command line name what they keep in the context: with a path, a digest or a
# colon in it, or by one of these words ("CDK context", CDK guide; `cdk acknowledge`, telemetry).
_CDKS_OWN = re.compile(r".*[@:/].*|acknowledged-issue-numbers|cli-telemetry|cdk-.*")


class Unreadable(Exception):
    """What is wrong with a value: the middle of a sentence that begins with it, and ends with an
    example."""


@dataclass(frozen=True)
class Values(Generic[T]):
    """What an option may be given: `allowed` tells people, in Markdown; `read` raises Unreadable.
    An `example` is needed where there is no default to show."""

    allowed: str
    read: Callable[[Any], T]
    example: str = ""


def given(name: str, values: Values[T], told: Context, default: T) -> T:
    """Raises OptionError."""
    value = told(name)
    if value is None:
        return default
    try:
        return values.read(value)
    except Unreadable as error:
        example = f"-c {name}={values.example or default}"
        raise OptionError(f"{name}={value!r} {error}, like {example}.") from error


def unknown(named: Iterable[str], known: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Each name in the context that is neither an option nor the CDK's own, and the option that was
    probably meant."""
    letters = {_letters(each): each for each in known}
    for name in named:
        if name not in letters.values() and not _CDKS_OWN.fullmatch(name):
            near = get_close_matches(_letters(name), letters, n=1, cutoff=0.75)
            yield name, letters[near[0]] if near else None


def _letters(name: str) -> str:
    return re.sub("[-_. ]", "", name).lower()


def stage() -> Values[str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not _STAGE.fullmatch(value):
            raise Unreadable(
                "cannot be part of a stack's name: use up to 20 lower-case letters, digits and "
                "hyphens, a letter first"
            )
        return value

    return Values("up to 20 lower-case letters, digits and hyphens, a letter first", read, "prod")


def zones() -> Values[tuple[str, ...]]:
    """Which an account has cannot be known without asking it: only that they are two, of one
    region."""
    are_two = several(
        _ZONE.fullmatch,
        ZONES,
        f"{ZONES} availability zones of the region, with commas",
        f"is not {ZONES} availability zones of one region",
        "eu-west-1a,eu-west-1b",
    )

    def read(value: Any) -> tuple[str, ...]:
        found = are_two.read(value)
        if len(found) != ZONES or len({each[:-1] for each in found}) != 1:
            raise Unreadable(f"is not {ZONES} availability zones of one region")
        return found

    return Values(are_two.allowed, read, are_two.example)


def one_of(choices: type[Choice]) -> Values[Choice]:
    def read(value: Any) -> Choice:
        if value not in list(choices):
            raise Unreadable(f"is not known: use {' or '.join(choices)}")
        return choices(value)

    return Values(" or ".join(f"`{each}`" for each in choices), read)


def number(least: int, most: int) -> Values[int]:
    def read(value: Any) -> int:
        found = _whole(value)
        if found is None or not least <= found <= most:
            raise Unreadable(f"is not a whole number from {least} to {most}")
        return found

    return Values(f"{least:,} to {most:,}", read)


def number_of(several: Iterable[int]) -> Values[int]:
    numbers = tuple(several)

    def read(value: Any) -> int:
        found = _whole(value)
        if found not in numbers:
            raise Unreadable(f"is none of {', '.join(map(str, numbers))}")
        return found

    return Values(", ".join(f"{each}" for each in numbers), read)


def conversions() -> Values[str]:
    def read(value: Any) -> str:
        found = listed(value)
        try:
            for each in found or ("",):
                Conversion.parse(each)
        except RequestError as error:
            raise Unreadable(
                f"cannot be made: {error} Write formats, bitrates and presets"
            ) from error
        return ",".join(found)

    return Values("formats, bitrates in kbit/s, presets, with commas", read, "mp3@128,archive-flac")


def matching(pattern: re.Pattern[str], allowed: str, wrong: str, example: str) -> Values[str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Unreadable(wrong)
        return value

    return Values(allowed, read, example)


def several(
    is_one: Callable[[str], object], most: int, allowed: str, wrong: str, example: str
) -> Values[tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        found = listed(value)
        if not 1 <= len(found) <= most or not all(map(is_one, found)):
            raise Unreadable(wrong)
        return found

    return Values(allowed, read, example)


def listed(value: Any) -> tuple[str, ...]:
    """Without doubles; cdk.json may hold a list."""
    each = value if isinstance(value, list) else str(value).split(",")
    return tuple(dict.fromkeys(text for one in each if (text := str(one).strip())))


def _whole(value: Any) -> int | None:
    text = str(value)
    return int(text) if _WHOLE.fullmatch(text) else None
