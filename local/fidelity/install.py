"""What ministack does otherwise than AWS, closed: the one place that knows the pinned version.

Each module beside this one closes the differences of one service. A difference is one function
whose docstring says what AWS does, where that is written, and what the engine does instead; each
has its test in tests/local/. All of them reach into the engine's private parts, so they hold for
one version only and refuse any other. To move to a new one: read its changes, run the tests with
each function left out, delete those it has learned, change the version in requirements-engine.in
and here.
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PINNED_VERSION = "1.5.33"


class WrongEngine(Exception):
    """The installed ministack is not the one whose differences are known."""


def install(code_directory: Path) -> None:
    """Patch the engine, before it serves; functions' code is unpacked under the directory.

    Raises WrongEngine.
    """
    check_version(installed_version())
    # Imported here: they import the engine, which must not happen before the check.
    from local.fidelity import (
        cache,
        cloudformation,
        distributed_map,
        dynamodb,
        ecs,
        functions,
        http_api,
        kept_streams,
        redrive,
        restarts,
        run_task,
        s3,
        s3_cors,
        states,
        streams,
        throttling,
    )

    flow = (ecs, run_task, states, distributed_map, redrive, restarts)
    data = (dynamodb, streams, kept_streams, s3, s3_cors)
    for service in (*flow, *data, cloudformation, cache, http_api, throttling):
        service.install()
    functions.install(code_directory)


def check_version(found: str) -> None:
    if found != PINNED_VERSION:
        raise WrongEngine(
            f"The local engine needs ministack {PINNED_VERSION} and found {found}: local/fidelity "
            "corrects that version only. Run `make install`."
        )


def installed_version() -> str:
    try:
        return version("ministack")
    except PackageNotFoundError:
        return "none"
