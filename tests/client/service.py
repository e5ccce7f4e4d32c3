"""A small Sluice over real HTTP for the client's tests: the API and S3 on one loopback port.

It keeps the API's contract (routes, statuses, problem details, 303) and S3's for signed URLs (exact
headers, 412 on overwrite, 403 when they are too old), and it fails when told to. A "conversion"
puts the format's name before the bytes; bytes that begin with `text` are no audio.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.client.receiving import MIB, Received, Receiving, Signatures, query

# Two of them share a suffix, as m4a and alac do.
FORMATS = {"mp3": "mp3", "opus": "opus", "flac": "flac", "m4a": "m4a", "alac": "m4a"}
PRESETS = {"podcast-mono-64k": "mp3"}


def converted(content: bytes, target: str) -> bytes:
    return target.encode() + b":" + content


def cleaned(complete: bool = True, failures: int = 0, **removed: tuple[int, int]) -> dict[str, Any]:
    """The answer of a clean-up: counts and bytes by kind."""
    kinds = {"jobs": (0, 0), "outputs": (0, 0), **removed}
    told = {kind: {"count": count, "bytes": size} for kind, (count, size) in kinds.items()}
    return {"dryRun": False, "complete": complete, "removed": told, "failures": failures}


@dataclass
class Trouble:
    """What befalls the next `times` requests of one kind: an answer of `status`, or (None) the
    connection closed; `after` doing what was asked, or before it."""

    times: int
    status: int | None = 503
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False


@dataclass
class Job:
    job_id: str
    file_id: str
    file_name: str
    conversion: dict[str, Any]
    content: bytes
    polls: int = 0
    cancelled: bool = False

    @property
    def format(self) -> str:
        asked = self.conversion
        return PRESETS[asked["preset"]] if "preset" in asked else asked["format"]

    @property
    def made(self) -> bytes:
        return converted(self.content, self.format)


@dataclass(frozen=True)
class Seen:
    """A request as it came; header names are lower case."""

    kind: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Service:
    """`log` has every request as (kind, path); kinds are the handler's methods below. `door` may
    turn a request to the API away with a status, as API Gateway's authorizers do."""

    def __init__(self) -> None:
        self.uploads: dict[str, dict[str, Any]] = {}
        self.received: dict[str, Received] = {}
        self.keys: dict[str, str] = {}
        self.single_put_bytes = 16 * MIB
        self.part_bytes = 8 * MIB
        self.signatures = Signatures()
        self.door: Callable[[Seen], int | None] = lambda seen: None
        self.seen: list[Seen] = []
        # Called when a part has come whole, before S3 has it.
        self.part_came: Callable[[int], None] = lambda number: None
        self.never_kept: set[int] = set()  # parts that S3 takes and has not
        self.parts_at_once = 0
        self.most_parts_at_once = 0
        self.objects: dict[str, bytes] = {}
        self.jobs: dict[str, Job] = {}
        self.troubles: dict[str, Trouble] = {}
        self.log: list[tuple[str, str]] = []
        self.times: list[float] = []
        self.lists: Counter[str] = Counter()
        self.put_headers: list[dict[str, str]] = []
        # A job shows on the n-th look and is over on the n-th poll.
        self.lists_until_job = 1
        self.polls_until_over = 1
        self.retry_after: str | None = "0"
        self.starts_jobs = True
        self.stuck_at: str | None = None  # the stage in which no job moves any more
        self.cancels = False
        self.cut_downloads = 0
        self.wrong_bytes = False
        self.output_name: str | None = None
        # What each call of the clean-up answers, the last of them for ever, and what was asked.
        self.cleanups: list[dict[str, Any]] = [cleaned()]
        self.jobs_asked: list[dict[str, Any]] = []
        self.cleanups_asked: list[dict[str, Any]] = []
        # What each look at a batch answers, the last of them for ever, and what was asked for.
        self.batches: list[dict[str, Any]] = []
        self.batches_asked: list[dict[str, Any]] = []
        self.loudness: dict[str, Any] | None = None
        self.warnings: list[dict[str, str]] = []
        self.downloading: Callable[[], None] = lambda: None
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def __enter__(self) -> Service:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def count(self, kind: str) -> int:
        return sum(each == kind for each, _ in self.log)

    def note(self, kind: str, path: str) -> Trouble | None:
        with self._lock:
            self.log.append((kind, path))
            self.times.append(time.monotonic())
            trouble = self.troubles.get(kind)
            if trouble is None or trouble.times <= 0:
                return None
            trouble.times -= 1
            return trouble

    def store(self, file_id: str, content: bytes) -> None:
        with self._lock:
            self.objects[file_id] = content
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if self.starts_jobs:
                upload = self.uploads[file_id]
                for conversion in upload["conversions"]:
                    job_id = uuid.uuid4().hex
                    self.jobs[job_id] = Job(
                        job_id, file_id, upload["fileName"], conversion, content
                    )

    def coming(self, more: int) -> None:
        with self._lock:
            self.parts_at_once += more
            self.most_parts_at_once = max(self.most_parts_at_once, self.parts_at_once)

    def delivered(self) -> None:
        with self._lock:
            self.at_once -= 1

    def status(self, job: Job) -> str:
        if job.cancelled:
            return "cancelled"
        if job.polls < self.polls_until_over:
            return "processing"
        if self.cancels:
            return "cancelled"
        return "failed" if job.content.startswith(b"text") else "completed"

    def error(self, job: Job) -> dict[str, str] | None:
        if self.status(job) != "failed":
            return None
        return {"code": "UNSUPPORTED_INPUT", "message": "No audio was found: send an audio file."}

    def job_json(self, job: Job) -> dict[str, Any]:
        stem = job.file_name.rpartition(".")[0]
        suffix = FORMATS[job.format]
        waveform = {kind: f"/v1/jobs/{job.job_id}/waveform.{kind}" for kind in ("json", "png")}
        output = {
            "bytes": len(job.made) + (7 if self.wrong_bytes else 0),
            "mediaType": "audio/mpeg",
            "fileName": self.output_name or f"{stem}.{suffix}",
            "durationSeconds": 62.5,
            "mode": "stream",
            "loudness": self.loudness,
            "waveform": waveform if job.conversion.get("waveform") else None,
        }
        return {
            "jobId": job.job_id,
            "fileId": job.file_id,
            "fileName": job.file_name,
            "status": self.status(job),
            "attempt": 1,
            "conversion": {"format": job.format},
            "createdAt": "2026-01-01T00:00:00.000Z",
            "updatedAt": "2026-01-01T00:00:01.000Z",
            "expiresAt": 1893456000,
            "source": {"bytes": len(job.content)},
            "output": output if self.status(job) == "completed" else None,
            "warnings": self.warnings,
            "error": self.error(job),
        }


