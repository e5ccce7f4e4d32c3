"""The small Sluice as one that keeps what the real one promises, so that a test can break one
promise at a time; with an ECS on the same port, whose StopTask begins a job anew."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import wave
from typing import Any

import tests.client.service
from tests.client.observed import OFFERS, Observed, _Looking
from tests.client.service import Job

MADE = {"flac": "flac", "opus": "opus", "wav": "wav"}
_FORMAT = OFFERS["formats"][1]


def made(content: bytes, target: str) -> bytes:
    """As much of a file of this format as tells its length, and FLAC its samples."""
    if not content.startswith(b"RIFF"):
        return b""
    with wave.open(io.BytesIO(content)) as sound:
        frames, rate = sound.getnframes(), sound.getframerate()
        samples = sound.readframes(frames)
    if target == "flac":
        facts = (rate << 44 | 15 << 36 | frames).to_bytes(8, "big")
        digest = hashlib.md5(samples).digest()
        return b"fLaC" + bytes(14) + facts + digest + bytes(2000)
    if target == "opus":
        head = b"OggS" + bytes(24) + b"OpusHead" + bytes(2) + struct.pack("<H", 312)
        end = round(frames / rate * 48_000) + 312
        return head + bytes(1000) + b"OggS" + bytes(2) + struct.pack("<q", end)
    return content


class Promising(Observed):
    """`denies`: what ECS lets nobody do. `falls`: each job's second percentage is below its first.
    `shows_nothing`: percentages are 0 until the end. `shares_outputs`: every user is given the
    first one's. `other_tasks`: how many of others run, before those of its jobs."""

    def __init__(self) -> None:
        super().__init__()
        self._server.RequestHandlerClass = type("Keeping", (_Keeping,), {"service": self})
        formats = [{**_FORMAT, "name": each, "suffix": each} for each in MADE]
        self.answers["formats"] = {**OFFERS, "formats": formats}
        self.attempts: dict[str, int] = {}
        self.denies: str | None = None
        self.seen_by_ecs: list[tuple[str, dict[str, Any], str]] = []
        self.falls = False
        self.shows_nothing = False
        self.shares_outputs = False
        self.other_tasks = 0

    def status(self, job: Job) -> str:
        status = super().status(job)
        return "failed" if status == "completed" and self.trouble_of(job) else status

    def trouble_of(self, job: Job) -> str | None:
        if not job.content.startswith(b"RIFF"):
            return "UNSUPPORTED_INPUT"
        told = int.from_bytes(job.content[40:44], "little")
        return "TRUNCATED_INPUT" if len(job.content) < told else None

    def error(self, job: Job) -> dict[str, str] | None:
        if self.status(job) != "failed":
            return None
        return {"code": self.trouble_of(job) or "OUTPUT_BROKEN", "message": "Do this."}

    def job_json(self, job: Job) -> dict[str, Any]:
        return super().job_json(job) | {"attempt": self.attempts.get(job.job_id, 1)}


class _Keeping(_Looking):
    service: Promising

    def do_POST(self) -> None:
        if "x-amz-target" in self.headers:
            body = json.loads(self.take_body())
            del self.headers["content-length"]
            self.ecs(self.headers["x-amz-target"].partition(".")[2], body)
        else:
            super().do_POST()

    def ecs(self, action: str, body: dict[str, Any]) -> None:
        service = self.service
        service.seen_by_ecs.append((action, body, self.headers.get("authorization", "")))
        if service.denies == action:
            return self.json(400, {"__type": "AccessDeniedException", "message": "No."})
        if action == "ListTasks":
            return self.json(200, self.tasks(int(body.get("nextToken", 0))))
        if action == "StopTask":
            job_id = body["task"].rpartition("/")[2]
            service.attempts[job_id] = 2
            return self.json(200, {"task": {}})
        return self.json(200, {"tasks": [_task(each) for each in body["tasks"]]})

    def tasks(self, first: int) -> dict[str, Any]:
        """A hundred at most, as ListTasks gives them."""
        others = [f"another-{each}" for each in range(self.service.other_tasks)]
        arns = [f"arn:task/{each}" for each in (*others, *self.service.jobs)]
        more = {"nextToken": str(first + 100)} if len(arns) > first + 100 else {}
        return {"taskArns": arns[first : first + 100], **more}

    def create_upload(self, body: dict[str, Any]) -> None:
        if body["fileName"].endswith(".txt"):
            return self.problem(415, "UNSUPPORTED_MEDIA_TYPE", "Send audio.")
        if body["bytes"] > OFFERS["limits"]["maxUploadBytes"]:
            return self.problem(413, "INPUT_TOO_LARGE", "Send less.")
        if any("bitrateKbps" in each for each in body["conversions"]):
            return self.problem(400, "INVALID_REQUEST", "wav has no bitrate.")
        return super().create_upload(body)

    def progress_json(self, job: Job) -> dict[str, Any]:
        told = super().progress_json(job)
        if self.service.shows_nothing and told["status"] == "processing":
            return told | {"percent": 0.0}
        return told | {"percent": 1.0} if self.service.falls and job.polls == 2 else told

    def output(self, job: Job) -> None:
        status = self.service.status(job)
        if status == "completed":
            return super().output(job)
        code = "JOB_NOT_READY" if status == "processing" else "NO_OUTPUT"
        return self.problem(409, code, "Ask later.")

    def get(self, name: str) -> None:
        """With ranges of both ends, and by its name."""
        jobs = self.service.jobs
        users = [each for each in jobs.values() if "-user-" in each.file_name]
        owner = users[0] if self.service.shares_outputs and users else jobs[name]
        content = tests.client.service.converted(owner.content, jobs[name].format)
        stem = jobs[name].file_name.rpartition(".")[0]
        headers = {"content-disposition": f'attachment; filename="{stem}.{jobs[name].format}"'}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        if asked is None or not self.service.serves_ranges:
            return self.answer(200, content, headers)
        last = int(asked[2]) if asked[2] else len(content) - 1
        return self.answer(206, content[int(asked[1]) : last + 1], headers)


def _task(arn: str) -> dict[str, Any]:
    command = [arn.rpartition("/")[2], "0"]
    overrides = {"containerOverrides": [{"name": "Converter", "command": command}]}
    return {"taskArn": arn, "lastStatus": "RUNNING", "overrides": overrides}
