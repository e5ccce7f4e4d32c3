"""The routes by which a file comes in."""

from __future__ import annotations

from conversion.errors import (
    EmptyUpload,
    FileExpired,
    FileNotFound,
    IdempotencyKeyReused,
    InvalidRequest,
    NoIdentity,
    NotMultipart,
    PartsMissing,
    RequestInProgress,
    TooManyJobs,
    TooManyUploads,
    UnsupportedMediaType,
    UnsupportedOutputFormat,
    UploadFinished,
    UploadMismatch,
    UploadTooLarge,
)
from conversion.parts import MOST_PARTS
from lambdas.openapi import examples
from lambdas.openapi.answers import answered
from lambdas.openapi.operations import Operation, in_path, in_query, shared_parameter
from lambdas.openapi.shapes import identifier, whole
from lambdas.problems import RouteNotFound

_FILE_ID = in_path("fileId", identifier("What POST /v1/uploads answered with."))
_PART = in_path("partNumber", whole("From 1 to the upload's `partCount`.", 1, MOST_PARTS))
# Of each route below an upload, whose last one a path of the wrong form ends in.
_GONE = (NoIdentity, FileNotFound, RouteNotFound, FileExpired)

_UPLOAD = answered("The upload.", "Upload", "RetryAfter", example=examples.UPLOAD)

UPLOADS = (
    Operation(
        method="post",
        path="/v1/uploads",
        also="/api/upload-audio",
        name="createUpload",
        tag="uploads",
        summary="Announce a file, and be told how to send it",
        told="""\
Declare the file's name, length and type, and which conversions to start when it has arrived.

**Up to 16 MiB** the answer has `upload`: send one `PUT` to its `url` with exactly its `headers` and
the file as the body. Length, type and "nothing is there yet" are signed: another length or type is
refused by S3 with 403, a second PUT with 412. S3 answers 200 without a body. Nothing more has to be
said: what has landed is noticed, and its conversions start.

**Above** the answer has `multipart`: ask for signed parts, PUT them, acknowledge each, complete.
Parts may be sent side by side and in any order; see `POST …/parts`.

The URLs end at `expiresAt`; `GET /v1/uploads/{fileId}` signs the single PUT anew.""",
        parameters=(shared_parameter("IdempotencyKey"),),
        body="UploadRequest",
        example=examples.UPLOAD_REQUEST,
        answers={
            201: answered("Send it now.", "Upload", "Location", example=examples.UPLOAD),
        },
        refusals=(
            InvalidRequest,
            UnsupportedOutputFormat,
            EmptyUpload,
            NoIdentity,
            FileNotFound,
            RequestInProgress,
            FileExpired,
            UploadTooLarge,
            UnsupportedMediaType,
            IdempotencyKeyReused,
            TooManyJobs,
            TooManyUploads,
        ),
    ),
    Operation(
        method="get",
        path="/v1/uploads/{fileId}",
        also="/api/upload-progress",
        also_parameters=(in_query("fileId", identifier("The file's id."), "Which.", True),),
        name="getUpload",
        tag="uploads",
        summary="How far an upload is",
        told="A single PUT that has not arrived is signed anew. Of parts, those are counted that "
        "were acknowledged; `GET …/parts` asks S3 itself.",
        parameters=(_FILE_ID,),
        answers={200: _UPLOAD},
        refusals=(InvalidRequest, *_GONE, UploadMismatch),
    ),
    Operation(
        method="delete",
        path="/v1/uploads/{fileId}",
        name="abortUpload",
        tag="uploads",
        summary="Give an upload up",
        told="Its parts are removed, and what still lands starts no jobs. Twice is as once.",
        parameters=(_FILE_ID,),
        answers={204: answered("It is given up.", None)},
        refusals=(*_GONE, UploadFinished),
    ),
    Operation(
        method="post",
        path="/v1/uploads/{fileId}/parts",
        name="signParts",
        tag="uploads",
        summary="Signed URLs for some parts",
        told="""\
Up to 100 parts at a time, as you are about to send them. PUT each to its `url` with exactly its
`headers` and, as its body, `bytes` bytes of the file from `offset` on. S3 answers 200 with an
`ETag`, which you need not keep. Then acknowledge it with `PUT …/parts/{partNumber}`.

A part may be signed and sent again at any time: after an error, after its URL has ended, or by
another process that goes on where one has stopped.""",
        parameters=(_FILE_ID,),
        body="PartsRequest",
        example={"partNumbers": [1, 2, 3]},
        answers={200: answered("Send them now.", "SignedParts", example=examples.SIGNED_PARTS)},
        refusals=(InvalidRequest, *_GONE, NotMultipart, UploadFinished),
    ),
    Operation(
        method="get",
        path="/v1/uploads/{fileId}/parts",
        name="listParts",
        tag="uploads",
        summary="Which parts are there, by S3's own word",
        told="What a client that goes on after a break asks first: `missing` is what to send.",
        parameters=(_FILE_ID,),
        answers={200: answered("The parts.", "Parts", example=examples.PARTS)},
        refusals=(*_GONE, NotMultipart, UploadFinished, UploadMismatch),
    ),
    Operation(
        method="put",
        path="/v1/uploads/{fileId}/parts/{partNumber}",
        name="acknowledgePart",
        tag="uploads",
        summary="Say that a part has been sent",
        told="So that others see how far the upload is. Without a body. Nothing breaks where it is "
        "left out: completing asks S3.",
        parameters=(_FILE_ID, _PART),
        answers={200: _UPLOAD},
        refusals=(InvalidRequest, *_GONE, NotMultipart, UploadFinished),
    ),
    Operation(
        method="post",
        path="/v1/uploads/{fileId}/complete",
        name="completeUpload",
        tag="uploads",
        summary="Make one file of the parts",
        told="Without a body. A part of the wrong length counts as missing. The conversions that "
        "were asked for start within seconds: `GET /v1/jobs?fileId=`. Twice is as once.",
        parameters=(_FILE_ID,),
        answers={200: _UPLOAD},
        refusals=(*_GONE, PartsMissing, UploadMismatch, UploadFinished),
    ),
)
