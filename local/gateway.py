"""One clean origin in front of the engine: the deployed HTTP API, with every path, as on AWS.

The engine serves every HTTP API under `/_aws/execute-api/{apiId}/`, on a port of its own choosing.
Here requests and answers pass through as they are, bodies streamed, redirects not followed: the 303
to a presigned URL is the caller's to follow. An engine that does not answer is a 502. What a client
does wrong, or leaves undone, is answered if it can be, and not reported to whoever runs this.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Self

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from local.errors import PortInUse

HOST = "127.0.0.1"
# An HTTP API answers within 30 s or with 503 ("Amazon API Gateway endpoints and quotas").
ANSWER_SECONDS = 30.0
# By which the engine knows what host a caller has signed for (local/fidelity/http_api.py).
CALLED_AS = "x-forwarded-host"
# Headers about one connection, not the message (RFC 9110, section 7.6.1), and what aiohttp sets.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "date",
        "server",
    }
)


class _ClientsFault(logging.Filter):
    """Drops what is not HTTP: aiohttp answers it with 400, and logs it with a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log = logging.getLogger(__name__)
_log.addFilter(_ClientsFault())


def listen(port: int) -> socket.socket:
    """Take the port, 0 for any free one, before there is anything to serve. Raises PortInUse."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortInUse(
            f"Port {port} is in use: stop what listens there, or give another --port."
        ) from error
    return listener


class Gateway:
    """Serves on the listener, in a thread of its own, while the context is open."""

    def __init__(self, listener: socket.socket, engine_url: str, api_id: str) -> None:
        self.url = f"http://{HOST}:{listener.getsockname()[1]}"
        self._listener = listener
        self._target = f"{engine_url}/_aws/execute-api/{api_id}"
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway", daemon=True)

    def __enter__(self) -> Self:
        ready: Future[None] = Future()
        self._serving = asyncio.run_coroutine_threadsafe(self._serve(ready), self._loop)
        self._thread.start()
        ready.result()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._serving.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, ready: Future[None]) -> None:
        timeout = ClientTimeout(total=None, sock_connect=5, sock_read=ANSWER_SECONDS)
        async with ClientSession(timeout=timeout, auto_decompress=False) as session:
            self._session = session
            app = web.Application()
            app.router.add_route("*", r"/{path:[\s\S]*}", self._pass_on)
            runner = web.AppRunner(
                app, logger=_log, access_log=None, shutdown_timeout=1, auto_decompress=False
            )
            await runner.setup()
            await web.SockSite(runner, self._listener).start()
            ready.set_result(None)
            await self._over.wait()
            await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        try:
            answer = await self._session.request(
                request.method,
                URL(f"{self._target}{request.raw_path}", encoded=True),
                headers=_passed_on(request),
                data=request.content if request.body_exists else None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Content-Type", "Accept-Encoding"),
            )
        except (ClientError, TimeoutError) as error:
            return _problem(error)
        async with answer:
            response = web.StreamResponse(status=answer.status, headers=_end_to_end(answer.headers))
            try:
                await _copy(request, answer, response)
            except (ClientError, ConnectionError, TimeoutError):
                # The client has gone away, or the engine has: all that an answer already begun can
                # say is that it is not whole, by breaking off.
                if request.transport is not None:
                    request.transport.abort()
            return response


async def _copy(request: web.Request, answer: ClientResponse, response: web.StreamResponse) -> None:
    await response.prepare(request)
    async for chunk in answer.content.iter_chunked(65536):
        await response.write(chunk)
    await response.write_eof()


def _passed_on(request: web.Request) -> CIMultiDict[str]:
    headers = _end_to_end(request.headers)
    headers[CALLED_AS] = request.host
    return headers


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _HOP_BY_HOP)


def _problem(error: Exception) -> web.Response:
    """RFC 9457, as the API itself reports errors."""
    problem = {
        "type": "about:blank",
        "title": "Bad Gateway",
        "status": 502,
        "detail": f"The local engine does not answer ({type(error).__name__}): start it again.",
        "code": "ENGINE_UNREACHABLE",
    }
    return web.Response(
        status=502, body=json.dumps(problem).encode(), content_type="application/problem+json"
    )
