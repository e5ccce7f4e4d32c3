"""What a poll of progress costs, against the budgets: `python -m benchmarks.progress` (a minute or
two). With --into, the table is written to progress.md in that folder.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import machine
from benchmarks.budgets import Verdict
from benchmarks.polls import (
    converters,
    dead,
    ms,
    one_by_one,
    percentile,
    polled,
    remembering,
    store,
)
from benchmarks.world import ROOT, tables_alone
from conversion.settings import GetProgressSettings
from local.redis import Redis

LEAST_READS, MOST_READ = 1000, 0.025
MOST_FIRST, MOST_BEHIND = 0.150, 0.010
LEAST_SAVED, MOST_AGE = 0.5, 1.0
_READING = f"at least {LEAST_READS:,}/s, p99 at most {ms(MOST_READ)}"


def main(arguments: list[str]) -> int:
    """1 when a budget was missed."""
    options = _options(arguments)
    # Every process here says that its Redis is lost; that they are is what is measured.
    logging.getLogger("conversion").setLevel(logging.ERROR)
    about = machine.about()
    with tables_alone(), Redis() as redis:
        alone = GetProgressSettings("jobs", "progress")
        both = GetProgressSettings("jobs", "progress", redis.host, redis.port)
        found = [*_alive(alone, options.seconds), *_alive(both, options.seconds)]
        found += _dead("silent", both, lambda: os.kill(redis.pid, signal.SIGSTOP))
        os.kill(redis.pid, signal.SIGCONT)
        found += _dead("gone", both, redis.stop)
    table = _table(found, about | {"load at the end": machine.load()})
    sys.stdout.write(table)
    if options.into:
        (options.into / "progress.md").write_text(table)
    return int(not all(each.passes for each in found))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.progress", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    parser.add_argument(
        "--into",
        type=Path,
        nargs="?",
        const=ROOT / "benchmarks" / "results",
        help="write progress.md into this folder (benchmarks/results unless another is named)",
    )
    return parser.parse_args(arguments)


def _alive(settings: GetProgressSettings, seconds: int) -> list[Verdict]:
    mode = "redis" if settings.redis_host else "dynamodb"
    with converters(settings):
        uncached = one_by_one(store(settings).read, seconds)
        cached = one_by_one(remembering(settings).read, seconds)
        polls = polled(settings, seconds)
    saved, oldest = polls.saved / polls.asked, percentile(polls.ages, 0.99)
    # Without Redis a read is DynamoDB's own, and moto is not that: told, and held to nothing.
    held = bool(settings.redis_host)
    reads_well = uncached.rate >= LEAST_READS and uncached.p99 <= MOST_READ
    return [
        Verdict(
            f"{mode}: reads of the store{f': {_READING}' if held else ''}",
            str(uncached),
            reads_well or not held,
        ),
        Verdict(
            f"{mode}: reads through the cache: {_READING}",
            str(cached),
            cached.rate >= LEAST_READS and cached.p99 <= MOST_READ,
        ),
        Verdict(
            f"{mode}: reads saved while five poll once a second and one twenty times: at least "
            f"{LEAST_SAVED:.0%}",
            f"{saved:.0%} of {polls.asked}",
            saved >= LEAST_SAVED,
        ),
        Verdict(
            f"{mode}: age of what they see{f': p99 at most {MOST_AGE:.0f} s' if held else ''}",
            f"p50 {percentile(polls.ages, 0.5):.2f} s, p99 {oldest:.2f} s",
            oldest <= MOST_AGE or not held,
        ),
    ]


def _dead(how: str, settings: GetProgressSettings, die: Callable[[], None]) -> list[Verdict]:
    first, behind = dead(settings, die)
    return [
        Verdict(
            f"Redis {how}: the first answers: p99 at most {ms(MOST_FIRST)}",
            str(first),
            first.p99 <= MOST_FIRST,
        ),
        Verdict(
            f"Redis {how}: then: p99 at most {ms(MOST_BEHIND)}",
            str(behind),
            behind.p99 <= MOST_BEHIND,
        ),
    ]


def _table(found: list[Verdict], about: dict[str, str]) -> str:
    lines = [
        "# Reading progress, measured",
        "",
        *(f"- {name}: {value}" for name, value in about.items()),
        "",
        "One process reads, one job after the other, while converters report. Redis is a real "
        "server on this machine. DynamoDB is moto's, whose time says nothing of DynamoDB's: it is "
        "left out of the answers that are given once Redis is dead.",
        "",
        "| budget | found | |",
        "| --- | --- | --- |",
        *(f"| {v.what} | {v.found} | {'pass' if v.passes else '**miss**'} |" for v in found),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
