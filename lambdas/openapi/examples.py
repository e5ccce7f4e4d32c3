"""One file's way through the API, as the document shows it: a talk of an hour, in parts, to MP3."""

from __future__ import annotations

from typing import Any

from conversion.cleaned import Kind

Json = dict[str, Any]

_FILE_ID = "0f8fad5bd9cb469fa16570867728950e"
_JOB_ID = "7c9e6679f3a24a0d9c1b4e1a5d2f8b36"
_AT, _LATER = "2026-03-01T09:30:12.345Z", "2026-03-01T10:30:12.345Z"
_EXPIRES = "2026-03-08T09:30:12.000Z"
_BYTES, _PART = 52_920_044, 8 * 1024**2
_CONVERSION: Json = {"format": "mp3", "bitrateKbps": 128}

UPLOAD_REQUEST: Json = {
    "fileName": "Gespräch.wav",
    "bytes": _BYTES,
    "contentType": "audio/wav",
    "conversions": [_CONVERSION],
}
UPLOAD: Json = {
    "fileId": _FILE_ID,
    "fileName": "Gespräch.wav",
    "bytes": _BYTES,
    "contentType": "audio/wav",
    "status": "uploading",
    "bytesReceived": 2 * _PART,
    "percent": 31.7,
    "createdAt": _AT,
    "expiresAt": _EXPIRES,
    "deleteAfterDownload": False,
    "conversions": [_CONVERSION],
    "upload": None,
    "multipart": {"partBytes": _PART, "partCount": 7, "partsDone": [1, 2]},
}
SIGNED_PARTS: Json = {
    "parts": [
        {
            "partNumber": 3,
            "offset": 2 * _PART,
            "bytes": _PART,
            "method": "PUT",
            "url": "https://bucket.s3.eu-west-1.amazonaws.com/uploads/0f8fad5b.wav"
            "?partNumber=3&uploadId=abc&X-Amz-Signature=def",
            "headers": {"content-length": str(_PART)},
            "expiresAt": _LATER,
        }
    ]
}
PARTS: Json = {
    "partBytes": _PART,
    "partCount": 7,
    "parts": [
        {"partNumber": each, "bytes": _PART, "etag": "9b2cf535f27731c974343645a3985328"}
        for each in (1, 2)
    ],
    "missing": [3, 4, 5, 6, 7],
}
JOB_REQUEST: Json = {"fileId": _FILE_ID, "conversion": {"preset": "podcast-mono-64k"}}
JOB: Json = {
    "jobId": _JOB_ID,
    "fileId": _FILE_ID,
    "fileName": "Gespräch.wav",
    "status": "created",
    "attempt": 0,
    "conversion": _CONVERSION,
    "createdAt": _AT,
    "updatedAt": _AT,
    "expiresAt": _EXPIRES,
    "deleteAfterDownload": False,
    "source": {"bytes": _BYTES},
    "output": None,
    "warnings": [],
    "error": None,
    "estimate": {
        "vcpuSeconds": 60.0,
        "gbSeconds": 120.0,
        "transitions": 5,
        "requests": 40,
        "usd": 0.001,
    },
    "cost": None,
}
JOBS: Json = {"jobs": [JOB], "cursor": None}
PROGRESS: Json = {
    "jobId": _JOB_ID,
    "status": "processing",
    "stage": "converting",
    "percent": 42.5,
    "speed": 61.3,
    "etaSeconds": 2.9,
    "secondsDone": 127.5,
    "durationSeconds": 300.0,
    "bytesIn": 22_491_018,
    "bytesOut": 2_040_000,
    "attempt": 1,
    "updatedAt": _AT,
    "error": None,
}
MANY: Json = {"progress": [PROGRESS], "notFound": []}
HEALTH: Json = {
    "status": "ok",
    "checks": [{"name": "s3", "status": "ok", "milliseconds": 3.2, "problem": None}],
    "capacity": {
        "runningJobs": 3,
        "mostRunningJobs": 100,
        "waitingJobs": 0,
        "mostWaitingJobs": 1000,
        "openUploads": 1,
        "mostOpenUploads": 1000,
    },
    "time": _AT,
}
CLEANED: Json = {
    "dryRun": True,
    "complete": True,
    "removed": {each.value: {"count": 1, "bytes": 52_920_044} for each in Kind},
    "failures": 0,
}
