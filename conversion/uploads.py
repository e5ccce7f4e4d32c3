"""A file on its way in: what was asked for before the first byte is sent.

The name a person gave lives here and never in an S3 key; the key is made of the file id.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol

from conversion.clock import expiry, has_passed, timestamp, utc_now
from conversion.conversion import Conversion
from conversion.errors import EmptyUpload, InvalidRequest, UnsupportedMediaType, UploadTooLarge
from conversion.fields import Item, object_of
from conversion.formats import INPUT_SUFFIXES

PREFIX = "uploads/"

# The longest name common file systems can hold, in characters.
MOST_NAME_CHARACTERS = 255
# One upload can ask for each format there is and then some; more is a mistake.
MOST_CONVERSIONS = 20

_FIELDS = ("fileName", "bytes", "contentType", "conversions")

# Control characters, line separators, and halves of surrogate pairs: JSON can carry those, UTF-8
# and so DynamoDB cannot.
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( *;[\x20-\x7e]*)?")
# As long as RFC 6838 §4.2 allows for both halves of the name (127 each), parameters included.
MOST_MEDIA_TYPE_CHARACTERS = 255


@dataclass(frozen=True)
class Upload:
    """`bytes` and `media_type` are what the client declared, and what its signed PUT is held to."""

    file_id: str
    file_name: str
    bytes: int
    media_type: str
    conversions: tuple[Conversion, ...]
    created_at: str
    expires_at: int

    @property
    def key(self) -> str:
        return f"{PREFIX}{self.file_id}.{suffix_of(self.file_name)}"

    @property
    def has_expired(self) -> bool:
        return has_passed(self.expires_at)

    @classmethod
    def from_request(cls, body: Any, max_bytes: int, retention_days: int) -> Upload:
        """Read and check a request `{fileName, bytes, contentType?, conversions?}`. A conversion
        is a `format` or a `preset`, and what conversion/conversion.py takes beside it.

        Raises InvalidRequest, UnsupportedMediaType (415), EmptyUpload, UploadTooLarge (413) or
        UnsupportedOutputFormat; each says what to send instead.
        """
        body = object_of(body, "An upload", _FIELDS)
        now = utc_now()
        return cls(
            file_id=uuid.uuid4().hex,
            file_name=_file_name(body.get("fileName")),
            bytes=_length(body.get("bytes"), max_bytes),
            media_type=_media_type(body.get("contentType")),
            conversions=_conversions(body.get("conversions", [])),
            created_at=timestamp(now),
            expires_at=expiry(now, retention_days),
        )

    def to_item(self) -> Item:
        return {
            "fileId": self.file_id,
            "fileName": self.file_name,
            "bytes": self.bytes,
            "mediaType": self.media_type,
            "conversions": [each.to_item() for each in self.conversions],
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
        }

    @classmethod
    def from_item(cls, item: Item) -> Upload:
        return cls(
            file_id=item["fileId"],
            file_name=item["fileName"],
            bytes=item["bytes"],
            media_type=item["mediaType"],
            conversions=tuple(Conversion.from_item(each) for each in item["conversions"]),
            created_at=item["createdAt"],
            expires_at=item["expiresAt"],
        )


class UploadStore(Protocol):
    """The contract of an upload store; conversion/stores/uploads.py keeps it in DynamoDB."""

    def put(self, upload: Upload) -> None: ...

    def find(self, file_id: str, expired_too: bool = False) -> Upload | None:
        """The upload, or None when there is none or, unless `expired_too`, it has expired."""
        ...

    def remove(self, file_id: str) -> bool:
        """Delete the record of an upload that has expired; False when it has not, or is gone."""
        ...


def file_id_of(key: str) -> str:
    """The file id in `uploads/{fileId}.{ext}`; for an object dropped there under a name of its own,
    that name without its suffix, which no upload record answers to."""
    name = key.removeprefix(PREFIX)
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix)


def suffix_of(file_name: str) -> str:
    """The lower-case suffix without its dot, "" where there is none."""
    return PurePosixPath(file_name).suffix.removeprefix(".").lower()


def _file_name(name: Any) -> str:
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


def _length(length: Any, most: int) -> int:
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


def _media_type(media_type: Any) -> str:
    if media_type is None:
        return "application/octet-stream"
    if (
        not isinstance(media_type, str)
        or len(media_type) > MOST_MEDIA_TYPE_CHARACTERS
        or not _MEDIA_TYPE.fullmatch(media_type)
    ):
        raise InvalidRequest('"contentType" is a media type (RFC 9110 §8.3.1) like "audio/wav".')
    return media_type


def _conversions(conversions: Any) -> tuple[Conversion, ...]:
    """Duplicates are dropped: the same conversion of the same file is the same job."""
    if not isinstance(conversions, list) or len(conversions) > MOST_CONVERSIONS:
        raise InvalidRequest(f'"conversions" is a list of up to {MOST_CONVERSIONS} conversions.')
    return tuple(dict.fromkeys(Conversion.from_request(each) for each in conversions))
