"""The pipeline's stores, and time that a test moves on."""

from __future__ import annotations

import botocore.retries.standard
import pytest

from tests.unit.conversion.world import Clock, World, modules_with_a_clock


@pytest.fixture
def world(aws: None, monkeypatch: pytest.MonkeyPatch) -> World:
    clock = Clock()
    for module in modules_with_a_clock():
        monkeypatch.setattr(module, "utc_now", clock.now)
    backoff = botocore.retries.standard.ExponentialBackoff
    monkeypatch.setattr(backoff, "delay_amount", lambda *_: 0.001)
    made = World(clock)
    made.create()
    return made
