"""How much the pipeline bears, by simulation: `python -m benchmarks.scale` (some minutes).

With --into, the tables are written into docs/scale.md. One seed, so that every run says the same;
--share takes a part of the files, for a test. Scenarios run side by side, one a core.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import Enum
from functools import partial
from math import cos, pi
from pathlib import Path

from benchmarks.scale_counts import Job, Outcome
from benchmarks.scale_model import Pipeline
from benchmarks.scale_quotas import N_VIRGINIA, Assumed, Settings
from conversion.cost import TaskSize, spent

_PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
_BEGIN, _END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
_DAY = 86_400
_FILES = 1_000_000
_BURST, _BURST_SECONDS = 10_000, 60
# Of the default architecture, whichever this machine's is.
_TASK = TaskSize(architecture="arm64")
# Of a write unit (conversion/cost.py), which it does not count for the slots' item.
_WRITE_USD = 0.625e-6
_OUTPUT_BYTES = 24_000  # of a second, at 192 kbit/s


class Come(Enum):
    """How files come."""

    ALL_DAY = "as people work"
    AT_ONCE = "within a minute"
    BY_BATCH = "as sluice batch feeds them"


@dataclass(frozen=True)
class Scenario:
    name: str
    settings: Settings
    come: Come = Come.ALL_DAY
    files: int = _FILES


_burst = partial(Scenario, come=Come.AT_ONCE, files=_BURST)
_batch = partial(Scenario, come=Come.BY_BATCH)

SCENARIOS = (
    Scenario("150,000 in a day, `maxRunningJobs=100`", Settings(), files=150_000),
    Scenario("a million in a day, `maxRunningJobs=100`", Settings()),
    Scenario("a million in a day, `maxRunningJobs=500`", Settings(slots=500)),
    Scenario("a million in a day, `maxRunningJobs=800`", Settings(slots=800)),
    _burst("10,000 in a minute, `maxRunningJobs=100`", Settings()),
    _burst("10,000 in a minute, `maxRunningJobs=400`", Settings(slots=400)),
    _burst("10,000 in a minute, `maxRunningJobs=800`", Settings(slots=800)),
    _burst(
        "10,000 in a minute, `maxRunningJobs=800`, N. Virginia's quotas",
        Settings(slots=800, region=N_VIRGINIA),
    ),
    _burst("10,000 in a minute, `maxRunningJobs=2000`", Settings(slots=2_000)),
    _burst(
        "10,000 in a minute, `maxRunningJobs=100`, a new account's 6 vCPUs",
        Settings().of_a_new_account(),
    ),
    _batch("a batch of 100,000, `maxRunningJobs=100`", Settings(), files=100_000),
    _batch("a batch of a million, `maxRunningJobs=800`", Settings(slots=800)),
)


def of_a_day(files: int, seconds: int = _DAY) -> Iterator[float]:
    """As people work: at the busiest one and a half times as many as on average, at the quietest
    half as many."""
    drawn = random.Random(1)  # noqa: S311 - a simulation's, which has to repeat
    owed = 0.0
    for second in range(seconds):
        owed += files / seconds * (1 - 0.5 * cos(2 * pi * second / seconds))
        now = round(owed)
        owed -= now
        yield from sorted(second + drawn.random() for _ in range(now))


def of_a_burst(files: int, seconds: float = _BURST_SECONDS) -> Iterator[float]:
    drawn = random.Random(1)  # noqa: S311 - a simulation's, which has to repeat
    yield from sorted(drawn.uniform(0, seconds) for _ in range(files))


def simulated(scenario: Scenario, share: float = 1.0) -> Outcome:
    files, pipeline = round(share * scenario.files), Pipeline(scenario.settings)
    if scenario.come is Come.BY_BATCH:
        return pipeline.run_batch(files)
    if scenario.come is Come.AT_ONCE:
        return pipeline.run(of_a_burst(files, share * _BURST_SECONDS))
    return pipeline.run(of_a_day(files, round(share * _DAY)))


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


def cost(outcome: Outcome) -> float:
    """US dollars of a thousand files, at the on-demand price (conversion/cost.py)."""
    assumed = Assumed()

    def of(job: Job) -> float:
        read = round(job.audio * assumed.audio_bytes)
        return spent(job.worked, job.tries, read, round(job.audio * _OUTPUT_BYTES), _TASK).usd

    total = sum(map(of, outcome.jobs)) + outcome.slot_units * _WRITE_USD
    return 1_000 * total / len(outcome.jobs)


def lines(scenario: Scenario, share: float = 1.0) -> tuple[str, str]:
    """Its line of the first table, and of the second."""
    outcome = simulated(scenario, share)
    age = sorted(job.started - job.landed for job in outcome.jobs)
    over = sorted(job.over - job.landed for job in outcome.jobs)
    throttled = sum(bucket.refused for bucket in outcome.buckets.values())
    no_vcpu = sum(n for why, n in outcome.refused_by.items() if why.startswith("vCPUs"))
    first = [
        scenario.name,
        *(_time(percentile(age, share)) for share in (0.5, 0.99)),
        _time(age[-1]),
        _time(percentile(over, 0.5)),
        _time(outcome.drained),
        f"{outcome.peak_tasks:,}",
        f"{throttled:,}",
        f"{no_vcpu:,}",
        str(sum(job.failed for job in outcome.jobs)),
        f"${cost(outcome):.2f}",
    ]
    second = [scenario.name] + [
        f"{bucket.peak:,} ({bucket.peak / bucket.quota.rate:.0%}; {bucket.refused:,})"
        for bucket in outcome.buckets.values()
    ]
    return f"| {' | '.join(first)} |", f"| {' | '.join(second)} |"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def tables(share: float = 1.0) -> str:
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(partial(lines, share=share), SCENARIOS))
    head = (
        "| files | age of the queue p50 | p99 | most | result after, p50 | drained after "
        "| tasks at once | throttled calls | without a vCPU | failed jobs | 1,000 files |"
    )
    names = Pipeline(Settings()).buckets
    peaks = f"| the busiest second of | {' | '.join(names)} |"
    rule = "| --- |" + " ---: |"
    return "\n".join(
        [
            head,
            rule + " ---: |" * 9,
            *(first for first, _ in found),
            "",
            peaks,
            "| --- |" + " ---: |" * len(names),
            *(second for _, second in found),
            "",
        ]
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--into", action="store_true", help="write the tables into docs/scale.md")
    parser.add_argument("--share", type=float, default=1.0, help="of the files, for a quick look")
    asked = parser.parse_args(arguments)
    found = tables(asked.share)
    sys.stdout.write(found)
    if asked.into:
        before, _, rest = _PAGE.read_text().partition(_BEGIN)
        _PAGE.write_text(f"{before}{_BEGIN}\n{found}\n{_END}{rest.partition(_END)[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
