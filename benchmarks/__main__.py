"""`python -m benchmarks`: what the converter claims, measured again, against its peers.

Writes results.json, results.md and results.svg. `--quick` takes one round of small inputs: it
shows that the benchmark works, its ratios mean little. Linux alone (proc(5)).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks import machine
from benchmarks.budgets import verdicts
from benchmarks.plot import svg
from benchmarks.report import markdown
from benchmarks.rounds import FULL, QUICK, Plan, Row, measured
from benchmarks.ways import Way
from benchmarks.world import ROOT, world
from local.ffmpeg import find_ffmpeg


def main(arguments: list[str]) -> int:
    """1 when a budget was missed."""
    options = _options(arguments)
    options.cache.mkdir(parents=True, exist_ok=True)
    ffmpeg = find_ffmpeg()
    about = machine.about(ffmpeg=_version(ffmpeg.ffmpeg))
    with world(ffmpeg, options.cache) as made:
        rows = list(_told(measured(made, options.plans, options.cache)))
    found = verdicts(rows)
    about["load at the end"] = machine.load()
    _write(options.into, rows, markdown(rows, found, about), about)
    for verdict in found:
        _say(f"{'pass' if verdict.passes else 'MISS'}  {verdict.what}: {verdict.found}")
    return int(not all(verdict.passes for verdict in found))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1 and 50 MB, one round")
    parser.add_argument(
        "--plan",
        metavar="MB:FORMATS:ROUNDS[:WAYS]",
        action="append",
        type=_plan,
        dest="plans",
        help="these cases instead, for example 200:flac,wav:3:ours,file",
    )
    parser.add_argument("--into", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "benchmarks")
    options = parser.parse_args(arguments)
    options.plans = tuple(options.plans or (QUICK if options.quick else FULL))
    return options


def _plan(text: str) -> Plan:
    megabytes, formats, rounds, *ways = text.split(":")
    chosen = tuple(Way(way) for way in ways[0].split(",")) if ways else tuple(Way)
    return Plan(int(megabytes), tuple(formats.split(",")), int(rounds), chosen)


def _told(rows: Iterable[Row]) -> Iterable[Row]:
    for row in rows:
        _say(
            f"{row.megabytes:5} MB  {row.format:5} {row.way:6} {row.wall:8.2f} s  "
            f"× {row.ratio or 0:5.2f}  CPU {row.cpu:7.2f} s  {row.memory / 1e6:5.0f} MB"
            + ("" if row.works else "  fails")
            + ("" if row.same else "  other bytes")
        )
        yield row


def _version(ffmpeg: Path) -> str:
    banner = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=True).stdout
    return banner.split()[2]


def _write(into: Path, rows: list[Row], table: str, about: dict[str, str]) -> None:
    into.mkdir(parents=True, exist_ok=True)
    result = {"about": about, "rows": [row.to_json() for row in rows]}
    (into / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    (into / "results.md").write_text(table)
    (into / "results.svg").write_text(svg(rows))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
