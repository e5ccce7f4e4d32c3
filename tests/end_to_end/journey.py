"""What an API client does, with nothing but HTTP; and what the ear would say of the result."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx

from local.ffmpeg import Ffmpeg

PATIENCE_SECONDS = 60
STEREO_44100 = ("-map", "0:a", "-ar", "44100", "-ac", "2")


def ask_for_upload(
    api: str, name: str, size: int, *conversions: dict[str, Any], **more: Any
) -> httpx.Response:
    body = {"fileName": name, "bytes": size, "conversions": list(conversions)} | more
    return httpx.post(f"{api}/uploads", json=body, timeout=30)


def put(upload: dict[str, Any], content: bytes) -> httpx.Response:
    return put_signed(upload["upload"], content)


def put_signed(asked: dict[str, Any], content: bytes) -> httpx.Response:
    """Do as a signed request says: a whole small file, or one part."""
    return httpx.request(
        asked["method"], asked["url"], headers=asked["headers"], content=content, timeout=60
    )


def send(api: str, path: Path, *conversions: dict[str, Any], **more: Any) -> str:
    """Upload a file with the conversions it is wanted in; returns its file id."""
    content = path.read_bytes()
    answer = ask_for_upload(api, path.name, len(content), *conversions, **more)
    assert answer.status_code == 201, answer.text
    upload = answer.json()
    if upload["multipart"] is None:
        stored = put(upload, content)
        assert stored.status_code == 200, stored.text
    else:
        send_parts(api, upload, content, range(1, upload["multipart"]["partCount"] + 1))
        done = httpx.post(f"{api}/uploads/{upload['fileId']}/complete", timeout=60)
        assert (done.status_code, done.json()["status"]) == (200, "completed"), done.text
    return upload["fileId"]


def send_parts(api: str, upload: dict[str, Any], content: bytes, numbers: Iterable[int]) -> None:
    """Have these parts signed, send them, and acknowledge each."""
    for part in sign(api, upload["fileId"], numbers):
        stored = put_signed(part, slice_of(content, part))
        assert stored.status_code == 200, stored.text
        acknowledge(api, upload["fileId"], part["partNumber"])


def sign(api: str, file_id: str, numbers: Iterable[int]) -> list[dict[str, Any]]:
    body = {"partNumbers": list(numbers)}
    answer = httpx.post(f"{api}/uploads/{file_id}/parts", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["parts"]


def acknowledge(api: str, file_id: str, number: int) -> dict[str, Any]:
    answer = httpx.put(f"{api}/uploads/{file_id}/parts/{number}", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def slice_of(content: bytes, part: dict[str, Any]) -> bytes:
    return content[part["offset"] : part["offset"] + part["bytes"]]


def convert(api: str, file_id: str, conversion: dict[str, Any], **headers: str) -> httpx.Response:
    body = {"fileId": file_id, "conversion": conversion}
    return httpx.post(f"{api}/jobs", json=body, headers=headers, timeout=30)


def completed(api: str, path: Path, conversion: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The job of a file that was sent with one conversion, once it has completed."""
    [job] = jobs_of(api, send(api, path, conversion, **more))
    done = finished(api, job["jobId"])
    assert done["status"] == "completed", done["error"]
    return done


def listing(api: str, file_id: str) -> list[dict[str, Any]]:
    return httpx.get(f"{api}/jobs", params={"fileId": file_id}, timeout=30).json()["jobs"]


def jobs_of(api: str, file_id: str, how_many: int = 1) -> list[dict[str, Any]]:
    """The file's jobs, once there are so many."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        jobs = listing(api, file_id)
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


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def download(api: str, job_id: str, path: Path) -> httpx.Response:
    answer = fetch(api, job_id, "output")
    path.write_bytes(answer.content)
    return answer


def link(api: str, job_id: str, what: str = "output") -> str:
    """The signed URL of the job's output, waveform.json or waveform.png."""
    answer = httpx.get(f"{api}/jobs/{job_id}/{what}", timeout=30)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def fetch(api: str, job_id: str, what: str) -> httpx.Response:
    answer = httpx.get(link(api, job_id, what), timeout=60)
    assert answer.status_code == 200
    return answer


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of a refusal, which is a problem of RFC 9457 and says what to do."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["detail"]
    return answer.status_code, problem["code"]


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
