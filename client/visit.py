"""A verb's work at a deployment that is there, and the exit code that comes of it.

0 done · 1 something was not, or the API refused · 3 the API did not answer · 130 interrupted
(Ctrl-C) · 143 terminated. (2, wrong usage, is click's.)
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from client.deployment import Deployment
from client.errors import ApiUnreachable, ClientError, Interrupted
from client.outcome import CONVERTED, INTERRUPTED, OUT_OF_REACH, SOME_FAILED, TERMINATED
from client.retry import Patience
from client.service import Service, serving
from client.show import Lines

DONE = CONVERTED
# What comes from afar is printed, but nothing in it moves a cursor.
lines = Lines(())


def visit(
    deployment: Deployment, patience: Patience, work: Callable[[Service], Awaitable[int]]
) -> int:
    """The exit code of the work; a ClientError out of it is told, and ends it."""

    async def run() -> int:
        async with serving(deployment, patience) as service:
            return await work(service)

    return in_loop(run)


async def one_by_one(
    names: Sequence[str],
    act: Callable[[str], Awaitable[None]],
    failed: Callable[[str, ClientError], None],
    as_json: bool,
) -> int:
    """The exit code: the worst. Where the API is not reached, or we are stopped, the names that are
    left have their objects too; people are told once."""
    codes = [DONE]
    for place, name in enumerate(names):
        left = names[place:] if as_json else ()
        try:
            await act(name)
        except ApiUnreachable as error:
            for each in left:
                failed(each, error)
            if not left:
                raise
            return OUT_OF_REACH
        except asyncio.CancelledError:
            for each in left:
                failed(each, stopped())
            raise
        except ClientError as error:
            failed(name, error)
            codes.append(code_of(error))
    return max(codes)


def stopped() -> Interrupted:
    return Interrupted("Stopped before its end; run it again.")


def in_loop(run: Callable[[], Awaitable[int]]) -> int:
    """Ctrl-C and SIGTERM cancel it, so that it cleans up after itself."""

    async def cancellable() -> int:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await run()

    try:
        return asyncio.run(cancellable())
    except KeyboardInterrupt:  # asyncio.run cancels first, then raises this
        return INTERRUPTED
    except asyncio.CancelledError:
        return TERMINATED
    except ClientError as error:
        lines.note(f"{error.code}: {error.message}")
        return code_of(error)


def code_of(error: ClientError) -> int:
    return OUT_OF_REACH if isinstance(error, ApiUnreachable) else SOME_FAILED


def tell(what: Mapping[str, Any]) -> None:
    lines.result(json.dumps(what))


def error_json(error: ClientError) -> dict[str, str]:
    return {"code": error.code, "message": error.message}
