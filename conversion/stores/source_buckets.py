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

from conversion.batches.found import ARCHIVED, FORBIDDEN, Found, OutOfReach
from conversion.stores.answers import code_of
from conversion.stores.objects import Head, s3_errors, unquoted

# "Error responses", Amazon S3 API reference; a HEAD has no body, and so no code but its status.
_FORBIDDEN = frozenset({"403", "AccessDenied", "AllAccessDisabled", "KMS.DisabledException"})
_ARCHIVED = "InvalidObjectState"
# A bucket that is in another region, for which the caller would need another client.
_ELSEWHERE = frozenset({"301", "PermanentRedirect", "400", "NoSuchBucket"})


class SourceBuckets:
    """A `conversion.batches.feed.SourceBuckets`. Every method raises OutOfReach for what we may not
    or cannot read, SourceMissing for what is not there, SourceChanged for what is another file by
    now, and StorageUnavailable."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def head(self, bucket: str, key: str) -> Head:
        with s3_errors(), _out_of_reach():
            answer = self._client.head_object(Bucket=bucket, Key=key)
            length, media_type = answer["ContentLength"], answer.get("ContentType", "")
            return Head(unquoted(answer["ETag"]), length, media_type)

    def copy(self, found: Found, into: str, key: str, media_type: str) -> str:
        """Copy within S3, up to 5 GiB, and return the copy's ETag. Type and tags are not the
        source's: the type is what the upload's record declares, and tags would take permissions of
        their own."""
        with s3_errors(), _out_of_reach():
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


@contextmanager
def _out_of_reach() -> Generator[None]:
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if code == _ARCHIVED:
            raise OutOfReach(ARCHIVED) from error
        if code in _FORBIDDEN or code in _ELSEWHERE:
            raise OutOfReach(FORBIDDEN) from error
        raise
