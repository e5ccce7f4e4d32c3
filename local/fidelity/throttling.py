"""Amazon API Gateway, HTTP APIs: more requests than a stage takes are turned away."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from local.fidelity import http_api
from local.fidelity.http_api import Answer

gateway: Any = import_module("ministack.services.apigateway")

_REFUSED = json.dumps({"message": "Too Many Requests"}).encode()


@dataclass
class Bucket:
    """Tokens, each good for one request: `rate` a second come in, and `burst` is all it holds."""

    rate: float
    burst: float
    left: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = self.burst

    def take(self) -> bool:
        now = time.monotonic()
        self.left = min(self.burst, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


_buckets: dict[tuple[str, str, float, float], Bucket] = {}


def install() -> None:
    """After http_api, which knows nothing of it."""
    gateway._handle_execute_in_scope = handle_execute


async def handle_execute(api_id: str, stage: str, *rest: Any) -> Answer:
    """A stage takes as many requests as its settings say, of all callers together.

    AWS: a token bucket by ThrottlingRateLimit and ThrottlingBurstLimit, then 429 ("Throttle
    requests to your HTTP APIs for better throughput in API Gateway"). ministack: takes all.
    """
    settings = (gateway._stages.get(api_id, {}).get(stage) or {}).get("defaultRouteSettings") or {}
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if rate is None or burst is None or _bucket(api_id, stage, rate, burst).take():
        return await http_api.handle_execute(api_id, stage, *rest)
    return 429, {"Content-Type": "application/json"}, _REFUSED


def _bucket(api_id: str, stage: str, rate: Any, burst: Any) -> Bucket:
    """A new one when the settings change."""
    key = (api_id, stage, float(rate), float(burst))
    if key not in _buckets:
        _buckets[key] = Bucket(key[2], key[3])
    return _buckets[key]
