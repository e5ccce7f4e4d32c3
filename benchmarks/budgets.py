"""What the converter may cost, held against what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.rounds import LOSSLESS, LOSSY, Row
from benchmarks.ways import Way

# Fixed costs, of an interpreter and of a verification, are not what this budget is about.
_LEAST_MEGABYTES = 50
MOST_RATIO = {**dict.fromkeys(LOSSY, 1.05), **dict.fromkeys(LOSSLESS, 1.15)}
MOST_MEMORY = 200_000_000
# Every buffer is in use once the output has six parts of 8 MiB, which lossless formats have from
# here on. What is more from there to a gigabyte would be a leak.
_FULL_MEGABYTES = 200
_MOST_GROWTH = 1.10


@dataclass(frozen=True)
class Verdict:
    what: str
    found: str
    passes: bool


def verdicts(rows: list[Row]) -> list[Verdict]:
    mine = [row for row in rows if row.way is Way.OURS]
    return [
        *(_wall(row) for row in mine if row.megabytes >= _LEAST_MEGABYTES),
        *_memory(mine),
        *_growth(mine),
        _disk(mine),
        _identity(mine),
    ]


def _wall(row: Row) -> Verdict:
    most = MOST_RATIO[row.format]
    what = f"wall, {row.format} from {row.megabytes} MB: at most {most} × file → file"
    return Verdict(what, f"{row.ratio}", row.ratio is not None and row.ratio <= most)


def _memory(mine: list[Row]) -> list[Verdict]:
    peak = max(mine, key=lambda row: row.memory)
    what = f"peak memory, Python and ffmpeg together: at most {MOST_MEMORY // 10**6} MB"
    found = f"{peak.memory / 1e6:.0f} MB ({peak.format} from {peak.megabytes} MB)"
    return [Verdict(what, found, peak.memory <= MOST_MEMORY)]


def _growth(mine: list[Row]) -> list[Verdict]:
    found: list[Verdict] = []
    for form in LOSSLESS:
        full = {
            row.megabytes: row.memory
            for row in mine
            if row.format == form and row.megabytes >= _FULL_MEGABYTES
        }
        if len(full) > 1:
            least, most = min(full), max(full)
            growth = full[most] / full[least]
            what = f"memory is flat, {form} from {least} to {most} MB: at most {_MOST_GROWTH}"
            found.append(Verdict(what, f"{growth:.2f}", growth <= _MOST_GROWTH))
    return found


def _disk(mine: list[Row]) -> Verdict:
    written = max(row.disk_written for row in mine)
    return Verdict("bytes written to disk: 0", str(written), written == 0)


def _identity(mine: list[Row]) -> Verdict:
    others = [f"{row.format} from {row.megabytes} MB" for row in mine if not row.same]
    return Verdict("the same bytes as file → file", ", ".join(others) or "all", not others)


def shares(rows: list[Row]) -> list[str]:
    """What of the wall is paid once a job (interpreter, imports, two probes, the stores), and how
    the rest compares: the first says what a short job costs, the second what a long one does."""
    walls = {(row.format, row.way, row.megabytes): row.wall for row in rows}
    sizes = sorted({row.megabytes for row in rows})
    lines: list[str] = []
    for form in dict.fromkeys(row.format for row in rows):
        least, most = sizes[0], max(s for s in sizes if (form, Way.OURS, s) in walls)
        ours, file = ([walls[form, way, s] for s in (least, most)] for way in (Way.OURS, Way.FILE))
        if least != most:
            once, rate = ours[0] - file[0], (ours[1] - ours[0]) / (file[1] - file[0])
            lines.append(
                f"{form}: {once:.2f} s more at {least} MB; from there to {most} MB {rate:.2f} × "
                "file → file"
            )
    return lines
