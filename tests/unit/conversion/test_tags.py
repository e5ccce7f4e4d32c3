"""What the API lets through as a tag is in the file afterwards: asked of ffmpeg itself."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path

import pytest

from conversion.conversion import Conversion
from conversion.errors import InvalidRequest
from conversion.formats import FORMATS, Format
from local.ffmpeg import find_ffmpeg

_NAMES = (
    "title artist album album_artist composer genre date track disc comment description copyright "
    "lyrics isrc publisher language performer encoded_by grouping synopsis show episode_id network "
    "keywords author conductor foo_bar x-y"
)
NAMES = _NAMES.split()
NUMBERS = {"track": "3/12", "disc": "1/2"}
# These keep a comment under the name DESCRIPTION: of both, ffprobe shows one.
DESCRIBES_BY_COMMENT = {"ogg", "opus", "flac"}

tools = functools.cache(find_ffmpeg)

TAGGED = [each for each in FORMATS.values() if each.tags]


def can_ask(made: Format, name: str) -> bool:
    try:
        Conversion.from_request({"format": made.name, "tags": {name: "x"}})
    except InvalidRequest:
        return False
    return True


def written(made: Format, tags: dict[str, str], path: Path) -> dict[str, str]:
    """What ffprobe reads of the tags of a file so made, by their names in lower case."""
    encoder = next(iter(made.depths.values()), (made.encoder,))
    options = [option for tag in tags.items() for option in ("-metadata", "=".join(tag))]
    command = [tools().ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi", "-i", "sine=d=0.1"]
    made_by = ["-c:a", *encoder, *options, *made.muxer_arguments, "-f", made.muxer]
    subprocess.run([*command, *made_by, path], check=True)
    shown = subprocess.run(
        [tools().ffprobe, "-v", "error", "-of", "json", "-show_format", "-show_streams", path],
        capture_output=True,
        check=True,
    )
    found = json.loads(shown.stdout)
    seen = found["format"].get("tags", {}) | found["streams"][0].get("tags", {})
    return {name.lower(): text for name, text in seen.items()}


@pytest.mark.parametrize("made", TAGGED, ids=lambda each: each.name)
def test_each_name_that_can_be_asked_for_is_in_the_file(made: Format, tmp_path: Path) -> None:
    asked = {name: NUMBERS.get(name, f"Ä {name}") for name in NAMES if can_ask(made, name)}
    assert {"title", "copyright", "comment"} <= asked.keys()
    if made.muxer in DESCRIBES_BY_COMMENT:
        del asked["description"]

    seen = written(made, asked, tmp_path / "out")

    assert {name: seen.get(name) for name in asked} == asked


@pytest.mark.parametrize("made", TAGGED, ids=lambda each: each.name)
def test_each_name_that_cannot_be_asked_for_would_be_lost(made: Format, tmp_path: Path) -> None:
    lost = {name: f"Ä {name}" for name in NAMES if not can_ask(made, name)}

    assert written(made, lost, tmp_path / "out").items().isdisjoint(lost.items())


@pytest.mark.parametrize("name", ["encoder", "Duration", "creation_time"])
def test_what_the_muxer_writes_itself_is_refused_everywhere(name: str) -> None:
    with pytest.raises(InvalidRequest, match="is written by the converter"):
        Conversion.from_request({"format": "flac", "tags": {name: "x"}})
