"""What receiving a file asks of the bucket, which clients send into themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from conversion.parts import LandedPart


@dataclass(frozen=True)
class SignedRequest:
    """A request the holder may make as it stands until `expires_at` (ISO 8601): these headers are
    signed and must be sent."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: str


class Arrived(Protocol):
    """What HEAD tells of an object."""

    @property
    def bytes(self) -> int: ...
    @property
    def media_type(self) -> str: ...


class Bucket(Protocol):
    """The bucket, as far as receiving a file needs it; conversion/stores/incoming.py tells what
    each may raise."""

    def head(self, key: str) -> Arrived: ...
    def open_parts(self, key: str, media_type: str) -> str: ...
    def parts(self, key: str, upload_id: str) -> Sequence[LandedPart]: ...
    def join_parts(self, key: str, upload_id: str, parts: Sequence[LandedPart]) -> None: ...
    def abort_multipart(self, key: str, upload_id: str) -> None: ...
    def delete(self, key: str) -> None: ...
    def presign_put(
        self, key: str, length: int, media_type: str, seconds: int
    ) -> SignedRequest: ...
    def presign_part(
        self, key: str, upload_id: str, number: int, length: int, seconds: int
    ) -> SignedRequest: ...
