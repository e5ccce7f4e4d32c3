"""The converter's own segment: what it tells X-Ray, and that it never costs a job anything."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ReadTimeoutError

from conversion.errors import Interrupted, SupersededAttempt, TruncatedInput
from conversion.stores import clients
from conversion.stores.traces import Traces
from conversion.traces import TraceHeader
from tasks.converter.trace import SEND_SECONDS, Trace
from tests.unit.conversion.test_traces import PARENT, ROOT

Put = Callable[[dict[str, Any]], object]
HEADER = TraceHeader(ROOT, PARENT, is_sampled=True)


def converted(trace: Trace) -> None:
    trace.annotate(jobId="j1", attempt=2)
    with trace.sent("sluice-dev-converter"):
        with trace.step("claim"):
            pass
        with trace.step("converting"):
            time.sleep(0.02)


def sent(steps: Callable[[Trace], None]) -> dict[str, Any]:
    heard: list[dict[str, Any]] = []
    steps(Trace(HEADER, heard.append))
    (segment,) = heard
    return segment


def test_a_segment_is_part_of_the_trace_that_was_handed_down() -> None:
    segment = sent(converted)
    assert (segment["trace_id"], segment["parent_id"]) == (ROOT, PARENT)
    assert segment["name"] == "sluice-dev-converter"
    assert segment["annotations"] == {"jobId": "j1", "attempt": 2}


def test_each_step_is_a_subsegment_within_it() -> None:
    segment = sent(converted)
    assert [each["name"] for each in segment["subsegments"]] == ["claim", "converting"]
    for each in segment["subsegments"]:
        assert segment["start_time"] <= each["start_time"] <= each["end_time"]
        assert each["end_time"] <= segment["end_time"]
    converting = segment["subsegments"][1]
    assert converting["end_time"] - converting["start_time"] >= 0.02
    ids = {each["id"] for each in [segment, *segment["subsegments"]]}
    assert len(ids) == 3
    assert all(len(each) == 16 for each in ids)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TruncatedInput("“Meine Lieder.wav” ends early."), "error"),
        (SupersededAttempt("another"), "error"),
        (Interrupted("stop"), "fault"),
        (ValueError("a bug"), "fault"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_what_a_step_raises_marks_it_and_is_raised_on(error: Exception, kind: str) -> None:
    def fails(trace: Trace) -> None:
        with pytest.raises(type(error)), trace.sent("converter"), trace.step("converting"):
            raise error

    segment = sent(fails)
    for each in (segment, *segment["subsegments"]):
        assert each[kind] is True
        (told,) = each["cause"]["exceptions"]
        assert told["type"] == getattr(error, "code", type(error).__name__)
        assert str(error) not in str(each)  # a message may quote a person's own words


def test_a_failure_that_was_recorded_is_told_too() -> None:
    def recorded(trace: Trace) -> None:
        with trace.sent("converter"):
            trace.failed(TruncatedInput("It ends early."))

    assert sent(recorded)["error"] is True


@pytest.mark.parametrize("header", [None, TraceHeader(ROOT, PARENT, is_sampled=False)])
def test_nothing_is_sent_of_what_is_not_sampled(header: TraceHeader | None) -> None:
    heard: list[dict[str, Any]] = []
    converted(Trace(header, heard.append))
    assert heard == []


def test_many_steps_stay_within_what_x_ray_takes() -> None:
    def many(trace: Trace) -> None:
        with trace.sent("converter"):
            for _ in range(1000):
                with trace.step("converting"):
                    pass

    assert len(str(sent(many))) < 64_000


def test_an_x_ray_that_refuses_fails_no_job() -> None:
    def refuse(_: dict[str, Any]) -> None:
        raise OSError("no X-Ray here")

    converted(Trace(HEADER, refuse))


def test_an_x_ray_that_does_not_answer_delays_no_job() -> None:
    never = threading.Event()
    began = time.monotonic()
    converted(Trace(HEADER, lambda _: never.wait(30)))
    assert time.monotonic() - began < SEND_SECONDS + 0.5
    never.set()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def at(port: int) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", f"http://127.0.0.1:{port}")

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return at


def test_a_silent_endpoint_is_left_by_the_client_itself(endpoint: Callable[[int], None]) -> None:
    """Nothing is left hanging when the task ends."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint(silent.getsockname()[1])
        client = clients.xray(clients.SENT)
        began = time.monotonic()
        with pytest.raises(ReadTimeoutError):
            Traces(client).put({"name": "converter"})
        assert time.monotonic() - began < SEND_SECONDS + 0.5


class XRay(BaseHTTPRequestHandler):
    heard: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard += [json.loads(each) for each in asked["TraceSegmentDocuments"]]
        answer = b'{"UnprocessedTraceSegments": []}'
        self.send_response(200 if self.path == "/TraceSegments" else 404)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_it_is_sent_as_x_ray_takes_it(endpoint: Callable[[int], None]) -> None:
    segment = sent(converted)
    with ThreadingHTTPServer(("127.0.0.1", 0), XRay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint(server.server_port)
        assert Traces(clients.xray(clients.SENT)).put(segment)
        server.shutdown()
    assert XRay.heard == [segment]


@pytest.mark.parametrize(
    ("environment", "has"),
    [
        ({}, True),
        ({"AWS_ENDPOINT_URL": "http://localhost:4566"}, False),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_XRAY": "http://b"}, True),
    ],
)
def test_the_local_engine_has_no_x_ray(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], has: bool
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_XRAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert clients.has_xray() is has
