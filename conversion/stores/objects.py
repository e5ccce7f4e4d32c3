"""Objects in S3: what is read in ranges, written in parts, and handed out by presigned URL. What
clients send is in conversion/stores/incoming.py.

Permissions: GetObject (head, read, presign_get, and delete_many of what was listed), ListBucket
(list; head and read: without it S3 answers 403 instead of 404 for an object that is not there),
PutObject (put, multipart), AbortMultipartUpload (abort), ListBucketMultipartUploads (abort_others,
multipart_uploads), DeleteObject (delete, delete_many). Leaves behind: the parts of an upload that
was neither completed nor aborted, which the bucket's lifecycle rules remove.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    ParamValidationError,
)

from conversion.errors import SourceChanged, SourceMissing, StorageUnavailable
from conversion.leftovers import Listed, NotDeleted, OpenUpload

# How much of a body is read at once.
_PIECE_BYTES = 256 * 1024
# What passes by itself; the last two are of two requests for one key that met ("Error responses",
# Amazon S3 API reference).
_PASSING = frozenset(
    {
        "SlowDown",
        "RequestTimeout",
        "Throttling",
        "ConditionalRequestConflict",
        "OperationAborted",
    }
)
# DeleteObjects takes at most 1,000 keys (Amazon S3 API reference).
_MOST_DELETED_AT_ONCE = 1000


@dataclass(frozen=True)
class Head:
    """What HEAD says of an object: ETag without quotes, length in bytes, media type."""

    etag: str
    bytes: int
    media_type: str


@dataclass(frozen=True)
class Part:
    """One uploaded part of a multipart upload, as CompleteMultipartUpload wants it named."""

    number: int
    etag: str
    crc32: str

    def to_request(self) -> dict[str, Any]:
        return {"PartNumber": self.number, "ETag": self.etag, "ChecksumCRC32": self.crc32}


class Objects:
    """One bucket. Every method raises StorageUnavailable when S3 does not answer after botocore's
    retries, and SourceMissing when the object (or the upload) is not there."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def head(self, key: str) -> Head:
        with s3_errors():
            answer = self._client.head_object(Bucket=self.bucket, Key=key)
            length, media_type = answer["ContentLength"], answer.get("ContentType", "")
            return Head(unquoted(answer["ETag"]), length, media_type)

    def read(self, key: str, etag: str, start: int, end: int) -> bytes | bytearray:
        """Bytes `start` to `end` (exclusive) of the very object with this ETag, or the leading part
        of them where the connection broke: the caller resumes. Raises SourceChanged."""
        with s3_errors():
            answer = self._client.get_object(
                Bucket=self.bucket, Key=key, IfMatch=f'"{etag}"', Range=f"bytes={start}-{end - 1}"
            )
            if not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
                answer["Body"].close()
                raise StorageUnavailable("S3 sent another range than the one that was asked for.")
            return _received(answer["Body"], end - start)

    def put(self, key: str, body: bytes | bytearray, media_type: str) -> str:
        """Write a whole object at once; returns its ETag. At most 5 GiB (S3 PutObject)."""
        with s3_errors():
            answer = self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=media_type,
                ChecksumCRC32=crc32(body),
            )
            return unquoted(answer["ETag"])

    def start_multipart(self, key: str, media_type: str) -> str:
        with s3_errors():
            answer = self._client.create_multipart_upload(
                Bucket=self.bucket, Key=key, ContentType=media_type, ChecksumAlgorithm="CRC32"
            )
            upload_id = answer["UploadId"]
        if answer["ResponseMetadata"]["RetryAttempts"]:
            self.abort_others(key, upload_id)
        return upload_id

    def put_part(self, key: str, upload_id: str, number: int, body: bytes | bytearray) -> Part:
        """Upload part `number` (1 to 10,000); S3 checks the CRC before it accepts the part."""
        checksum = crc32(body)
        with s3_errors():
            answer = self._client.upload_part(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,
                ChecksumCRC32=checksum,
            )
            return Part(number, unquoted(answer["ETag"]), checksum)

    def complete_multipart(self, key: str, upload_id: str, parts: list[Part]) -> str:
        """Make the object visible; returns its ETag. Raises SourceMissing for an unknown upload,
        which after a lost answer can mean that it was completed: HEAD the key and compare."""
        with s3_errors():
            answer = self._client.complete_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": [part.to_request() for part in parts]},
            )
            return unquoted(answer["ETag"])

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Drop the upload and its parts; one that is gone already is no error."""
        try:
            with s3_errors():
                self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except SourceMissing:
            return

    def abort_others(self, key: str, upload_id: str | None) -> None:
        """Drop every open upload of this key but `upload_id`: an answer to CreateMultipartUpload
        that was lost leaves one that nobody knows of."""
        with s3_errors():
            answer = self._client.list_multipart_uploads(Bucket=self.bucket, Prefix=key)
        for each in answer.get("Uploads", []):
            if each["Key"] == key and each["UploadId"] != upload_id:
                self.abort_multipart(key, each["UploadId"])

    def delete(self, key: str) -> None:
        with s3_errors():
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def delete_many(self, objects: Iterable[str | Listed]) -> list[NotDeleted]:
        """Delete these, and return those that S3 would not; one that is not there is deleted.

        What is given by its key goes whatever it is; what is given as it was listed goes only while
        it is still that (its ETag, as a condition): it may have been written anew since.
        """
        left, refused = iter(objects), list[NotDeleted]()
        while some := [_identifier(each) for each in islice(left, _MOST_DELETED_AT_ONCE)]:
            with s3_errors():
                answer = self._client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": some, "Quiet": True}
                )
            refused += [NotDeleted(each["Key"], each["Code"]) for each in answer.get("Errors", [])]
        return refused

    def list(self, prefix: str) -> Iterator[Listed]:
        """The objects under `prefix` in the order of their keys, each page read as it is needed."""
        for page in self._pages("list_objects_v2", prefix):
            for each in page.get("Contents", []):
                etag = unquoted(each["ETag"])
                yield Listed(each["Key"], each["Size"], each["LastModified"], etag)

    def multipart_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        for page in self._pages("list_multipart_uploads", prefix):
            for each in page.get("Uploads", []):
                yield OpenUpload(each["Key"], each["UploadId"], each["Initiated"])

    def _pages(self, operation: str, prefix: str) -> Iterator[Any]:
        with s3_errors():
            pages = iter(
                self._client.get_paginator(operation).paginate(Bucket=self.bucket, Prefix=prefix)
            )
        while True:
            with s3_errors():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def presign_get(self, key: str, media_type: str, disposition: str, seconds: int) -> str:
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket,
                "Key": key,
                "ResponseContentType": media_type,
                "ResponseContentDisposition": disposition,
            },
            ExpiresIn=seconds,
        )


def crc32(body: bytes | bytearray) -> str:
    """CRC-32 as S3 writes it: big-endian, base64 ("Checking object integrity", S3 user guide)."""
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


@contextmanager
def s3_errors() -> Generator[None]:
    """Translate what S3 answers; access and validation errors stay as they are, they are ours.

    No message names the key: a dropped object's is a person's own words, and messages are logged.
    """
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code in ("404", "NoSuchKey", "NoSuchUpload", "NotFound"):
            raise SourceMissing("The object is not in the bucket; upload it again.") from error
        if status == 412 or code == "PreconditionFailed":  # the code alone within a 200
            raise SourceChanged(
                "The object was replaced while it was being read; convert the new one instead."
            ) from error
        if status >= 500 or code in _PASSING:
            raise StorageUnavailable(f"S3 is not answering ({code}).") from error
        raise
    except ParamValidationError:
        raise
    except KeyError as error:  # http.client takes a head that breaks off for a whole one
        raise StorageUnavailable(f"S3's answer broke off: it has no {error}.") from error
    except (BotoCoreError, HTTPClientError, OSError) as error:
        raise StorageUnavailable(f"S3 cannot be reached ({type(error).__name__}).") from error


def _received(body: Any, wanted: int) -> bytearray:
    """What arrived of a body; a connection that broke midway gives the bytes before the break.

    Read into place by pieces: collected and joined, they would take the memory twice.
    """
    received, length = bytearray(wanted), 0
    try:
        with memoryview(received) as view:
            while taken := body.readinto(view[length : length + _PIECE_BYTES]):
                length += taken
    except (BotoCoreError, HTTPClientError, OSError):
        if not length:
            raise
    finally:
        body.close()
    del received[length:]
    return received


def _identifier(given: str | Listed) -> dict[str, str]:
    if isinstance(given, str):
        return {"Key": given}
    return {"Key": given.key, "ETag": f'"{given.etag}"'}


def unquoted(etag: str) -> str:
    """An ETag is quoted (RFC 9110 §8.8.3): one that is not at its end has been cut off."""
    if not etag.endswith('"'):
        raise StorageUnavailable("S3's answer broke off in the middle of an ETag.")
    return etag.strip('"')
