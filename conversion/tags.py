"""The texts that are written into an output: title, artist, lyrics and whatever else has a name.

They end up in a record, in an argument of ffmpeg and in a container, and are held to what all three
take.
"""

from __future__ import annotations

import re
from typing import Any

from conversion.errors import InvalidRequest
from conversion.formats import Format

Tags = tuple[tuple[str, str], ...]

# ffmpeg splits `-metadata key=value` at the first `=`; the rest of the set every container holds.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}")
# Lines and tabs may be in lyrics; NUL and half surrogates cannot be in an argument.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

MOST_TAGS = 50
# Bytes of UTF-8, names and texts of one conversion. An upload keeps up to 20 conversions in one
# item of at most 400 KB ("Quotas", Amazon DynamoDB developer guide), and Step Functions reads a
# job's whole item into a state of at most 256 KiB ("Quotas", AWS Step Functions developer guide).
MOST_TAG_BYTES = 16 * 1024

# Names that a muxer writes; any other it passes over in silence (libavformat's movenc.c and riff.c;
# the tests try each). A muxer that is not listed writes any name.
_HELD = {
    "ipod": "album album_artist artist comment composer copyright date description disc "
    "episode_id genre grouping keywords lyrics network show synopsis title track",
    "wav": "album artist comment copyright date encoded_by genre language title track",
}

# The muxer's own, whatever is asked for.
_WRITTEN = frozenset({"creation_time", "duration", "encoder"})


def read_tags(item: Any) -> Tags:
    """Out of a JSON object, sorted by name. Raises InvalidRequest for anything but texts."""
    if item is None:
        return ()
    if not isinstance(item, dict) or not all(isinstance(each, str) for each in item.values()):
        raise InvalidRequest('"tags" is an object of texts, by their names; "" removes a tag.')
    return tuple(sorted((str(name), text) for name, text in item.items()))


def refuse_impossible_tags(tags: Tags, made: Format) -> None:
    """Raises InvalidRequest, without a text in its message."""
    for name, text in tags:
        _check(name, text)
    if len({name.lower() for name, _ in tags}) < len(tags):
        raise InvalidRequest('"tags" has a name twice: upper and lower case are the same.')
    if len(tags) > MOST_TAGS:
        raise InvalidRequest(f'"tags" has {len(tags)} names; it may have {MOST_TAGS}.')
    if sum(len(name) + len(text.encode()) for name, text in tags) > MOST_TAG_BYTES:
        raise InvalidRequest(
            f'"tags" may have {MOST_TAG_BYTES} bytes of UTF-8 in all; shorten the longest.'
        )
    _check_held([name for name, text in tags if text], made)


def _check(name: str, text: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name!r} is no name of a tag: 1 to 64 letters, digits, spaces, _ and -, "
            'like "title" or "album_artist".'
        )
    if _NO_TEXT.search(text):
        raise InvalidRequest(f'The tag "{name}" has control characters; leave them out.')


def _check_held(names: list[str], made: Format) -> None:
    """Refuse what would be missing from the output."""
    if names and not made.tags:
        raise InvalidRequest(f"{made.name} holds no tags; leave them out or choose another format.")
    if ours := [name for name in names if name.lower() in _WRITTEN]:
        raise InvalidRequest(f'The tag "{ours[0]}" is written by the converter; leave it out.')
    held = _HELD.get(made.muxer, "").split()
    if held and (lost := [name for name in names if name.lower() not in held]):
        raise InvalidRequest(
            f'{made.name} has no place for the tag "{lost[0]}"; it takes {", ".join(held)}.'
        )
