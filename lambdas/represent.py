"""The API's JSON: how an upload, a job and its progress look to a client.

The records' own items (`to_item`) are ours to change; these shapes are a promise. Times are
ISO 8601 in UTC; every field is always there, null where there is nothing to say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from conversion.clock import timestamp
from conversion.job import Job, Standing
from conversion.outcome import Output, Remark
from conversion.progress import Progress
from conversion.stores.objects import SignedRequest
from conversion.uploads import Upload

Json = dict[str, Any]


def upload(upload: Upload, signed: SignedRequest) -> Json:
    """`headers` are part of the signature: a PUT without them, or with others, is refused."""
    return {
        "fileId": upload.file_id,
        "expiresAt": _moment(upload.expires_at),
        "upload": {
            "method": signed.method,
            "url": signed.url,
            "headers": signed.headers,
            "expiresAt": signed.expires_at,
        },
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
