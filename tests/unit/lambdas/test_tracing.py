"""A function's own part of a trace, by the real SDK to a daemon that the test is."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conversion.test_traces import PARENT, ROOT

REPOSITORY = Path(__file__).parents[3]
NAME = "Meine Lieder"
HEADER = f"Root={ROOT};Parent={PARENT};Sampled=1"

# As Lambda calls it: once while it is cold, and once more.
PROGRAM = f"""
import sys
from conversion.stores import clients
from lambdas.observability import logger
from lambdas.tracing import traced

s3 = clients.s3()

@logger.inject_lambda_context
@traced
def handler(event, context):
    logger.append_keys(job_id="j1")
    s3.head_object(Bucket="b", Key="uploads/{NAME}.wav")
    if event:
        raise ValueError("a bug")
    return {{"fileName": "{NAME}.wav"}}

class Context:
    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "x"

handler({{}}, Context())
try:
    handler({{"again": 1}}, Context())
except ValueError:
    pass
print("aws_xray_sdk.core" in sys.modules)
"""


class Bucket(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


Run = Callable[..., tuple[bool, list[dict[str, Any]]]]


@pytest.fixture
def run() -> Iterator[Run]:
    """Whether the SDK was imported, and the subsegments sent."""
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as bucket,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon,
    ):
        threading.Thread(target=bucket.serve_forever, daemon=True).start()
        daemon.bind(("127.0.0.1", 0))
        daemon.setblocking(False)

        def run(**environment: str) -> tuple[bool, list[dict[str, Any]]]:
            told = subprocess.run(
                [sys.executable, "-c", PROGRAM],
                cwd=REPOSITORY,
                env={
                    "PATH": os.environ["PATH"],
                    "AWS_DEFAULT_REGION": "eu-west-1",
                    "AWS_ACCESS_KEY_ID": "test",
                    "AWS_SECRET_ACCESS_KEY": "test",
                    "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{bucket.server_port}",
                    "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
                    "LAMBDA_TASK_ROOT": str(REPOSITORY),
                    "POWERTOOLS_SERVICE_NAME": "sluice-dev",
                    **environment,
                },
                capture_output=True,
                text=True,
                check=False,
            )
            assert told.returncode == 0, told.stderr
            return told.stdout.splitlines()[-1] == "True", list(received(daemon))

        yield run
        bucket.shutdown()


def received(daemon: socket.socket) -> Iterator[dict[str, Any]]:
    """A header line, then the document ("Sending trace data to X-Ray", X-Ray guide)."""
    while True:
        try:
            yield json.loads(daemon.recv(65_536).split(b"\n", 1)[1])
        except BlockingIOError:
            return


def test_a_sampled_invocation_is_told_with_its_job_and_its_calls(run: Run) -> None:
    _, sent = run(_X_AMZN_TRACE_ID=HEADER)
    handlers = [each for each in sent if each["name"] == "## handler"]
    assert [each["annotations"]["jobId"] for each in handlers] == ["j1", "j1"]
    assert [each["annotations"]["ColdStart"] for each in handlers] == [True, False]
    assert {(each["trace_id"], each["parent_id"]) for each in handlers} == {(ROOT, PARENT)}
    calls = [each["aws"]["operation"] for each in sent if each["name"] == "s3"]
    assert calls == ["HeadObject", "HeadObject"]
    assert [bool(each.get("fault")) for each in handlers] == [False, True]


def test_no_answer_and_no_key_is_part_of_a_trace(run: Run) -> None:
    _, sent = run(_X_AMZN_TRACE_ID=HEADER)
    assert len(sent) > 2
    assert NAME not in json.dumps(sent)


@pytest.mark.parametrize(
    "environment",
    [
        {"_X_AMZN_TRACE_ID": HEADER.replace("Sampled=1", "Sampled=0")},
        {},
        {"_X_AMZN_TRACE_ID": HEADER, "POWERTOOLS_TRACE_DISABLED": "true"},
        {"_X_AMZN_TRACE_ID": HEADER, "LAMBDA_TASK_ROOT": ""},
    ],
    ids=["not sampled", "no trace", "switched off", "not on Lambda"],
)
def test_what_is_not_sampled_does_not_even_import_the_sdk(
    run: Run, environment: dict[str, str]
) -> None:
    assert run(**environment) == (False, [])
