"""What a job costs: counted in whole, never below what Fargate bills, and kept to the promise."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from conversion.conversion import Conversion
from conversion.cost import USUAL, Cost, TaskSize, estimate, spent
from conversion.formats import FORMATS

ARCHITECTURE = Path(__file__).parents[3] / "docs" / "architecture.md"
HOUR_OF_CD = 3600 * 176_400
# An hour of MP3 at 128 kbit/s.
HOUR_OF_MP3 = 3600 * 16_000


@pytest.fixture(autouse=True, params=["aarch64", "x86_64"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(platform, "machine", lambda: request.param)
    return request.param


def test_a_cost_reads_back_as_it_was_written() -> None:
    cost = spent(75.25, 2, HOUR_OF_CD, 50_000_000)
    assert Cost.from_item(cost.to_item()) == cost


def test_a_short_job_pays_the_minute_that_fargate_bills_at_least() -> None:
    assert spent(1.0, 1, 1, 1).vcpu_seconds == 60.0
    assert spent(1.0, 1, 1, 1).gb_seconds == 60.0 * USUAL.gb


def test_a_larger_task_costs_more_by_the_second_and_a_smaller_one_less() -> None:
    small, usual, large = TaskSize(0.25, 0.5), TaskSize(), TaskSize(2.0, 4.0)
    costs = [spent(600.0, 1, 1, 1, task) for task in (small, usual, large)]

    assert [each.vcpu_seconds for each in costs] == [155.0, 620.0, 1240.0]
    assert [each.gb_seconds for each in costs] == [310.0, 1240.0, 2480.0]
    assert costs[0].usd < costs[1].usd < costs[2].usd


def test_disk_is_paid_beyond_what_every_task_has() -> None:
    seconds = [TaskSize(disk_gib=each).second_usd for each in (20, 21, 200)]
    assert seconds[1] - seconds[0] == pytest.approx(0.000111 / 3600)
    assert seconds[2] - seconds[0] == pytest.approx(180 * 0.000111 / 3600)


def test_a_task_without_a_public_address_pays_for_none() -> None:
    paid = TaskSize(addresses=1).second_usd - TaskSize(addresses=0).second_usd
    assert paid == pytest.approx(0.005 / 3600)


def test_a_part_of_a_processor_takes_longer_and_two_are_no_faster() -> None:
    def seconds(vcpu: float) -> float:
        made = estimate("uploads/a.wav", HOUR_OF_CD, Conversion("mp3"), TaskSize(vcpu=vcpu))
        return made.vcpu_seconds / vcpu

    assert seconds(0.25) > 2 * seconds(1.0)
    assert seconds(2.0) == pytest.approx(seconds(1.0), abs=0.1)  # tenths are recorded


def test_every_attempt_is_paid_for() -> None:
    once, thrice = spent(30.0, 1, 10**6, 10**6), spent(90.0, 3, 10**6, 10**6)

    assert thrice.vcpu_seconds == 3 * once.vcpu_seconds
    assert thrice.transitions > once.transitions
    assert thrice.requests > once.requests
    assert thrice.usd > 2.5 * once.usd


@pytest.mark.parametrize(("key", "length"), [("a.wav", HOUR_OF_CD), ("b.mp3", HOUR_OF_MP3)])
def test_an_hour_of_audio_to_mp3_costs_at_most_a_fifth_of_a_cent(key: str, length: int) -> None:
    """The budget of the design, all parts counted, on demand and not on Spot."""
    assert estimate(f"uploads/{key}", length, Conversion("mp3")).usd <= 0.002


def test_the_documents_tell_what_an_hour_of_cd_audio_to_mp3_costs(machine: str) -> None:
    usd = estimate("uploads/a.wav", HOUR_OF_CD, Conversion("mp3")).usd
    named = {"aarch64": "arm64"}.get(machine, machine)
    assert f"${usd:.4f} on {named}" in ARCHITECTURE.read_text()


@pytest.mark.parametrize("target", sorted(FORMATS))
def test_more_to_do_is_estimated_to_cost_more(target: str) -> None:
    conversion = Conversion(target)
    costs = [estimate("uploads/a.flac", size, conversion).usd for size in (0, 10**8, 10**9)]

    assert costs == sorted(set(costs))


def test_measuring_loudness_first_costs_more() -> None:
    plain = Conversion.from_request({"format": "mp3"})
    louder = Conversion.from_request({"format": "mp3", "loudness": {"integratedLufs": -16}})
    key = "uploads/a.wav"

    assert estimate(key, HOUR_OF_CD, louder).usd > estimate(key, HOUR_OF_CD, plain).usd
