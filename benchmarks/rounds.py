"""Which sizes, formats and ways are measured how often, and one case measured.

The ways of a case take turns, each round beginning with the next, so that what else the machine
does falls on all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.identity import is_same
from benchmarks.inputs import wav
from benchmarks.measure import Usage, measure
from benchmarks.ways import Way, by_file, naive, ours, template, usual
from benchmarks.world import Asked, World
from conversion.job import Source

LOSSY, LOSSLESS = ("mp3", "m4a", "opus"), ("flac", "wav")


@dataclass(frozen=True)
class Plan:
    megabytes: int
    formats: tuple[str, ...]
    rounds: int
    ways: tuple[Way, ...] = tuple(Way)


QUICK = (Plan(1, LOSSY + LOSSLESS, 1), Plan(50, LOSSY + LOSSLESS, 1))
# Some 20 minutes on 2 cores that do nothing else, most of it in the lossy encoders: a gigabyte
# takes them one to three minutes, so they take it once, against a file alone.
_TWO = (Way.OURS, Way.FILE)
FULL = (
    Plan(1, LOSSY + LOSSLESS, 5),
    Plan(50, LOSSY, 3),
    Plan(50, LOSSLESS, 7),
    Plan(200, LOSSY, 3, _TWO),
    Plan(200, LOSSLESS, 7),
    Plan(1000, LOSSY, 1, _TWO),
    Plan(1000, LOSSLESS, 2),
)


@dataclass(frozen=True)
class Row:
    """One way of one case: medians of its rounds. Seconds and bytes.

    `ratio` is the median over the rounds of wall against `file` in the same round; None where the
    way failed. `same` is whether every round's output is the file's, byte for byte.
    """

    megabytes: int
    format: str
    way: Way
    walls: list[float]
    wall: float
    ratio: float | None
    cpu: float
    cpu_python: float
    memory: int
    memory_python: int
    memory_ffmpeg: int
    disk_written: int
    requests: int
    read: int
    written: int
    works: bool
    same: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Run:
    usage: Usage
    asked: Asked
    same: bool


class Case:
    """One input and one format, by each of its ways."""

    def __init__(self, world: World, source: Source, path: Path, form: str) -> None:
        self._world = world
        self._source = source
        self._path = path
        self._form = form
        self._made = world.folder / f"by-file.{form}"
        self._command: list[str] = []

    def rows(self, plan: Plan) -> Iterator[Row]:
        """`ours` begins the first round: it shows the command that the peers get."""
        runs: dict[Way, list[_Run]] = {way: [] for way in plan.ways}
        for index in range(plan.rounds):
            turn = index % len(plan.ways)
            for way, run in self._round(plan.ways[turn:] + plan.ways[:turn]):
                runs[way].append(run)
        for way in plan.ways:
            yield self._row(plan.megabytes, way, runs)

    def _round(self, ways: tuple[Way, ...]) -> Iterator[tuple[Way, _Run]]:
        """Outputs are compared when all have been made, and are gone afterwards."""
        made = [(way, *self._by(way)) for way in ways]
        for way, key, usage, asked in made:
            works = usage.exit_code == 0
            same = works and (way is Way.FILE or self._is_same(key))
            self._world.drop(key)
            yield way, _Run(usage, asked, same)
        self._made.unlink()

    def _by(self, way: Way) -> tuple[str, Usage, Asked]:
        command, key = self._command_of(way)
        before = self._world.asked()
        usage = measure(command, self._world.environ)
        asked = self._world.asked() - before
        seen = self._command or usage.command
        if way in _TWO and (usage.exit_code or not seen):
            raise RuntimeError(f"{way} has to work before anything can be compared: {usage.said}")
        self._command = self._command or template(seen)
        return key, usage, asked

    def _command_of(self, way: Way) -> tuple[list[str], str]:
        """And the key of its output."""
        key = f"results/{way}"
        bucket, source, folder = self._source.bucket, self._source.key, self._world.folder
        if way is Way.OURS:
            job = self._world.job(self._source, self._form)
            return ours(job.job_id), job.output_key(1)
        if way is Way.FILE:
            return by_file(self._command, self._path, self._made), key
        if way is Way.USUAL:
            return usual(self._command, bucket, source, key, folder), key
        return naive(self._command, bucket, source, key), key

    def _is_same(self, key: str) -> bool:
        return is_same(self._world.object(key), self._made, self._form == "opus")

    def _row(self, megabytes: int, way: Way, runs: dict[Way, list[_Run]]) -> Row:
        own = runs[way]
        used = [run.usage for run in own]
        works = all(each.exit_code == 0 for each in used)
        ratios = [
            one.usage.wall / file.usage.wall for one, file in zip(own, runs[Way.FILE], strict=True)
        ]
        return Row(
            megabytes=megabytes,
            format=self._form,
            way=way,
            walls=[round(each.wall, 3) for each in used],
            wall=round(median(each.wall for each in used), 3),
            ratio=round(median(ratios), 3) if works else None,
            cpu=round(median(each.cpu for each in used), 2),
            cpu_python=round(median(each.cpu_python for each in used), 2),
            memory=max(each.memory for each in used),
            memory_python=max(each.memory_python for each in used),
            memory_ffmpeg=max(each.memory_ffmpeg for each in used),
            disk_written=max(each.disk_written for each in used),
            requests=round(median(run.asked.requests for run in own)),
            read=round(median(run.asked.read for run in own)),
            written=round(median(run.asked.written for run in own)),
            works=works,
            same=all(run.same for run in own),
        )


def measured(world: World, plans: tuple[Plan, ...], cache: Path) -> Iterator[Row]:
    for plan in plans:
        path = wav(world.settings.ffmpeg, cache, plan.megabytes)
        source = world.store(path)
        for form in plan.formats:
            yield from Case(world, source, path, form).rows(plan)
        world.drop(source.key)
