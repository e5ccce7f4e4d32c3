"""The API's JSON: how an upload, a job and its progress look to a client.

The records' own items (`to_item`) are ours to change; these shapes are a promise. Times are
ISO 8601 in UTC; every field is always there, null where there is nothing to say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from conversion.clock import timestamp
from conversion.incoming import SignedRequest
from conversion.job import Job, Standing
from conversion.listing import Page
from conversion.outcome import Output, Remark
from conversion.progress import Progress
from conversion.receiving import Parts, SignedPart
from conversion.uploads import Multipart, Upload

Json = dict[str, Any]


def upload(upload: Upload, signed: SignedRequest | None = None) -> Json:
    """`signed` is the one PUT of an upload that is sent so, as long as it may be sent."""
    return {
        "fileId": upload.file_id,
        "fileName": upload.file_name,
        "bytes": upload.bytes,
        "contentType": upload.media_type,
        "status": upload.status.value,
        "bytesReceived": upload.bytes_received,
        "percent": upload.percent,
        "createdAt": upload.created_at,
        "expiresAt": _moment(upload.expires_at),
        "deleteAfterDownload": upload.delete_after_download,
        "conversions": [each.to_item() for each in upload.conversions],
        "upload": signed and _signed(signed),
        "multipart": upload.multipart and _multipart(upload, upload.multipart),
    }


def upload_parts(parts: Parts) -> Json:
    return {
        "partBytes": parts.upload.cut.part_bytes,
        "partCount": parts.upload.cut.count,
        "parts": [
            {"partNumber": each.number, "bytes": each.bytes, "etag": each.etag}
            for each in parts.landed
        ],
        "missing": list(parts.missing),
    }


def signed_part(part: SignedPart) -> Json:
    told = {"partNumber": part.number, "offset": part.offset, "bytes": part.bytes}
    return told | _signed(part.request)


def _signed(request: SignedRequest) -> Json:
    """`headers` are part of the signature: a PUT without them, or with others, is refused."""
    return {
        "method": request.method,
        "url": request.url,
        "headers": request.headers,
        "expiresAt": request.expires_at,
    }


def _multipart(upload: Upload, multipart: Multipart) -> Json:
    return {
        "partBytes": multipart.part_bytes,
        "partCount": upload.cut.count,
        "partsDone": sorted(multipart.done),
    }


def job(job: Job) -> Json:
    return {
        "jobId": job.job_id,
        "fileId": job.file_id,
        "fileName": job.source.file_name,
        "status": job.status.value,
        "attempt": job.attempt,
        "conversion": job.conversion.to_item(),
        "createdAt": job.created_at,
        "updatedAt": job.updated_at,
        "expiresAt": _moment(job.expires_at),
        "source": {"bytes": job.source.bytes},
        "output": job.output and _output(job.job_id, job.output),
        "warnings": [_told(each) for each in job.output.warnings] if job.output else [],
        "error": job.failure and _told(job.failure),
        "estimate": job.estimate and job.estimate.to_item(),
        "cost": job.cost and job.cost.to_item(),
        "deleteAfterDownload": job.delete_after_download,
    }


def page(page: Page) -> Json:
    return {
        "jobs": [job(each) for each in page.jobs],
        "cursor": page.end and page.end.to_cursor(),
    }


def progress(job: Standing, shown: Progress) -> Json:
    return {
        "jobId": job.job_id,
        "status": job.status.value,
        "stage": shown.stage.value,
        "percent": shown.percent,
        "speed": shown.speed,
        "etaSeconds": shown.eta_seconds,
        "secondsDone": shown.seconds_done,
        "durationSeconds": shown.duration_seconds,
        "bytesIn": shown.bytes_in,
        "bytesOut": shown.bytes_out,
        "attempt": shown.attempt,
        "updatedAt": shown.updated_at,
        "error": job.failure and _told(job.failure),
    }


def _output(job_id: str, output: Output) -> Json:
    """Without its keys: an output is fetched by /output, never by name."""
    waveform = {
        "json": f"/v1/jobs/{job_id}/waveform.json",
        "png": f"/v1/jobs/{job_id}/waveform.png",
    }
    return {
        "bytes": output.bytes,
        "mediaType": output.media_type,
        "fileName": output.file_name,
        "durationSeconds": output.duration_seconds,
        "mode": output.mode.value,
        "loudness": output.loudness and output.loudness.to_item(),
        "waveform": waveform if output.waveform else None,
    }


def _told(said: Remark) -> Json:
    return {"code": said.code, "message": said.message}


def _moment(unix_seconds: int) -> str:
    return timestamp(datetime.fromtimestamp(unix_seconds, UTC))
