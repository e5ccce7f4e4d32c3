"""The tables of docs/streaming.md, made anew by converting everything they speak of.

A row that is no longer true fails here, and the page as it should be is in build/streaming.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from conversion.formats import FORMATS, Format
from conversion.outcome import Mode
from tasks.converter.writer import ObjectWriter
from tests.converter.recipes import NOT_MADE, RECIPES, Recipe
from tests.converter.sounds import Sounds
from tests.converter.world import World

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs/streaming.md"
_PARTS = 64 * 1024


@dataclass
class Patches:
    """Where a muxer went back to: the end of what it wrote again in the first part."""

    head: int = 0
    tail: int = 0


@pytest.fixture
def patches(monkeypatch: pytest.MonkeyPatch) -> Patches:
    seen = Patches()
    write = ObjectWriter.write

    def recorded(self: ObjectWriter, offset: int, data: memoryview) -> None:
        if offset < self.size:
            end = min(offset + len(data), self.size)
            if end <= _PARTS:
                seen.head = max(seen.head, end)
            else:
                seen.tail += 1
        write(self, offset, data)

    monkeypatch.setattr(ObjectWriter, "write", recorded)
    return seen


def _cell(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _output_row(world: World, sounds: Sounds, made: Format, patches: Patches) -> str:
    """`m4a-moov-last` has tags and a small cover; `covered` one that is larger than a part."""
    patches.head = patches.tail = 0
    plain = world.convert(sounds.bytes("m4a-moov-last"), made.name, first_part_bytes=_PARTS)
    assert plain.output is not None, plain.failure
    where = [f"the first {patches.head:,} bytes"] if patches.head else []
    where += ["what it has just written"] if patches.tail else []
    large = "—"
    if made.cover:
        covered = world.convert(_covered(sounds), made.name, first_part_bytes=_PARTS)
        assert covered.output is not None, covered.failure
        large = _way(covered.output.mode)
    return _cell(
        f"`{made.name}`",
        made.title,
        _way(plain.output.mode),
        " and ".join(where) or "nothing",
        large,
    )


def _covered(sounds: Sounds) -> bytes:
    picture = sounds.noisy_cover()
    assert len(picture) > 3 * _PARTS
    return sounds.with_cover("covered.mp3", picture).read_bytes()


def _way(mode: Mode) -> str:
    return "streamed" if mode is Mode.STREAM else "by file"


def _input_row(world: World, sounds: Sounds, recipe: Recipe) -> str:
    job = world.convert(sounds.bytes(recipe.name), "flac")
    assert job.output is not None, (recipe.name, job.failure)
    warned = any(each.code == "LENGTH_UNVERIFIED" for each in job.output.warnings)
    return _cell(
        f"`{recipe.name}`",
        f"`{recipe.demuxer}`",
        recipe.made,
        _way(job.output.mode),
        "completes with a warning" if warned else "refused",
    )


def _with_table(page: str, name: str, head: str, rows: list[str]) -> str:
    columns = head.count("|") - 1
    table = "\n".join([head, _cell(*["---"] * columns), *rows])
    block = f"<!-- {name} -->\n{table}\n<!-- /{name} -->"
    found, count = re.subn(
        rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _: block, page, flags=re.S
    )
    assert count == 1, f"docs/streaming.md has no place for {name}"
    return found


@pytest.mark.long
def test_the_page_says_what_happens(world: World, sounds: Sounds, patches: Patches) -> None:
    """Skipped by a build of ffmpeg that lacks an encoder for one of the inputs."""
    inputs = [_input_row(world, sounds, each) for each in RECIPES.values()]
    outputs = [_output_row(world, sounds, each, patches) for each in FORMATS.values()]
    inputs += [
        _cell(f"`{name}`", f"`{name}`", why, "not tried", "—") for name, why in NOT_MADE.items()
    ]
    page = _PAGE.read_text()

    fresh = _with_table(
        page,
        "outputs",
        "| output | what it is | way | its muxer goes back to | cover larger than the held head |",
        outputs,
    )
    fresh = _with_table(
        fresh,
        "inputs",
        "| input | demuxer | made by | way | cut between two frames it is |",
        inputs,
    )

    built = _ROOT / "build/streaming.md"
    built.parent.mkdir(exist_ok=True)
    built.write_text(fresh)
    assert page == fresh, "docs/streaming.md is stale: look at build/streaming.md and copy it there"
