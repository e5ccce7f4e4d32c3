"""`python -m local`: the pipeline on this machine, until it is told to end.

Without --ready-json it is for a person: it says where the API is, and stays until Ctrl-C. With it,
it is for a program: one line of JSON when ready. A program that gives it a pipe for its standard
input ends it by closing that, also by dying. Exit codes: 0 ended as asked, 1 failed, 2 the port is
in use.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import stat
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from local.errors import LocalError
from local.pipeline import PROGRESS_STORES, Pipeline

_ENDING = (signal.SIGINT, signal.SIGTERM)
# How often to look whether the engine is still there.
LOOK_SECONDS = 0.5


def main() -> int:
    options = _options()
    try:
        return _run(options)
    except LocalError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    finally:
        _hear_no_more()


def _run(options: argparse.Namespace) -> NoReturn:
    for number in _ENDING:
        signal.signal(number, _end)
    if options.ready_json or _has_a_pipe_for_input():
        threading.Thread(target=_end_with_input, daemon=True).start()
    chosen = dict(options.context)
    with Pipeline(options.port, options.data, options.progress_store, chosen) as pipeline:
        _say_ready(pipeline, options.ready_json)
        while True:
            time.sleep(LOOK_SECONDS)
            pipeline.raise_if_ended()


def _end(*_: object) -> NoReturn:
    """Unwind from wherever we are, once: what comes while we tidy up must not cut that short."""
    _hear_no_more()
    raise KeyboardInterrupt


def _hear_no_more() -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="any free one when not given")
    parser.add_argument("--data", type=Path, help="keep files, jobs and stacks in this directory")
    parser.add_argument(
        "--progress-store",
        choices=PROGRESS_STORES,
        default=PROGRESS_STORES[0],
        help="where progress is read first; redis starts one",
    )
    parser.add_argument(
        "-c",
        "--context",
        metavar="NAME=VALUE",
        type=_named,
        action="append",
        default=[],
        help="an option of a deployment, as `cdk deploy` takes it, like -c auth=iam",
    )
    parser.add_argument("--ready-json", action="store_true", help="say so in JSON, to a program")
    return parser.parse_args()


def _named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _say_ready(pipeline: Pipeline, as_json: bool) -> None:
    if not as_json:
        print(f"Sluice is ready at {pipeline.api}", flush=True)
        return
    facts = {
        "api": pipeline.api,
        "engine": pipeline.engine.url,
        "bucket": pipeline.deployment.output("BucketName"),
        "cluster": pipeline.deployment.resource("AWS::ECS::Cluster"),
        "stateMachineArn": pipeline.deployment.output("StateMachineArn"),
        "redisPort": pipeline.redis and pipeline.redis.port,
        "seconds": asdict(pipeline.seconds),
    }
    print(json.dumps(facts), flush=True)


def _has_a_pipe_for_input() -> bool:
    """Rather than a terminal or /dev/null; asyncio makes a pair of sockets of it."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
