"""Whether Redis answers, asked by the one function that can reach it on behalf of who cannot.

Redis is in a VPC, and a function there has no way out to the other services that its health is told
beside. So the health check invokes the reader of progress with ASK, and is answered by `ping`
(decision 0021). redis is imported when somebody asks.
"""

from __future__ import annotations

import time
from typing import Any

from conversion.stores import clients

# The event that asks.
ASK = {"check": "redis"}
# Between two invocations the process sleeps, and a connection may be closed meanwhile without its
# knowing: the second try is by a new one.
_TRIES = 2


class RedisPing:
    """Without a `host` there is no Redis."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._client: Any = None

    def ping(self) -> dict[str, Any]:
        """`{"milliseconds": …}`, of the ping alone; or `{"error": …}`, the error's class."""
        if not self._host:
            return {"error": "NoRedis"}
        from redis.exceptions import RedisError

        self._client = self._client or clients.redis(self._host, self._port)
        error = ""
        for _ in range(_TRIES):
            began = time.perf_counter()
            try:
                self._client.ping()
            except (RedisError, OSError) as failed:
                error = type(failed).__name__
            else:
                return {"milliseconds": round((time.perf_counter() - began) * 1000, 1)}
        return {"error": error}
