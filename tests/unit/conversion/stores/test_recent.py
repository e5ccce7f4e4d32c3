"""What a reader's process remembers, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.clock import timestamp, utc_now
from conversion.errors import RecordsUnavailable
from conversion.job import Standing, Status
from conversion.progress import Progress, Stage
from conversion.stores.recent import RecentProgress, RecentStandings
from tests.contract.examples import JOB, PROGRESS


class Store:
    """A store in memory, and the clock beside it. Whatever it is asked for is counted."""

    def __init__(self) -> None:
        self.now = 0.0
        self.values: dict[str, Any] = {}
        self.asked: list[list[str]] = []
        self.is_down = False

    def read(self, keys: Any) -> dict[str, Any]:
        self.asked.append(list(keys))
        if self.is_down:
            raise RecordsUnavailable("down")
        return {key: self.values[key] for key in self.asked[-1] if key in self.values}

    standings = read


_BEGAN = utc_now()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """What its reports are dated by is its own clock."""
    store = Store()
    moment = lambda: _BEGAN + timedelta(seconds=store.now)  # noqa: E731
    monkeypatch.setattr("conversion.stores.recent.utc_now", moment)
    return store


def progress_of(store: Store, seconds: float = 0.9, most: int = 100) -> RecentProgress:
    return RecentProgress(store, seconds, most, lambda: store.now)  # type: ignore[arg-type]


def standings_of(store: Store) -> RecentStandings:
    return RecentStandings(store, clock=lambda: store.now)  # type: ignore[arg-type]


def at(percent: float, attempt: int = 1, written: float = 0.0) -> Progress:
    """A report that was written so many seconds after the beginning."""
    moment = timestamp(_BEGAN + timedelta(seconds=written, milliseconds=1))
    return Progress(attempt, Stage.CONVERTING, percent, updated_at=moment)


def test_a_report_is_told_again_while_no_newer_one_can_be_there(store: Store) -> None:
    recent = progress_of(store)
    store.values["a"] = at(10.0)
    store.now = 0.5
    assert recent.read(["a"]) == {"a": at(10.0)}

    store.now = 0.89
    assert recent.read(["a"]) == {"a": at(10.0)}
    store.now, store.values["a"] = 1.0, at(20.0, written=0.95)
    assert recent.read(["a"]) == {"a": at(20.0, written=0.95)}
    assert (recent.hits, recent.misses, len(store.asked)) == (1, 2, 2)


def test_however_lately_it_was_read_its_own_age_counts(store: Store) -> None:
    recent = progress_of(store)
    store.values["a"] = at(10.0)
    for store.now in (5.0, 5.01, 5.02):
        recent.read(["a"])
    assert recent.misses == 3


def test_a_report_from_the_future_is_read_again(store: Store) -> None:
    recent = progress_of(store)
    store.values["a"] = at(10.0, written=600.0)
    for store.now in (0.0, 0.01):
        recent.read(["a"])
    assert recent.misses == 2


def test_that_there_is_nothing_is_not_remembered(store: Store) -> None:
    """The first report may come in the next moment."""
    recent = progress_of(store)
    assert recent.read(["a"]) == {}
    store.values["a"] = at(1.0)
    assert recent.read(["a"]) == {"a": at(1.0)}


def test_no_poller_sees_less_in_another_process(store: Store) -> None:
    """Twenty times a second, answered by two in turn, of a converter that writes each second."""
    processes, last = [progress_of(store), progress_of(store)], 0.0
    for tick in range(20 * 60):
        store.now = tick / 20
        second = int(store.now)
        store.values["a"] = at(float(second), written=float(second))
        shown = processes[tick % 7 % 2].read(["a"])["a"].percent
        assert shown >= last
        last = shown


def test_of_many_only_those_are_read_that_are_due(store: Store) -> None:
    recent = progress_of(store)
    store.values = {"a": at(1.0), "b": at(1.0), "c": at(1.0, written=-5)}
    recent.read(["a", "c"])
    store.now = 0.5
    assert list(recent.read(["c", "a", "b", "c"])) == ["c", "a", "b"]
    assert store.asked == [["a", "c"], ["c", "b"]]


def test_half_the_reads_and_more_are_saved_under_polling(store: Store) -> None:
    """Of a converter that writes each second: five poll once a second, or one twenty times."""
    for polls_a_second in (5, 20):
        recent = progress_of(store)
        for tick in range(polls_a_second * 60):
            store.now = tick / polls_a_second
            store.values["a"] = at(1.0, written=float(int(store.now)))
            recent.read(["a"])
        assert recent.hits >= 0.75 * 60 * polls_a_second


def test_a_percent_never_falls_within_a_process(store: Store) -> None:
    """Whatever the store may say: an older copy, or a zombie's."""
    recent = progress_of(store)
    for number, said in enumerate([at(40.0), at(30.0), at(35.0, attempt=2), at(90.0, attempt=1)]):
        store.now, store.values["a"] = float(number), said
        recent.read(["a"])
    assert recent.read(["a"]) == {"a": at(40.0, attempt=2)}


