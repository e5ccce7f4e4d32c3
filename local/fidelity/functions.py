"""AWS Lambda: what a function that raised reports, what its worker does, and how that starts."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
import zipfile
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

runtime: Any = import_module("ministack.core.lambda_runtime")
service: Any = import_module("ministack.services.lambda_svc")

# The line of the worker's script that tells the engine of an exception, and what it tells here:
# the class and the trace in Lambda's form, marked as an answer so that the worker is kept.
_TELLS = (
    '_real_stdout.write(json.dumps({"status": "error", "error": str(e), '
    '"trace": traceback.format_exc()}) + "\\n")'
)
_SHOULD_TELL = (
    '_real_stdout.write(json.dumps({"status": "ok", "raised": {'
    '"errorMessage": str(e), "errorType": type(e).__name__, '
    '"requestId": context.aws_request_id, '
    '"stackTrace": traceback.format_tb(e.__traceback__)[1:]}, '
    '"trace": traceback.format_exc()}) + "\\n")'
)

# A line that a handler wrote before it answered is there in a millisecond or two.
LOG_SECONDS = 0.01
# Unpacked code that no worker was started with for so long is not coming back.
KEPT_SECONDS = 7 * 24 * 3600

_invoke = runtime.Worker.invoke
_drain_stderr = runtime.Worker._drain_stderr_bounded
_execute_warm = service._execute_function_warm
_raised: ContextVar[dict[str, Any] | None] = ContextVar("raised", default=None)


def install(code_directory: Path) -> None:
    if _TELLS not in runtime._PYTHON_WORKER_SCRIPT:
        raise RuntimeError("ministack's Lambda worker is not the one local/fidelity corrects")
    runtime._PYTHON_WORKER_SCRIPT = runtime._PYTHON_WORKER_SCRIPT.replace(_TELLS, _SHOULD_TELL)
    runtime.Worker.invoke = invoke
    runtime.Worker._drain_stderr_bounded = drain_stderr
    service._execute_function_warm = execute_warm
    code_directory.mkdir(parents=True, exist_ok=True)
    SharedCode.directory = code_directory
    runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": SharedCode})


def invoke(worker: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
    """A handler that raises keeps its execution environment.

    AWS: only an init error, a timeout or a crash of the runtime ends an environment ("Understanding
    the Lambda execution environment lifecycle"). ministack: ends the worker at every exception.
    """
    answer = _invoke(worker, *arguments, **keywords)
    _raised.set(answer.get("raised"))
    if raised := answer.get("raised"):
        return {**answer, "status": "error", "error": raised["errorMessage"]}
    return answer


def execute_warm(function: Any, event: Any, request_id: str) -> dict[str, Any]:
    """A function that raised reports the exception's class, message and stack.

    AWS: errorType is the class, with stackTrace ("Lambda function handler in Python", exceptions);
    a Retry or Catch on it in a state machine matches that name. ministack: Runtime.HandlerError.
    """
    _raised.set(None)
    result = _execute_warm(function, event, request_id)
    if result.get("error") and (raised := _raised.get()):
        return {**result, "body": raised}
    return result


def drain_stderr(worker: Any) -> str:
    """An answer does not wait 50 ms for a log line that does not come.

    AWS: logs are not on the way of the answer. ministack: reads them before it passes it on.
    """
    return _drain_stderr(worker, first_line_wait=LOG_SECONDS)


class SharedCode(zipfile.ZipFile):
    """Code is unpacked once for all workers and runs, and its compiled form kept with it.

    AWS: the execution environments of a version share one read-only /var/task. ministack: unpacks
    it for each, where Python compiles it anew, boto3 and all: 1.7 s at each start, 0.4 s this way.
    """

    directory: Path

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        shared = self.directory / hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
        if not shared.exists():
            self._unpack(shared)
        os.utime(shared)
        for entry in shared.iterdir():
            (Path(path) / entry.name).symlink_to(entry)

    def _unpack(self, shared: Path) -> None:
        aside = Path(tempfile.mkdtemp(dir=self.directory))
        super().extractall(aside)
        try:
            aside.rename(shared)
        except OSError:  # another worker was quicker, and its directory is not empty
            shutil.rmtree(aside)
        for other in self.directory.iterdir():
            if other.stat().st_mtime < time.time() - KEPT_SECONDS:
                shutil.rmtree(other, ignore_errors=True)
