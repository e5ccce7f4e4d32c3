"""The results as a picture: memory over the size of the input, and wall against file → file.

SVG by hand: two plain charts are these lines, and matplotlib would be twenty packages more to
install and pin for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import log10

from benchmarks.budgets import MOST_MEMORY, MOST_RATIO
from benchmarks.rounds import Row
from benchmarks.ways import Way

_WIDTH, _HEIGHT = 760, 660
_LEFT, _RIGHT, _BAR = 70, 640, 22
_COLOURS = {Way.OURS: "#1b6ca8", Way.USUAL: "#c1666b", Way.NAIVE: "#d4a24c"}
_SHADES = ("#1b6ca8", "#2a9d8f", "#8a5a83", "#d4a24c", "#c1666b")
_MEMORY_TOP, _MEMORY_FOOT = 50, 270
_WALL_TOP, _WALL_FOOT = 370, 590


def svg(rows: list[Row]) -> str:
    """Both charts."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            'font-family="sans-serif" font-size="12" fill="#333">',
            '<rect width="100%" height="100%" fill="white"/>',
            *_memory_chart([row for row in rows if row.way is Way.OURS]),
            *_wall_chart(rows),
            "</svg>\n",
        ]
    )


def _memory_chart(mine: list[Row]) -> Iterable[str]:
    yield _text(
        _LEFT, 30, "Peak memory of Python and ffmpeg together, MB, by size of the input", 14
    )
    most = 1.15 * max(MOST_MEMORY, *(row.memory for row in mine))

    def height(value: float) -> float:
        return _MEMORY_FOOT - value / most * (_MEMORY_FOOT - _MEMORY_TOP)

    sizes = sorted({row.megabytes for row in mine})
    places = dict(zip(sizes, _spread([log10(size) for size in sizes]), strict=True))
    yield from _grid(range(0, int(most), 50_000_000), height, lambda value: f"{value / 1e6:.0f}")
    yield _budget(height(MOST_MEMORY), f"budget {MOST_MEMORY // 10**6}")
    for size, x in places.items():
        yield _text(x, _MEMORY_FOOT + 18, f"{size} MB", anchor="middle")
    for index, form in enumerate(dict.fromkeys(row.format for row in mine)):
        own = sorted((row for row in mine if row.format == form), key=lambda row: row.megabytes)
        points = [(places[row.megabytes], height(row.memory)) for row in own]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shade = _SHADES[index % len(_SHADES)]
        yield f'<polyline points="{line}" fill="none" stroke="{shade}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{shade}"/>' for x, y in points)
        yield _text(_RIGHT + 12, _MEMORY_TOP + 60 + 18 * index, form, fill=shade)


def _wall_chart(rows: list[Row]) -> Iterable[str]:
    found = _largest(rows)
    if not found:
        return
    yield _text(_LEFT, _WALL_TOP - 25, "Wall against ffmpeg file → file, by format", 14)
    most = 1.1 * max((row.ratio or 0 for row in found), default=1.0)

    def height(value: float) -> float:
        return _WALL_FOOT - value / most * (_WALL_FOOT - _WALL_TOP)

    step = 0.5 if most < 4 else 1 + int(most / 6)
    yield from _grid(
        [step * n for n in range(int(most / step) + 1)], height, lambda value: f"{value:g}"
    )
    cases = list(dict.fromkeys((row.format, row.megabytes) for row in found))
    columns = _spread([float(index) for index in range(len(cases))])
    for (form, megabytes), x in zip(cases, columns, strict=True):
        yield _text(x, _WALL_FOOT + 18, f"{form}, {megabytes} MB", anchor="middle")
        ratios = {row.way: row.ratio for row in found if row.format == form}
        for index, way in enumerate(_COLOURS):
            yield from _bar(way, x + (index - 1.5) * _BAR, ratios.get(way), height)
        y = height(MOST_RATIO[form])
        yield (
            f'<line x1="{x - 2 * _BAR:.1f}" x2="{x + 2 * _BAR:.1f}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="#b00" stroke-dasharray="4 3"/>'
        )
    for index, (way, colour) in enumerate(_COLOURS.items()):
        yield _text(_RIGHT + 12, _WALL_TOP + 20 + 18 * index, way, fill=colour)
    yield _text(_RIGHT + 12, _WALL_TOP + 80, "budget", fill="#b00")


def _largest(rows: list[Row]) -> list[Row]:
    """Of each format the largest input that was converted the usual way too."""
    sizes: dict[str, int] = {}
    for row in rows:
        if row.way is Way.USUAL:
            sizes[row.format] = max(row.megabytes, sizes.get(row.format, 0))
    return [row for row in rows if row.way in _COLOURS and row.megabytes == sizes.get(row.format)]


def _bar(
    way: Way, left: float, ratio: float | None, height: Callable[[float], float]
) -> Iterable[str]:
    """Without a ratio the way failed."""
    if ratio is None:
        yield _text(left + 2, _WALL_FOOT - 4, "fails", fill=_COLOURS[way], size=9)
        return
    top = height(ratio)
    yield (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{_BAR - 3}" '
        f'height="{_WALL_FOOT - top:.1f}" fill="{_COLOURS[way]}"/>'
    )
    yield _text(left + 1, top - 3, f"{ratio:.2f}", size=9)


def _spread(values: list[float]) -> list[float]:
    """Places between the margins, in proportion to the values."""
    least, span = min(values), (max(values) - min(values)) or 1
    left, right = _LEFT + 50, _RIGHT - 50
    return [left + (value - least) / span * (right - left) for value in values]


def _grid(
    values: Iterable[float], height: Callable[[float], float], name: Callable[[float], str]
) -> Iterable[str]:
    for value in values:
        y = height(value)
        yield f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield _text(_LEFT - 8, y + 4, name(value), anchor="end")


def _budget(y: float, name: str) -> str:
    line = f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#b00" '
    return f'{line}stroke-dasharray="4 3"/>' + _text(_RIGHT + 12, y + 4, name, fill="#b00")


def _text(
    x: float, y: float, text: str, size: int = 12, anchor: str = "start", fill: str = "#333"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{fill}">{text}</text>'
    )
