"""A store that does not answer, and the breaker in front of it."""

from __future__ import annotations

import pytest

from conversion.stores.breaker import Breaker


class Store:
    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.error: Exception | None = None
        self.seconds = 0.0
        self.breaker = Breaker(
            "Redis", (OSError,), failures=3, seconds=10, slow_seconds=0.1, clock=lambda: self.now
        )

    def ask(self) -> str | None:
        return self.breaker.call(self._answer)

    def _answer(self) -> str:
        self.asked += 1
        self.now += self.seconds
        if self.error is not None:
            raise self.error
        return "answer"


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_store_that_answers_is_asked_every_time(store: Store) -> None:
    assert [store.ask() for _ in range(5)] == ["answer"] * 5
    assert store.asked == 5


def test_after_some_failures_in_a_row_nothing_is_asked_for_a_while(store: Store) -> None:
    store.error = ConnectionRefusedError()
    assert [store.ask() for _ in range(9)] == [None] * 9
    assert (store.asked, store.breaker.is_open) == (3, True)

    store.now = 10.0
    assert store.ask() is None
    assert (store.asked, store.breaker.is_open) == (4, True)  # one call found it dead still


def test_failures_that_are_not_in_a_row_are_no_reason(store: Store) -> None:
    for error in [ConnectionRefusedError(), ConnectionRefusedError(), None] * 4:
        store.error = error
        store.ask()
    assert (store.asked, store.breaker.is_open) == (12, False)


def test_once_it_answers_it_may_fail_anew(store: Store) -> None:
    store.error = ConnectionRefusedError()
    for _ in range(3):
        store.ask()
    store.now, store.error = 10.0, None
    assert store.ask() == "answer"

    store.error = ConnectionRefusedError()
    for _ in range(2):
        store.ask()
    assert not store.breaker.is_open


def test_a_slow_answer_is_an_answer_and_a_failure(store: Store) -> None:
    store.seconds = 0.2
    assert [store.ask() for _ in range(4)] == ["answer", "answer", "answer", None]


def test_any_other_error_is_nothing_to_be_patient_with(store: Store) -> None:
    store.error = ValueError("ours")
    for _ in range(5):
        with pytest.raises(ValueError, match="ours"):
            store.ask()
    assert store.asked == 5


def test_it_says_once_that_a_store_is_lost_and_once_that_it_is_back(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    for minute in range(3):
        store.error = ConnectionRefusedError("nobody listens")
        for second in range(30):
            store.now = minute * 60.0 + second
            store.ask()
        store.error = None
        for second in range(30, 60):
            store.now = minute * 60.0 + second
            store.ask()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["degraded: Redis does not answer", "Redis answers again"] * 3
    assert caplog.records[0].reason == "nobody listens"  # type: ignore[attr-defined]