class _Handler(Receiving, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one segment, or each answer waits for a delayed ACK
    disable_nagle_algorithm = True
    service: Service
    body = b""
    is_mute = False

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: pytest's output is for tests."""

    def do_POST(self) -> None:
        self.body = self.take_body()
        body = json.loads(self.body or b"{}")
        del self.headers["content-length"]
        parts = self.path.strip("/").split("/")
        if self.path == "/v1/cleanup":
            self.serve("cleanup", lambda: self.cleanup(body))
        elif self.path == "/v1/batches":
            self.serve("create_batch", lambda: self.create_batch(body))
        elif self.path == "/v1/jobs":
            self.serve("create_job", lambda: self.create_job(body))
        elif parts[-1] == "complete":
            self.serve("complete", lambda: self.on_upload(parts[2], self.complete))
        elif parts[-1] == "parts":
            wanted = body["partNumbers"]
            self.serve("sign_parts", lambda: self.on_upload(parts[2], self.sign_parts, wanted))
        else:
            self.serve("create_upload", lambda: self.create_upload(body))

    def do_DELETE(self) -> None:
        if self.path.startswith("/v1/uploads/"):
            file_id = self.path.rpartition("/")[2]
            self.serve("abort", lambda: self.on_upload(file_id, self.abort))
        elif self.path.startswith("/v1/batches/"):
            self.serve("cancel_batch", self.batch)
        else:
            self.serve("cancel", self.cancel)

    def do_PUT(self) -> None:
        parts = self.path.strip("/").split("/")
        if parts[0] == "v1":
            number = int(parts[4])
            self.serve("acknowledge", lambda: self.on_upload(parts[2], self.acknowledge, number))
        elif "partNumber" in query(self.path):
            self.serve("put_part", self.put_part)
        else:
            self.serve("put", self.put)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        parts = path.strip("/").split("/")
        if parts[0] == "bucket":
            self.serve("get", lambda: self.get(parts[-1]))
        elif parts[:2] == ["v1", "uploads"]:
            kind = "parts" if len(parts) == 4 else "upload"
            act = self.list_parts if len(parts) == 4 else self.upload
            self.serve(kind, lambda: self.on_upload(parts[2], act))
        elif parts[:2] == ["v1", "batches"]:
            self.serve("batch", self.batch)
        elif parts == ["v1", "jobs"]:
            self.serve("list_jobs", self.list_jobs)
        elif parts[:2] == ["v1", "jobs"]:
            kind = parts[3] if len(parts) == 4 else "job"
            act = self.waveform if kind.startswith("waveform.") else getattr(self, kind)
            self.serve(kind, lambda: act(self.service.jobs[parts[2]]))
        else:
            self.problem(404, "NOT_FOUND", "There is no such route.")

    def serve(self, kind: str, act: Callable[[], None]) -> None:
        trouble = self.service.note(kind, self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(kind, self.command, self.path, headers, self.body)
        self.service.seen.append(seen)
        status = self.service.door(seen) if self.path.startswith("/v1/") else None
        if status is not None:
            self.take_body()
            self.json(status, {"message": "Forbidden" if status == 403 else "Unauthorized"})
        elif trouble is None:
            act()
        elif trouble.status is None:
            if trouble.after:
                self.is_mute = True
                act()
                self.is_mute = False
            self.close_connection = True
        else:
            self.take_body()
            self.answer(trouble.status, b"", trouble.headers)
        self.body = b""

    def create_upload(self, body: dict[str, Any]) -> None:
        key = self.headers["idempotency-key"]
        if key in self.service.keys:
            upload = self.service.received[self.service.keys[key]]
            return self.json(201, self.upload_json(upload))
        asked = next(iter(body["conversions"]), {})
        if asked.get("tags") and "title" not in asked["tags"]:
            return self.problem(400, "INVALID_REQUEST", "There is no title among the tags.")
        if (name := asked.get("format", "mp3")) not in FORMATS:
            detail = f"There is no output format {name!r}. Choose one of: flac, mp3, opus."
            return self.problem(400, "UNSUPPORTED_OUTPUT_FORMAT", detail)
        if body["bytes"] == 0:
            return self.problem(400, "EMPTY_INPUT", "The file is empty.")
        file_id = uuid.uuid4().hex
        self.service.uploads[file_id] = body
        self.service.keys[key] = file_id
        is_small = body["bytes"] <= self.service.single_put_bytes
        upload = Received(file_id, body, None if is_small else self.service.part_bytes)
        self.service.received[file_id] = upload
        return self.json(201, self.upload_json(upload))

    def create_job(self, body: dict[str, Any]) -> None:
        key, service = self.headers["idempotency-key"], self.service
        upload = service.uploads.get(body["fileId"])
        if upload is None or body["fileId"] not in service.objects:
            return self.problem(404, "FILE_NOT_FOUND", "There is no such file; upload it again.")
        if key not in service.keys:
            content = service.objects[body["fileId"]]
            asked = body["conversion"]
            job = Job(uuid.uuid4().hex, body["fileId"], upload["fileName"], asked, content)
            service.jobs[job.job_id] = job
            service.keys[key] = job.job_id
            service.jobs_asked.append(body)
        return self.json(202, service.job_json(service.jobs[service.keys[key]]))

    def cleanup(self, body: dict[str, Any]) -> None:
        service = self.service
        service.cleanups_asked.append(body)
        told = service.cleanups.pop(0) if len(service.cleanups) > 1 else service.cleanups[0]
        self.json(200, told | {"dryRun": body["dryRun"]})

    def create_batch(self, body: dict[str, Any]) -> None:
        if not self.service.batches:
            return self.problem(404, "NO_BATCHES", "Deploy with -c batchSources=bucket/prefix.")
        self.service.batches_asked.append(body)
        return self.json(202, self.service.batches[0])

    def batch(self) -> None:
        if not self.service.batches:
            return self.problem(404, "BATCH_NOT_FOUND", "There is no such batch: check the id.")
        more = len(self.service.batches) > 1
        told = self.service.batches.pop(0) if more else self.service.batches[0]
        return self.json(200, told, self.ask_again())

    def cancel(self) -> None:
        """A job that is over but for a cancel stays as it is."""
        job = self.service.jobs.get(unquote(self.path.removeprefix("/v1/jobs/")))
        if job is None:
            return self.problem(404, "JOB_NOT_FOUND", "There is no such job: check the id.")
        if self.service.status(job) in ("completed", "failed"):
            return self.problem(409, "JOB_FINISHED", "The job is over: there is nothing to cancel.")
        job.cancelled = True
        return self.json(202, self.service.job_json(job))

    def put(self) -> None:
        file_id = urlsplit(self.path).path.rpartition("/")[2]
        if file_id in self.service.objects:
            self.take_body()
            return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        if not self.service.signatures.holds(self.path):
            self.take_body()
            return self.expired()
        self.store_put()
        return self.answer(200, b"")

    def store_put(self) -> None:
        file_id = urlsplit(self.path).path.rpartition("/")[2]
        self.service.put_headers.append({name.lower(): v for name, v in self.headers.items()})
        content = self.take_body()
        if len(content) == self.service.uploads[file_id]["bytes"]:
            self.service.store(file_id, content)

    def take_body(self) -> bytes:
        """S3 decides on a conditional PUT when it has the body; answering before would lose the
        answer with the connection."""
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def list_jobs(self) -> None:
        file_id = parse_qs(urlsplit(self.path).query)["fileId"][0]
        self.service.lists[file_id] += 1
        jobs = [each for each in self.service.jobs.values() if each.file_id == file_id]
        there = self.service.lists[file_id] >= self.service.lists_until_job
        self.json(200, {"jobs": [self.service.job_json(each) for each in jobs if there]})

    def job(self, job: Job) -> None:
        self.json(200, self.service.job_json(job))

    def progress(self, job: Job) -> None:
        self.json(200, self.progress_json(job), self.ask_again())

    def ask_again(self) -> dict[str, str]:
        again = self.service.retry_after
        return {"cache-control": "no-store"} | ({} if again is None else {"retry-after": again})

    def progress_json(self, job: Job) -> dict[str, Any]:
        job.polls += 1
        status = self.service.status(job)
        stage = (self.service.stuck_at or "converting") if status == "processing" else status
        looks = 1 if self.service.stuck_at else job.polls
        done = min(looks / self.service.polls_until_over, 1.0)
        return {
            "jobId": job.job_id,
            "status": status,
            "stage": stage,
            "percent": 100.0 if status == "completed" else 99.0 * done,
            "speed": 8.0,
            "etaSeconds": 3.0,
            "updatedAt": f"2026-01-01T00:00:{looks % 60:02}.000Z",
            "error": self.service.error(job),
        }

    def output(self, job: Job) -> None:
        self.answer(303, b"", {"location": f"{self.service.origin}/bucket/out/{job.job_id}"})

    def waveform(self, job: Job) -> None:
        kind = self.path.rpartition(".")[2]
        location = f"{self.service.origin}/bucket/out/{job.job_id}.{kind}"
        self.answer(303, b"", {"location": location})

    def get(self, name: str) -> None:
        job_id, _, waveform = name.partition(".")
        if not waveform:
            self.service.downloading()
        content = waveform.encode() or self.service.jobs[job_id].made
        if waveform:
            self.answer(200, content)
        elif self.service.cut_downloads > 0:
            self.service.cut_downloads -= 1
            self.answer(200, content, cut=len(content) // 2)
        else:
            self.service.delivered()
            self.answer(200, content)

    def json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        kind = {"content-type": "application/json"}
        self.answer(status, json.dumps(body).encode(), kind | (headers or {}))

    def problem(self, status: int, code: str, detail: str) -> None:
        body = {"type": "about:blank", "title": code, "status": status, "code": code}
        headers = {"content-type": "application/problem+json"}
        self.answer(status, json.dumps(body | {"detail": detail}).encode(), headers)

    def answer(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        cut: int | None = None,
    ) -> None:
        """`cut` sends only so many bytes of the body and closes."""
        if self.is_mute:
            return
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True
