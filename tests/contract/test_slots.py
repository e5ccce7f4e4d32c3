"""What every store of slots keeps to: never more than there are, however they are asked for."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversion.capacity import Slots

SlotsOf = Callable[[int], Slots]

_THREADS = 8
_MOST = 5


def test_nobody_holds_a_slot_at_first(slots_of: SlotsOf) -> None:
    slots = slots_of(2)
    assert slots.holders() == frozenset()


def test_so_many_hold_a_slot_and_the_next_must_wait(slots_of: SlotsOf) -> None:
    slots = slots_of(2)

    assert [slots.take(each) for each in ("a", "b", "c")] == [True, True, False]
    assert slots.holders() == {"a", "b"}

    slots.give_back("a")
    assert slots.take("c") is True
    assert slots.holders() == {"b", "c"}


def test_taking_twice_is_taking_once(slots_of: SlotsOf) -> None:
    slots = slots_of(1)

    assert [slots.take("a"), slots.take("a")] == [True, True]
    slots.give_back("a")
    assert slots.holders() == frozenset()


def test_giving_back_what_one_does_not_hold_changes_nothing(slots_of: SlotsOf) -> None:
    slots = slots_of(1)
    slots.give_back("nobody")
    slots.take("a")

    slots.give_back("b")

    assert slots.holders() == {"a"}
    slots.give_back("a")
    slots.give_back("a")
    assert slots.take("b") is True


def test_a_lower_cap_lets_those_who_hold_one_go_on(slots_of: SlotsOf) -> None:
    many, few = slots_of(3), slots_of(1)
    for each in ("a", "b", "c"):
        many.take(each)

    assert few.take("a") is True
    assert few.take("d") is False


@pytest.mark.parametrize("most", [0, -1])
def test_no_slots_at_all_is_a_mistake(slots_of: SlotsOf, most: int) -> None:
    with pytest.raises(ValueError, match="too few"):
        slots_of(most)


def test_the_cap_holds_under_eight_threads(slots_of: SlotsOf) -> None:
    """Each looks at its own answers alone: by those, never more than the cap are at work at once.
    A job takes several times, gives back several times, and is retried until it had its turn."""
    slots = slots_of(_MOST)
    at_work, turns, seen = set[str](), list[str](), list[int]()

    def work(job_id: str) -> None:
        luck = random.Random(job_id)
        while not slots.take(job_id):
            pass
        at_work.add(job_id)
        seen.append(len(at_work))
        for _ in range(luck.randint(0, 2)):
            assert slots.take(job_id)
        turns.append(job_id)
        at_work.discard(job_id)
        for _ in range(luck.randint(1, 2)):
            slots.give_back(job_id)

    jobs = [f"{number:032x}" for number in range(80)]
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(work, jobs))

    assert sorted(turns) == jobs
    assert max(seen) <= _MOST
    assert slots.holders() == frozenset()


_steps = st.lists(
    st.tuples(st.sampled_from(["take", "give_back"]), st.sampled_from("abcde")), max_size=25
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_steps, most=st.integers(1, 4))
def test_any_order_of_taking_and_giving_counts_right(
    slots_of: SlotsOf, steps: list[tuple[str, str]], most: int
) -> None:
    slots, held = slots_of(most), set[str]()
    for each in slots.holders():
        slots.give_back(each)
    for step, job_id in steps:
        if step == "take":
            may = job_id in held or len(held) < most
            assert slots.take(job_id) is may
            held |= {job_id} if may else set()
        else:
            slots.give_back(job_id)
            held.discard(job_id)
        assert slots.holders() == held
