"""The script of what is to happen to tasks: see local/fidelity/rehearsal.py. That it happens is
shown by tests/faults/test_flow.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.fidelity.rehearsal import SCRIPT_VARIABLE, Word, next_word


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "script"
    monkeypatch.setenv(SCRIPT_VARIABLE, str(path))
    return path


def test_each_call_takes_the_first_word_out(script: Path) -> None:
    script.write_text("no-capacity\nspot:1.5 throttled\n never-starts")

    words = [next_word() for _ in range(5)]

    assert words == [
        (Word.NO_CAPACITY, 0.0),
        (Word.SPOT, 1.5),
        (Word.THROTTLED, 0.0),
        (Word.NEVER_STARTS, 0.0),
        (Word.OK, 0.0),
    ]
    assert script.read_text() == ""


def test_a_word_that_stays_is_what_every_call_meets(script: Path) -> None:
    script.write_text("throttled spot:1.5* ok")

    words = [next_word() for _ in range(5)]

    assert words == [(Word.THROTTLED, 0.0), *[(Word.SPOT, 1.5)] * 4]


def test_calls_at_once_take_each_word_once(script: Path) -> None:
    script.write_text("no-capacity " * 50)

    with ThreadPoolExecutor(8) as several:
        words = [word for word, _ in several.map(lambda _: next_word(), range(80))]

    assert (words.count(Word.NO_CAPACITY), words.count(Word.OK)) == (50, 30)


def test_without_a_script_all_goes_well(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert next_word() == (Word.OK, 0.0)
    monkeypatch.delenv(SCRIPT_VARIABLE)
    assert next_word() == (Word.OK, 0.0)


def test_a_word_that_is_none_is_refused(script: Path) -> None:
    script.write_text("nocapacity")

    with pytest.raises(ValueError, match="nocapacity"):
        next_word()
