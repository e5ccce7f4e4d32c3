"""The machine of batches, put together: three Map states that differ by what they read alone.

A reader's `Resource` and `InputType` cannot be expressions, and a state's name may be there once in
a definition (Amazon States Language): so each Map has its own copy of what is done with the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_DIRECTORY = Path(__file__).parents[1] / "statemachine"
_READERS, _FILES = _DIRECTORY / "batch.asl.json", _DIRECTORY / "batch_files.asl.json"


def definition() -> dict[str, Any]:
    machine = json.loads(_READERS.read_text())
    for name, state in machine["States"].items():
        if state.get("ItemProcessor") == "${Files}":
            state.update(_files(name) | {"Comment": state["Comment"]})
    return machine


def _files(of: str) -> dict[str, Any]:
    """What a Map state does, its states named after it: `Feed` of Listing is FeedListing."""
    text = _FILES.read_text()
    for state in json.loads(text)["ItemProcessor"]["States"]:
        text = text.replace(f'"{state}"', f'"{state}{of}"')
    return json.loads(text)
