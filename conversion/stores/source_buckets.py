"""Other people's buckets, as far as a batch reads them: what there is, and a copy of it for us.

Permissions: GetObject on the source and, so that S3 says 404 and not 403 for what is gone,
ListBucket on its bucket; PutObject on ours; of a source that is encrypted with a key of KMS,
kms:Decrypt by that key's policy. Leaves behind: the copy, which is an upload like any other.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from conversion.batches.found import ARCHIVED, ARCHIVES, FORBIDDEN, Found, OutOfReach
from conversion.errors import StorageUnavailable
from conversion.stores.answers import code_of
from conversion.stores.objects import Head, s3_errors, unquoted

# "Error responses", Amazon S3 API reference.
_ARCHIVED = "InvalidObjectState"
# A HEAD is answered without a body, and so without a code but its status: this one is of a file
# that is encrypted with a key of its owner's, and of credentials that have expired.
_BARE = "400"
# Of a caller, and not of a file; these pass with the next credentials, or the clock's correction.
_OURS = frozenset(
    {
        _BARE,
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
# S3's own, and those of KMS that it passes on ("Error responses", ibid.).
_THROTTLED = "Throttling"
# A COPY is refused for what it reads or for where it writes.
_REFUSED = "AccessDenied"
# "Restoring an archived object", Amazon S3 user guide.
_RESTORED = 'ongoing-request="false"'


class SourceBuckets:
    """A `conversion.batches.feed.SourceBuckets`. Every method raises OutOfReach for what we may not
    or cannot read, SourceMissing for what is not there, SourceChanged for what is another file by
    now, and StorageUnavailable."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def head(self, bucket: str, key: str) -> Head:
        """Raises OutOfReach also for what lies in an archive and is not restored."""
        with _out_of_reach(), s3_errors():
            try:
                answer = self._client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if code_of(error) == _BARE:
                    self._read_a_byte(bucket, key)  # which says why not
                raise
            if answer.get("StorageClass") in ARCHIVES and _RESTORED not in answer.get(
                "Restore", ""
            ):
                raise OutOfReach(ARCHIVED)
            length, media_type = answer["ContentLength"], answer.get("ContentType", "")
            return Head(unquoted(answer["ETag"]), length, media_type)

    def copy(self, found: Found, into: str, key: str, media_type: str) -> str:
        """Copy within S3, up to 5 GiB, and return the copy's ETag. Type and tags are not the
        source's: the type is what the upload's record declares, and tags would take permissions of
        their own. Raises ClientError where it is our own bucket that cannot be written to."""
        try:
            with s3_errors():
                return self._copy(found, into, key, media_type)
        except ClientError as error:
            with _out_of_reach(), s3_errors():
                if code_of(error) != _REFUSED:
                    raise
                self._read_a_byte(found.bucket, found.key)
            raise

    def _copy(self, found: Found, into: str, key: str, media_type: str) -> str:
        answer = self._client.copy_object(
            Bucket=into,
            Key=key,
            CopySource={"Bucket": found.bucket, "Key": found.key},
            CopySourceIfMatch=f'"{found.etag}"',
            ContentType=media_type,
            MetadataDirective="REPLACE",
            TaggingDirective="REPLACE",
        )
        return unquoted(answer["CopyObjectResult"]["ETag"])

    def _read_a_byte(self, bucket: str, key: str) -> None:
        """Decrypted, too, which a HEAD is answered without."""
        answer = self._client.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")
        answer["Body"].close()


@contextmanager
def _out_of_reach() -> Generator[None]:
    """Whatever else S3 refuses, it refuses for this file: the others of its batch go on."""
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if code in _OURS or _THROTTLED in code:
            raise StorageUnavailable(f"S3 is not answering us ({code}).") from error
        raise OutOfReach(ARCHIVED if code == _ARCHIVED else FORBIDDEN) from error
