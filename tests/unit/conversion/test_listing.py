"""Cursors: what comes out is what went in, and whatever else comes in is refused in our words."""

from __future__ import annotations

import base64
import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.errors import InvalidRequest
from conversion.listing import Place
from tests.contract.examples import JOB, JOB_ID

PLACE = Place(JOB.created_at, JOB_ID)


def cursor_of(told: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


def test_a_place_comes_back_out_of_its_cursor() -> None:
    assert Place.from_cursor(PLACE.to_cursor()) == PLACE


def test_a_cursor_needs_no_escape_in_a_url() -> None:
    assert set(PLACE.to_cursor()) <= set(string.ascii_letters + string.digits + "-_")


@pytest.mark.parametrize(
    "told",
    [
        None, 1, "x", [], {}, [JOB.created_at], [JOB.created_at, JOB_ID, 1], [1, 2],
        [JOB_ID, JOB.created_at], ["yesterday", JOB_ID], [JOB.created_at, "uploads"],
        [JOB.created_at + "\n", JOB_ID], [JOB.created_at, JOB_ID.upper()],
        [[JOB.created_at], JOB_ID],
    ],
    ids=range(14),
)  # fmt: skip
def test_a_cursor_of_something_else_is_refused(told: Any) -> None:
    with pytest.raises(InvalidRequest, match='"cursor" is what the page before'):
        Place.from_cursor(cursor_of(told))


@given(st.one_of(st.text(st.characters(exclude_categories=())), st.binary().map(str)))
def test_whatever_is_sent_as_a_cursor_is_a_place_or_refused(text: str) -> None:
    try:
        assert Place.from_cursor(text).job_id
    except InvalidRequest:
        return


@given(st.integers(0, len(PLACE.to_cursor()) - 1), st.characters(max_codepoint=127))
def test_a_cursor_with_a_letter_changed_is_a_place_or_refused(at: int, letter: str) -> None:
    whole = PLACE.to_cursor()
    try:
        assert len(Place.from_cursor(whole[:at] + letter + whole[at + 1 :]).job_id) == 32
    except InvalidRequest:
        return


def test_a_cursor_nested_beyond_reason_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
    with pytest.raises(InvalidRequest):
        Place.from_cursor(deep)
