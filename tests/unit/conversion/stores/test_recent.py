"""What a reader's process remembers, and for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.clock import utc_now
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


@pytest.fixture
def store() -> Store:
    return Store()


def progress_of(store: Store, seconds: float = 0.9, most: int = 100) -> RecentProgress:
    return RecentProgress(store, seconds, most, lambda: store.now)  # type: ignore[arg-type]


def standings_of(store: Store) -> RecentStandings:
    return RecentStandings(store, clock=lambda: store.now)  # type: ignore[arg-type]


def at(percent: float, attempt: int = 1) -> Progress:
    return Progress(attempt, Stage.CONVERTING, percent)


def test_what_was_just_read_is_not_read_again(store: Store) -> None:
    recent = progress_of(store)
    store.values["a"] = at(10.0)
    assert recent.read(["a"]) == {"a": at(10.0)}

    store.now, store.values["a"] = 0.89, at(20.0)
    assert recent.read(["a"]) == {"a": at(10.0)}
    store.now = 0.9
    assert recent.read(["a"]) == {"a": at(20.0)}
    assert (recent.hits, recent.misses, len(store.asked)) == (1, 2, 2)


def test_its_age_counts_from_before_the_reading(store: Store) -> None:
    """A slow answer tells of the moment it was asked for."""
    recent = progress_of(store)

    def slow(_: Any) -> dict[str, Progress]:
        store.now += 0.8
        return {"a": at(10.0)}

    recent._store = slow
    recent.read(["a"])
    store.now += 0.2
    recent.read(["a"])
    assert recent.misses == 2


def test_that_there_is_nothing_is_remembered_too(store: Store) -> None:
    recent = progress_of(store)
    assert recent.read(["a"]) == {}
    store.values["a"] = at(1.0)
    assert recent.read(["a"]) == {}
    store.now = 1.0
    assert recent.read(["a"]) == {"a": at(1.0)}


def test_of_many_only_those_are_read_that_are_due(store: Store) -> None:
    recent = progress_of(store)
    store.values = {each: at(1.0) for each in "abc"}
    recent.read(["a"])
    store.now = 0.5
    assert list(recent.read(["c", "a", "b", "c"])) == ["c", "a", "b"]
    store.now = 1.0
    recent.read(["a", "b", "c"])
    assert store.asked == [["a"], ["c", "b"], ["a"]]


def test_half_the_reads_and_more_are_saved_when_several_poll(store: Store) -> None:
    """Each of five polls once a second, out of step with the others; a sixth twenty times."""
    recent = progress_of(store)
    store.values["a"] = at(1.0)
    polls = sorted([second + 0.2 * who for second in range(60) for who in range(5)])
    for store.now in polls:
        recent.read(["a"])
    assert recent.hits + recent.misses == 300
    assert recent.hits >= 0.75 * 300

    eager, store.asked = progress_of(store, seconds=0.2), []
    for tick in range(20 * 60):
        store.now = 100 + tick / 20
        eager.read(["a"])
    assert len(store.asked) == eager.misses <= 0.3 * 20 * 60


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
def test_only_what_can_never_change_is_remembered_for_long(store: Store, status: Status) -> None:
    """A job that has failed may be reopened by a redrive."""
    recent = standings_of(store)
    store.values["a"] = standing(status)
    recent.read(["a"])
    store.now = 0.8
    recent.read(["a"])
    assert len(store.asked) == 1
    store.now = 59.0
    recent.read(["a"])
    is_final = status in (Status.COMPLETED, Status.CANCELLED)
    assert len(store.asked) == (1 if is_final else 2)


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
