"""What the load is put on: a local pipeline of its own, with a job that is over, one that is at
work, and an upload in parts that has begun."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks.world import ROOT
from local.child import client_of
from local.ffmpeg import find_ffmpeg

_PATIENCE_SECONDS = 120
# Long enough to be at work throughout: some ten hours of a tone take minutes to encode.
_MINUTES_AT_WORK = 600
_LARGE = 40_000_000
# Those that it asks for: the one in parts, and that of the job that is over.
UPLOADS = 2


@dataclass(frozen=True)
class Scene:
    """`upload_id` has parts; `over` and `at_work` are jobs, `file_id` is the first one's file."""

    api: str
    engine: str
    file_id: str
    upload_id: str
    over: str
    at_work: str


@contextmanager
def scene() -> Generator[Scene]:
    with TemporaryDirectory(prefix="load-") as folder, _pipeline() as ready:
        api, s3 = ready["api"], client_of(ready["engine"], "s3")
        short, long = _tones(Path(folder))
        s3.upload_file(str(long), ready["bucket"], f"uploads/{long.name}")
        file_id = _send(api, short)
        over, at_work = _job_of(api, file_id), _job_of(api, long.stem)
        _until(lambda: _progress(api, over)["status"] == "completed")
        _until(lambda: _progress(api, at_work)["stage"] == "converting")
        upload_id = _asked(api, "large.wav", _LARGE)["fileId"]
        yield Scene(api, ready["engine"], file_id, upload_id, over, at_work)
        httpx.delete(f"{api}/jobs/{at_work}", timeout=30).raise_for_status()


@contextmanager
def _pipeline() -> Generator[dict[str, Any]]:
    """In a process of its own, which ends when its input does."""
    command = [sys.executable, "-m", "local", "--port", "0", "--ready-json"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())


def _tones(folder: Path) -> tuple[Path, Path]:
    """A second of a tone, and a minute of it over and over."""
    short, minute, long = (folder / name for name in ("short.wav", "minute.mp3", "long.mp3"))
    tone = ["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=44100"]
    again = ["-stream_loop", str(_MINUTES_AT_WORK - 1), "-i", minute, "-c", "copy", long]
    for arguments in ([*tone, "-t", "1", short], [*tone, "-t", "60", "-b:a", "32k", minute], again):
        command = [find_ffmpeg().ffmpeg, "-v", "error", "-nostdin", *arguments]
        subprocess.run(command, check=True)
    return short, long


def _send(api: str, path: Path) -> str:
    content = path.read_bytes()
    asked = _asked(api, path.name, len(content), {"format": "mp3"})
    put = asked["upload"]
    httpx.put(put["url"], headers=put["headers"], content=content).raise_for_status()
    return asked["fileId"]


def _asked(api: str, name: str, size: int, *conversions: dict[str, str]) -> dict[str, Any]:
    body = {"fileName": name, "bytes": size, "conversions": conversions}
    return httpx.post(f"{api}/uploads", json=body, timeout=30).raise_for_status().json()


def _job_of(api: str, file_id: str) -> str:
    _until(lambda: bool(_jobs_of(api, file_id)))
    return _jobs_of(api, file_id)[0]["jobId"]


def _jobs_of(api: str, file_id: str) -> list[dict[str, Any]]:
    return httpx.get(f"{api}/jobs", params={"fileId": file_id}, timeout=30).json()["jobs"]


def _progress(api: str, job_id: str) -> dict[str, Any]:
    return httpx.get(f"{api}/jobs/{job_id}/progress", timeout=30).json()


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the pipeline does not get as far as the load needs it to")
        time.sleep(0.2)
