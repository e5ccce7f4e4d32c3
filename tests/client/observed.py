"""The small Sluice as those see it who look: pages of jobs, histories, health, offers, and S3 with
ranges, ETags and URLs that expire."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.client.service import Job, Service, _Handler

WELL: dict[str, Any] = {
    "status": "ok",
    "checks": [
        {"name": name, "status": "ok", "milliseconds": 3.2, "problem": None}
        for name in ("s3", "dynamodb", "stepFunctions", "ecs", "redis")
    ],
    "capacity": {
        "runningJobs": 1,
        "mostRunningJobs": 100,
        "waitingJobs": 0,
        "mostWaitingJobs": 1000,
        "openUploads": 2,
        "mostOpenUploads": 1000,
    },
    "time": "2026-03-01T02:00:00.000Z",
}
OFFERS: dict[str, Any] = {
    "formats": [
        {
            "name": "mp3",
            "title": "MP3",
            "suffix": "mp3",
            "mediaType": "audio/mpeg",
            "lossless": False,
            "bitratesKbps": [32, 64, 128, 320],
            "quality": {"best": 0, "worst": 9},
            "sampleRates": [44100, 48000],
            "anySampleRateTo": 0,
            "channels": [1, 2],
            "bitDepths": [],
            "tags": True,
            "cover": True,
            "chapters": False,
        },
        {
            "name": "flac",
            "title": "FLAC",
            "suffix": "flac",
            "mediaType": "audio/flac",
            "lossless": True,
            "bitratesKbps": None,
            "quality": None,
            "sampleRates": [],
            "anySampleRateTo": 655350,
            "channels": [1, 2, 3, 4, 5, 6, 7, 8],
            "bitDepths": [16, 24],
            "tags": True,
            "cover": True,
            "chapters": True,
        },
    ],
    "presets": [{"name": "archive-flac", "conversion": {"format": "flac", "bitDepth": None}}],
    "inputs": {"suffixes": ["flac", "wav"]},
    "limits": {"maxUploadBytes": 5368709120, "maxConversions": 20, "retentionDays": 7},
}


@dataclass
class Problem:
    """An answer out of turn; a text is sent as it is."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Observed(Service):
    """`pages` are answered by their cursors (None for the first), or the jobs there are when there
    are no pages. `breaks` has, for each GET of an output, after how many bytes it breaks off."""

    def __init__(self) -> None:
        super().__init__()
        self._server.RequestHandlerClass = type("Looking", (_Looking,), {"service": self})
        self.pages: dict[str | None, dict[str, Any]] = {}
        self.lists_asked: list[dict[str, str]] = []
        self.asked_together: list[list[str]] = []
        self.answers: dict[str, Any] = {"health": WELL, "formats": OFFERS}
        self.health_status = 200
        # What the next requests of a kind are answered instead.
        self.problems: dict[str, list[Problem]] = {}
        self.histories: dict[str, Any] = {}
        self.expired: set[str] = set()
        self.clock_off = timedelta()
        self.seconds: float | None = None
        self.breaks: list[int] = []
        self.serves_ranges = True
        self.serves_etags = True
        self.url_holds = 1_000_000
        self.ranges: list[str | None] = []
        self.made_anew: dict[str, bytes] = {}
        # How a range is answered wrongly: so many bytes before it, or of another object.
        self.ranges_begin_before = 0
        self.ranges_are_of: bytes | None = None
        # Outputs and waveforms whose length is not told and which go on for so long.
        self.goes_on_for: dict[str, int] = {}
        self.sent = 0
        self.after_get: Callable[[str], None] = lambda name: None

    def add(self, job_id: str, content: bytes = b"a" * 10, name: str = "a.wav") -> Job:
        """A job that is over, of a file of this name."""
        self.jobs[job_id] = Job(job_id, "file", name, {"format": "mp3"}, content, polls=1000)
        return self.jobs[job_id]

    def job_json(self, job: Job) -> dict[str, Any]:
        told = super().job_json(job)
        if told["output"] and self.seconds is not None:
            told["output"]["durationSeconds"] = self.seconds
        return told


