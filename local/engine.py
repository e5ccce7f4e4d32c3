"""The engine: ministack serving AWS's APIs on one loopback port, in a process of its own.

Started by local/child.py as `python -m local.engine` under the Python of .venv-engine, from the
repository's root. It lives as long as the pipe on its stdin is open: whatever happens to its owner,
it stops the tasks it runs, ends the Lambda workers, saves its state and goes. The first thing it
says, on stdout, is one JSON line, `{"port": …}`; all later output goes to its log file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from local.task_process import Machine
from local.tasks import Tasks
from local.watchman import Watchman

HOST = "127.0.0.1"
REGION = "us-east-1"
ROOT = Path(__file__).resolve().parent.parent
CODE_DIRECTORY = ROOT / "build" / "functions"
# Long enough for a converter to abort its multipart upload, short enough for a Ctrl-C.
TASK_GRACE_SECONDS = 5.0
# How much of what was done a kill or a power cut may cost, with --data.
SAVE_SECONDS = 10.0
# Idle connections of clients that are still open would hold the server's end up this long.
CONNECTION_GRACE_SECONDS = 0.5
# A Lambda worker inherits this process's whole environment: so it is cut down to these first.
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "SLUICE_LOCAL_CAPACITY",  # local/fidelity/ecs.py
    "SLUICE_LOCAL_REHEARSAL",  # local/fidelity/rehearsal.py
    "SLUICE_LOCAL_TTL_SECONDS",  # local/fidelity/dynamodb.py
    "SLUICE_LOCAL_REDIS",  # local/fidelity/cache.py
)


def main() -> None:
    options = _options()
    listener = _listen(options.port)
    port = listener.getsockname()[1]
    owner = _write_to(options.logs / "engine.log")
    watchman = Watchman(options.run_directory, options.work_directory)
    _set_environment(options, port)
    _install_fidelity(owner)
    tasks = Tasks(_machine(options, port, watchman))
    ecs: Any = import_module("ministack.services.ecs")
    ecs._docker = tasks
    _raise_open_files()
    owner.say(json.dumps({"port": port}))
    asyncio.run(_serve(listener, tasks, watchman))
    _leave(watchman)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.engine")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--run-directory", type=Path, required=True, help="the owner's, temporary")
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="keep objects and state here across restarts")
    parser.add_argument("--task-python", required=True)
    parser.add_argument("--ffmpeg", required=True)
    parser.add_argument("--ffprobe", required=True)
    options = parser.parse_args()
    options.work_directory = options.run_directory / "work"
    options.work_directory.mkdir(parents=True, exist_ok=True)
    options.logs.mkdir(parents=True, exist_ok=True)
    return options


def _listen(port: int) -> socket.socket:
    """Bind before anything else, so that the port is ours before anybody is told of it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:  # somebody has taken last time's port meanwhile: any other will do
        listener.bind((HOST, 0))
    listener.listen(256)
    return listener


def _set_environment(options: argparse.Namespace, port: int) -> None:
    """ministack reads all its settings from the environment, most of them when it is imported."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        BIND_HOST=HOST,
        MINISTACK_HOST=HOST,  # what it puts into queue URLs and the like
        GATEWAY_PORT=str(port),
        MINISTACK_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        # Listeners on fixed ports of their own, which two engines would fight over.
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        DOCKER_HOST="unix:///nonexistent",  # never touch a Docker that happens to be there
        POWERTOOLS_TRACE_DISABLED="true",  # it samples every invocation, and has no X-Ray
        TMPDIR=str(options.work_directory),
    )
    if options.data:
        os.environ.update(
            S3_PERSIST="1",
            S3_DATA_DIR=str(options.data / "s3"),
            PERSIST_STATE="1",
            STATE_DIR=str(options.data / "state"),
        )


def _install_fidelity(owner: Owner) -> None:
    from local.fidelity.install import WrongEngine, install  # imports the engine: environment first

    try:
        install(CODE_DIRECTORY)
    except WrongEngine as error:
        owner.complain(str(error))
        sys.exit(1)


def _machine(options: argparse.Namespace, port: int, watchman: Watchman) -> Machine:
    return Machine(
        python=options.task_python,
        root=ROOT,
        endpoint=f"http://{HOST}:{port}",
        region=REGION,
        ffmpeg=options.ffmpeg,
        ffprobe=options.ffprobe,
        scratch=options.work_directory,
        logs=options.logs,
        on_start=watchman.watch,
        on_end=watchman.forget,
    )


def _raise_open_files() -> None:
    """Connections, pipes and objects on disk pass a soft limit of 1024 in a busy run."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 16_384 if hard == resource.RLIM_INFINITY else min(hard, 16_384)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _write_to(log: Path) -> Owner:
    """Point stdout and stderr, and with them all that ministack says, at a file; what they were
    before is how the owner is still told things."""
    owner = Owner(os.dup(1), os.dup(2))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    return owner


async def _serve(listener: socket.socket, tasks: Tasks, watchman: Watchman) -> None:
    app = import_module("ministack.app").app
    serve = import_module("hypercorn.asyncio").serve
    config: Any = import_module("hypercorn.config").Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = CONNECTION_GRACE_SECONDS
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    await serve(app, config, shutdown_trigger=lambda: _end(tasks, watchman))


async def _end(tasks: Tasks, watchman: Watchman) -> None:
    """Begin when the server is up, as hypercorn asks for the end only then; return when it is time
    to stop serving: the tasks' last words need the server still up."""
    restarts: Any = import_module("local.fidelity.restarts")
    over = _told_to_end()
    restarts.resume()
    while not await _within(SAVE_SECONDS, over):
        await asyncio.to_thread(_save)
    restarts.close()
    await asyncio.to_thread(tasks.close, TASK_GRACE_SECONDS)
    await asyncio.to_thread(_save)
    # From Python 3.12 on, a server that closes waits for connections that clients keep open.
    threading.Timer(CONNECTION_GRACE_SECONDS * 2, _leave, args=(watchman,)).start()


def _told_to_end() -> asyncio.Event:
    """Set by SIGTERM, and by the end of our input, whatever happened to the owner."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is for the owner

    def until_closed() -> None:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=until_closed, daemon=True).start()
    return over


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _save() -> None:
    """Write the state, if it is kept at all: by itself ministack does so at a tidy end only."""
    app = import_module("ministack.app")
    if app.PERSIST_STATE:
        app.save_all(app._build_persistence_save_dict())


def _leave(watchman: Watchman) -> None:
    import_module("ministack.core.lambda_runtime").reset()
    watchman.dismiss()
    os._exit(0)  # threads that sleep in a state's wait or retry must not hold the process up


@dataclass(frozen=True)
class Owner:
    """The process that started this one, by the descriptors it gave us."""

    stdout: int
    stderr: int

    def say(self, line: str) -> None:
        os.write(self.stdout, line.encode() + b"\n")

    def complain(self, line: str) -> None:
        os.write(self.stderr, line.encode() + b"\n")


if __name__ == "__main__":
    main()
