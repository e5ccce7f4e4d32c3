"""What an API client does, with nothing but HTTP; and what the ear would say of the result."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from local.ffmpeg import Ffmpeg

PATIENCE_SECONDS = 60
STEREO_44100 = ("-map", "0:a", "-ar", "44100", "-ac", "2")


def ask_for_upload(api: str, name: str, size: int, *conversions: dict[str, Any]) -> httpx.Response:
    body = {"fileName": name, "bytes": size, "conversions": list(conversions)}
    return httpx.post(f"{api}/uploads", json=body, timeout=30)


def put(upload: dict[str, Any], content: bytes) -> httpx.Response:
    asked = upload["upload"]
    return httpx.request(
        asked["method"], asked["url"], headers=asked["headers"], content=content, timeout=60
    )


def send(api: str, path: Path, *conversions: dict[str, Any]) -> str:
    """Upload a file with the conversions it is wanted in; returns its file id."""
    content = path.read_bytes()
    answer = ask_for_upload(api, path.name, len(content), *conversions)
    assert answer.status_code == 201, answer.text
    upload = answer.json()
    stored = put(upload, content)
    assert stored.status_code == 200, stored.text
    return upload["fileId"]


def jobs_of(api: str, file_id: str, how_many: int = 1) -> list[dict[str, Any]]:
    """The file's jobs, once there are so many."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        jobs = httpx.get(f"{api}/jobs", params={"fileId": file_id}, timeout=30).json()["jobs"]
        if len(jobs) >= how_many:
            return jobs
        time.sleep(0.2)
    raise AssertionError(f"{how_many} jobs of file {file_id} did not appear")


def progress(api: str, job_id: str) -> dict[str, Any]:
    return httpx.get(f"{api}/jobs/{job_id}/progress", timeout=30).json()


def finished(api: str, job_id: str, seen: list[float] | None = None) -> dict[str, Any]:
    """Poll progress until the job is over, noting each percent in `seen`; returns the job."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        now = progress(api, job_id)
        if seen is not None:
            seen.append(now["percent"])
        if now["status"] in ("completed", "failed", "cancelled"):
            return httpx.get(f"{api}/jobs/{job_id}", timeout=30).json()
        time.sleep(0.1)
    raise AssertionError(f"job {job_id} did not end")


def download(api: str, job_id: str, path: Path) -> httpx.Response:
    answer = fetch(api, job_id, "output")
    path.write_bytes(answer.content)
    return answer


def fetch(api: str, job_id: str, what: str) -> httpx.Response:
    """The job's output, waveform.json or waveform.png, by way of its signed URL."""
    link = httpx.get(f"{api}/jobs/{job_id}/{what}", timeout=30)
    assert link.status_code == 303, link.text
    answer = httpx.get(link.headers["location"], timeout=60)
    assert answer.status_code == 200
    return answer


def pcm(tools: Ffmpeg, path: Path) -> str:
    """A digest of the decoded samples, 16 bit."""
    decoded = subprocess.run(
        [tools.ffmpeg, "-v", "error", "-nostdin", "-i", path, "-map", "0:a", "-f", "s16le", "-"],
        capture_output=True,
        check=True,
    ).stdout
    return f"{len(decoded)}:{hashlib.sha256(decoded).hexdigest()}"


def probe(tools: Ffmpeg, path: Path) -> dict[str, Any]:
    answer = subprocess.run(
        [tools.ffprobe, "-v", "error", "-of", "json", "-show_format", "-show_streams", path],
        capture_output=True,
        check=True,
    ).stdout
    return json.loads(answer)


def decoded_seconds(tools: Ffmpeg, path: Path) -> float:
    """How long the audio is when it is really decoded, whatever its header says: s16 stereo."""
    decoded = subprocess.run(
        [tools.ffmpeg, "-v", "error", "-nostdin", "-i", path, *STEREO_44100, "-f", "s16le", "-"],
        capture_output=True,
        check=True,
    ).stdout
    return len(decoded) / (44100 * 2 * 2)