class _Looking(_Handler):
    service: Observed

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(datetime.now(UTC) + self.service.clock_off, usegmt=True)

    def do_GET(self) -> None:
        parts = urlsplit(self.path).path.strip("/").split("/")
        if parts[0] == "v1" and parts[-1] in self.service.answers:
            self.serve(parts[-1], lambda: self.told(parts[-1]))
        elif parts == ["v1", "jobs"]:
            self.serve("list_jobs", self.page)
        elif parts == ["v1", "progress"]:
            self.serve("progresses", self.progresses)
        elif parts[:2] == ["v1", "jobs"] and parts[2] in self.service.expired:
            self.serve("job", lambda: self.problem(410, "JOB_EXPIRED", "The job has expired."))
        elif parts[:2] == ["v1", "jobs"] and parts[2] not in self.service.jobs:
            self.serve("job", lambda: self.problem(404, "JOB_NOT_FOUND", "No such job."))
        else:
            super().do_GET()

    def serve(self, kind: str, act: Callable[[], None]) -> None:
        waiting = self.service.problems.get(kind)
        problem = waiting.pop(0) if waiting else None
        super().serve(kind, act if problem is None else lambda: self.out_of_turn(problem))

    def out_of_turn(self, problem: Problem) -> None:
        body = problem.body if isinstance(problem.body, str) else json.dumps(problem.body)
        self.answer(problem.status, body.encode(), problem.headers)

    def told(self, what: str) -> None:
        self.json(
            self.service.health_status if what == "health" else 200, self.service.answers[what]
        )

    def progresses(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)["jobId"][0].split(",")
        self.service.asked_together.append(asked)
        there = [self.service.jobs[each] for each in asked if each in self.service.jobs]
        told = [self.progress_json(each) for each in there]
        missing = [each for each in asked if each not in self.service.jobs]
        self.json(200, {"progress": told, "notFound": missing}, self.ask_again())

    def history(self, job: Job) -> None:
        self.json(200, self.service.histories[job.job_id])

    def page(self) -> None:
        asked = {name: value[0] for name, value in parse_qs(urlsplit(self.path).query).items()}
        self.service.lists_asked.append(asked)
        if self.service.pages:
            return self.json(200, self.service.pages[asked.get("cursor")])
        jobs = [
            each
            for each in self.service.jobs.values()
            if each.file_id == asked.get("fileId", each.file_id)
        ]
        told = [self.service.job_json(each) for each in jobs]
        return self.json(200, {"jobs": told, "cursor": None})

    def output(self, job: Job) -> None:
        number = self.service.count("output")
        url = f"{self.service.origin}/bucket/out/{job.job_id}?signature={number}"
        self.answer(303, b"", {"location": url})

    def get(self, name: str) -> None:
        """As S3 answers GetObject: 206 for a range, 412 where If-Match does not hold, 403 for a URL
        that has expired."""
        service = self.service
        asked = self.headers.get("range")
        service.ranges.append(asked)
        if sum(path == self.path for _, path in service.log) > service.url_holds:
            said = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            return self.answer(403, said)
        content = service.made_anew.get(name) or service.jobs[name].made
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        if self.headers.get("if-match", etag) != etag:
            return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        headers = {"etag": etag} if service.serves_etags else {}
        cut = service.breaks.pop(0) if service.breaks else None
        service.after_get(name)
        if name in service.goes_on_for:
            return self.go_on(service.goes_on_for[name])
        if asked is None or not service.serves_ranges:
            return self.answer(200, content, headers, cut)
        first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]
        if service.ranges_are_of is not None:
            content, headers = service.ranges_are_of, {"etag": '"other"'}
        first -= service.ranges_begin_before
        last = len(content) - service.ranges_begin_before
        told = f"bytes {first}-{last - 1}/{len(content)}"
        return self.answer(206, content[first:last], headers | {"content-range": told}, cut)

    def go_on(self, size: int) -> None:
        """Of no length that is told: it ends with the connection."""
        self.close_connection = True
        self.send_response(200)
        self.end_headers()
        with suppress(ConnectionError):
            for _ in range(size // 65536):
                self.wfile.write(bytes(65536))
                self.service.sent += 65536
