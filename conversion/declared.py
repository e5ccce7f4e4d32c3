"""What a client declares of a file before it sends it: its name, length and type, and what to make
of it.

Each is read here out of a request's JSON, and refused with what to send instead.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from conversion.conversion import Conversion
from conversion.errors import EmptyUpload, InvalidRequest, UnsupportedMediaType, UploadTooLarge
from conversion.formats import INPUT_SUFFIXES

# The longest name common file systems can hold, in characters.
MOST_NAME_CHARACTERS = 255
# One upload can ask for each format there is and then some; more is a mistake.
MOST_CONVERSIONS = 20
# As long as RFC 6838 §4.2 allows for both halves of the name (127 each), parameters included.
MOST_MEDIA_TYPE_CHARACTERS = 255

# Control characters, line separators, and halves of surrogate pairs: JSON can carry those, UTF-8
# and so DynamoDB cannot.
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# RFC 6838 §4.2, and RFC 9110 §5.6.6 as far as we look at parameters.
SUBTYPE = r"[A-Za-z0-9!#$&^_.+-]+"
PARAMETERS = r"( *;[\x20-\x7e]*)?"
_MEDIA_TYPE = re.compile(f"{SUBTYPE}/{SUBTYPE}{PARAMETERS}")

# What can hold audio: these two trees, and the containers that were registered or named elsewhere
# (IANA's media types, shared-mime-info); the last are what browsers and S3 say of what they do not
# know.
AUDIO_TREES = ("audio", "video")
AUDIO_CONTAINERS = (
    *("application/mp4", "application/mxf", "application/ogg", "application/vnd.ms-asf"),
    *("application/vnd.rn-realmedia", "application/vnd.rn-realmedia-vbr"),
    *("application/x-flac", "application/x-matroska"),
    *("application/octet-stream", "binary/octet-stream"),
)
MEDIA_TYPES = (*(f"{tree}/*" for tree in AUDIO_TREES), *AUDIO_CONTAINERS)


def file_name(name: Any) -> str:
    """A name as it was given, less any folders: browsers and scripts send paths now and then."""
    if not isinstance(name, str):
        raise InvalidRequest('"fileName" is the file\'s name, for example "talk.wav".')
    name = name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if not name or _UNWRITABLE.search(name) or len(name) > MOST_NAME_CHARACTERS:
        raise InvalidRequest(
            f'"fileName" must have 1 to {MOST_NAME_CHARACTERS} characters and no control '
            "characters."
        )
    if suffix_of(name) not in INPUT_SUFFIXES:
        raise UnsupportedMediaType(
            f"A file named {name!r} is not known to hold audio. "
            f"Accepted: {', '.join(sorted(INPUT_SUFFIXES))}."
        )
    return name


def suffix_of(file_name: str) -> str:
    """The lower-case suffix without its dot, "" where there is none."""
    return PurePosixPath(file_name).suffix.removeprefix(".").lower()


def length(length: Any, most: int) -> int:
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise InvalidRequest('"bytes" is the file\'s length, a whole number.')
    if length == 0:
        raise EmptyUpload("The file is empty; there is nothing to convert.")
    if length > most:
        raise UploadTooLarge(
            f"The file has {length} bytes and this deployment takes up to {most}; split it, or "
            "compress it without loss (FLAC) first."
        )
    return length


def media_type(media_type: Any) -> str:
    """As it will be told of the object: blanks at the end of a header are none of its value (RFC
    9110 §5.5), and what was declared with them would not be what arrived."""
    if media_type is None:
        return "application/octet-stream"
    if (
        not isinstance(media_type, str)
        or len(media_type) > MOST_MEDIA_TYPE_CHARACTERS
        or not _MEDIA_TYPE.fullmatch(media_type)
    ):
        raise InvalidRequest('"contentType" is a media type (RFC 9110 §8.3.1) like "audio/wav".')
    if not _holds_audio(media_type):
        raise UnsupportedMediaType(
            f"What is of type {media_type!r} is not known to hold audio. "
            f"Accepted: {', '.join(MEDIA_TYPES)}; leave it out if you do not know."
        )
    return media_type.strip()


def _holds_audio(media_type: str) -> bool:
    """Types are the same in capitals (RFC 9110 §8.3.1)."""
    name = media_type.partition(";")[0].strip().lower()
    return name.partition("/")[0] in AUDIO_TREES or name in AUDIO_CONTAINERS


def conversions(conversions: Any, most: int) -> tuple[Conversion, ...]:
    """Duplicates are dropped: the same conversion of the same file is the same job."""
    if not isinstance(conversions, list) or len(conversions) > most:
        raise InvalidRequest(f'"conversions" is a list of up to {most} conversions.')
    return tuple(dict.fromkeys(Conversion.from_request(each) for each in conversions))
