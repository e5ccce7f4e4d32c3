"""What the local API bears, route by route, and what polls cost: `python -m benchmarks.load` (some
three minutes). With --into, the tables are written to load.md in that folder.

It is bounded, on loopback alone, against a pipeline of its own: a number of requests to each route,
a few at once. The engine behind them answers on this machine with this machine's time, so the
figures say nothing of AWS's; they say which route costs more than another, and than last time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import machine
from benchmarks.polls import ms
from benchmarks.reads import Reads, counted
from benchmarks.routes import Load, loaded
from benchmarks.scene import scene
from benchmarks.world import ROOT

COMMAND = ".venv/bin/python -m benchmarks.load --into"
# Each POST /v1/uploads leaves one open. With those of the scene, and the first of each client, they
# are fewer than may be (`maxOpenUploads`).
MOST_REQUESTS = 900
# As many measure the waiting for this machine's cores already.
MOST_AT_ONCE = 16


def main(arguments: list[str]) -> int:
    """1 when a request was answered otherwise than it should."""
    options = _options(arguments)
    about = machine.about()
    with scene() as made:
        loads = [_told(each) for each in loaded(made, options.requests, options.at_once)]
        reads = counted(made, options.seconds)
    about["load at the end"] = machine.load()
    table = _table(loads, reads, options, about)
    sys.stdout.write(table)
    if options.into:
        options.into.mkdir(parents=True, exist_ok=True)
        (options.into / "load.md").write_text(table)
    return int(any(each.wrong for each in loads))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument(
        "--requests",
        type=_up_to(MOST_REQUESTS),
        default=300,
        help=f"to each route, up to {MOST_REQUESTS}",
    )
    parser.add_argument(
        "--at-once",
        type=_up_to(MOST_AT_ONCE),
        default=4,
        help=f"clients, each with one request, up to {MOST_AT_ONCE}",
    )
    parser.add_argument("--seconds", type=int, default=10, help="of polls, each way")
    parser.add_argument(
        "--into",
        type=Path,
        nargs="?",
        const=ROOT / "benchmarks" / "results",
        help="write load.md into this folder (benchmarks/results unless another is named)",
    )
    return parser.parse_args(arguments)


def _up_to(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        found = int(text)
        if not 1 <= found <= most:
            raise argparse.ArgumentTypeError(f"{found} is not 1 to {most}")
        return found

    return number


def _told(load: Load) -> Load:
    sys.stderr.write(f"{load.rate:8,.0f}/s  {load.route}\n")
    return load


def _table(
    loads: list[Load], reads: list[Reads], options: argparse.Namespace, about: dict[str, str]
) -> str:
    lines = [
        "# The API under load, measured",
        "",
        *(f"- {name}: {value}" for name, value in about.items()),
        "",
        f"Measured again by `{COMMAND}`. {options.requests} requests to each route, "
        f"{options.at_once} at once, over loopback to the local pipeline. Client, engine and "
        "functions share this machine: the figures compare routes and releases, and say nothing "
        "of AWS's.",
        "",
        "| route | requests/s | p50 | p99 | otherwise than expected |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| `{x.route}` | {x.rate:,.0f} | {ms(x.p50)} | {ms(x.p99)} | {x.wrong} |"
            for x in loads
        ),
        "",
        "Reads of DynamoDB by one process of `get_progress`, for a poll of `GET "
        "/v1/jobs/{jobId}/progress`, while five clients poll a job once a second and one twenty "
        "times a second:",
        "",
        "| job | polls | reads a poll, from memory where it may | without the memory |",
        "| --- | ---: | ---: | ---: |",
        *(f"| {x.job} | {x.polls} | {x.cached:.2f} | {x.uncached:.2f} |" for x in reads),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