def test_what_was_removed_is_forgotten(store: Store) -> None:
    recent = progress_of(store)
    store.values["a"] = at(40.0)
    recent.read(["a"])
    store.now = 1.0
    del store.values["a"]
    assert recent.read(["a"]) == {}
    store.now, store.values["a"] = 2.0, at(0.0)
    assert recent.read(["a"]) == {"a": at(0.0)}


def test_it_holds_so_many_and_lets_go_of_the_oldest(store: Store) -> None:
    recent = progress_of(store, most=3)
    store.now = 0.5
    for each in "abcd":
        store.values[each] = at(1.0)
        recent.read([each])
    recent.read(["b", "c", "d"])
    assert len(store.asked) == 4
    recent.read(["a"])
    assert len(store.asked) == 5


def test_in_an_outage_the_last_known_is_told_for_a_minute(store: Store) -> None:
    recent = progress_of(store)
    store.values["a"] = at(40.0)
    recent.read(["a", "nobody"])
    store.is_down = True
    for store.now in range(1, 61):
        assert recent.read(["a", "nobody"]) == {"a": at(40.0)}
    store.now = 61
    with pytest.raises(RecordsUnavailable):
        recent.read(["a"])
    store.now, store.is_down = 64, False
    assert recent.read(["a"]) == {"a": at(40.0)}


def test_what_was_never_known_cannot_be_told_in_an_outage(store: Store) -> None:
    recent = progress_of(store)
    store.values = {each: at(40.0) for each in "ab"}
    recent.read(["a"])
    store.now, store.is_down = 1.0, True
    with pytest.raises(RecordsUnavailable):
        recent.read(["a", "b"])
    assert recent.read(["a"]) == {"a": at(40.0)}


def test_a_store_that_is_down_is_left_alone_between_tries(store: Store) -> None:
    recent = progress_of(store)
    store.values["a"] = at(40.0)
    recent.read(["a"])
    store.is_down, store.asked = True, []
    for tick in range(1, 101):
        store.now = 1 + tick / 10
        recent.read(["a"])
    assert len(store.asked) == 5


def standing(status: Status, **changes: Any) -> Standing:
    return replace(JOB.standing, status=status, **changes)


@pytest.mark.parametrize("status", Status)
def test_only_what_can_never_change_is_remembered(store: Store, status: Status) -> None:
    """A job that has failed may be reopened by a redrive; any other may be over in a moment."""
    recent = standings_of(store)
    store.values["a"] = standing(status)
    for store.now in (0.0, 0.01, 59.0):
        recent.read(["a"])
    is_final = status in (Status.COMPLETED, Status.CANCELLED)
    assert len(store.asked) == (1 if is_final else 3)


def test_a_job_that_expires_while_it_is_remembered_has_expired(store: Store) -> None:
    recent = standings_of(store)
    store.values["a"] = standing(Status.COMPLETED, expires_at=int(utc_now().timestamp()) + 3600)
    assert "a" in recent.read(["a"])
    store.values["b"] = standing(Status.COMPLETED, expires_at=int(utc_now().timestamp()) - 1)
    assert recent.read(["a", "b"]).keys() == {"a"}


_says = st.lists(
    st.tuples(
        st.floats(0, 3), st.sampled_from([None, *(at(p, n) for p in (0, 50) for n in (1, 2))])
    ),
    max_size=30,
)


@given(says=_says)
def test_no_poller_of_one_process_sees_less_than_before(says: Any) -> None:
    """For as long as there is a record at all."""
    store = Store()
    recent, last = progress_of(store), None
    for seconds, said in says:
        store.now += seconds
        store.values = {} if said is None else {"a": said}
        shown = recent.read(["a"]).get("a")
        if last is not None and shown is not None:
            assert shown.percent >= last.percent
            assert shown.attempt >= last.attempt
        last = shown


def test_the_rest_of_what_is_shown_is_the_newest(store: Store) -> None:
    recent = progress_of(store)
    store.values["a"] = replace(PROGRESS, percent=40.0)
    recent.read(["a"])
    store.now = 1.0
    store.values["a"] = replace(PROGRESS, percent=30.0, seconds_done=99.0)
    assert recent.read(["a"]) == {"a": replace(PROGRESS, percent=40.0, seconds_done=99.0)}
