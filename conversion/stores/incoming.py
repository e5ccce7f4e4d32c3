"""What clients send into the bucket themselves: by one signed PUT, or by signed parts that are then
joined.

Permissions: PutObject (presign_put, presign_part, which the signed URLs borrow; open_parts,
join_parts), ListMultipartUploadParts (parts), and those of conversion/stores/objects.py. Leaves
behind: parts that were neither joined nor aborted, and an upload whose answer was lost on its way
here; the bucket's lifecycle rule removes both.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from conversion.clock import timestamp, utc_now
from conversion.errors import SourceChanged, StorageUnavailable
from conversion.incoming import SignedRequest
from conversion.parts import LandedPart
from conversion.stores.answers import code_of
from conversion.stores.objects import Objects, s3_errors, unquoted

# A part is not, or no longer, what it was listed as ("CompleteMultipartUpload", S3 API reference).
_NOT_AS_LISTED = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall"})
# Joining can take minutes, and meanwhile S3 sends blanks, each of which begins the client's read
# timeout anew (ibid.). API Gateway waits for 30 s (HTTP API quotas, "Maximum integration timeout"),
# the function for a second less; what is left is for the calls around this one.
JOIN_SECONDS = 22.0


class Incoming(Objects):
    """A `conversion.incoming.Bucket`. `joining` is a client that asks S3 once to join parts;
    without it that is asked of `client` too. For no joining is waited longer than `join_seconds`.
    """

    def __init__(
        self, client: Any, bucket: str, joining: Any = None, join_seconds: float = JOIN_SECONDS
    ) -> None:
        super().__init__(client, bucket)
        self._joining = joining or client
        self._join_seconds = join_seconds

    def open_parts(self, key: str, media_type: str) -> str:
        """Without a checksum algorithm: browsers would have to send a checksum with each part."""
        with s3_errors():
            return self._client.create_multipart_upload(
                Bucket=self.bucket, Key=key, ContentType=media_type
            )["UploadId"]

    def parts(self, key: str, upload_id: str) -> list[LandedPart]:
        """All of them, however many pages ListParts makes. Raises SourceMissing when the upload is
        joined, aborted or gone."""
        with s3_errors():
            pages = self._client.get_paginator("list_parts").paginate(
                Bucket=self.bucket, Key=key, UploadId=upload_id
            )
            return [
                LandedPart(each["PartNumber"], each["Size"], unquoted(each["ETag"]))
                for page in pages
                for each in page.get("Parts", [])
            ]

    def join_parts(self, key: str, upload_id: str, parts: Sequence[LandedPart]) -> None:
        """Make the object visible. Raises SourceMissing when the upload is joined, aborted or gone,
        SourceChanged when the key is taken, or a part is not what it was listed as, and
        StorageUnavailable when S3 is not done in time: it goes on, and what is asked again later
        is told what came of it."""
        waiting = ThreadPoolExecutor(1)
        joined = waiting.submit(self._join, key, upload_id, parts)
        waiting.shutdown(wait=False)
        wait([joined], self._join_seconds)
        if not joined.done():
            raise StorageUnavailable("S3 is still joining the parts; complete the upload again.")
        joined.result()

    def _join(self, key: str, upload_id: str, parts: Sequence[LandedPart]) -> None:
        """An error may come within a 200, which botocore takes for a 500: its code tells."""
        listed = [{"PartNumber": each.number, "ETag": each.etag} for each in parts]
        with s3_errors():
            try:
                self._joining.complete_multipart_upload(
                    Bucket=self.bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": listed},
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if code_of(error) not in _NOT_AS_LISTED:
                    raise
                raise SourceChanged("A part was sent anew while the parts were joined.") from error

    def presign_put(self, key: str, length: int, media_type: str, seconds: int) -> SignedRequest:
        """One PUT of exactly this length and type, once: `If-None-Match: *` refuses a second."""
        params = {"ContentLength": length, "ContentType": media_type, "IfNoneMatch": "*"}
        headers = {"content-length": str(length), "content-type": media_type, "if-none-match": "*"}
        return self._signed("put_object", {"Key": key, **params}, headers, seconds)

    def presign_part(
        self, key: str, upload_id: str, number: int, length: int, seconds: int
    ) -> SignedRequest:
        """A PUT of one part of exactly this length; sent again, it takes the place of the first."""
        params = {"UploadId": upload_id, "PartNumber": number, "ContentLength": length}
        headers = {"content-length": str(length)}
        return self._signed("upload_part", {"Key": key, **params}, headers, seconds)

    def _signed(
        self, operation: str, params: dict[str, Any], headers: dict[str, str], seconds: int
    ) -> SignedRequest:
        expires_at = timestamp(utc_now() + timedelta(seconds=seconds))
        url = self._client.generate_presigned_url(
            operation, Params={"Bucket": self.bucket, **params}, ExpiresIn=seconds
        )
        return SignedRequest("PUT", url, headers, expires_at)
