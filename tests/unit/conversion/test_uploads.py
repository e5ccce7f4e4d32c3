"""Requests for an upload: evil names, wrong sizes, and keys that hold neither."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.conversion import Conversion
from conversion.errors import InvalidRequest, RequestError
from conversion.formats import INPUT_SUFFIXES
from conversion.uploads import MOST_NAME_CHARACTERS, Upload, file_id_of, suffix_of
from tests.contract.examples import FILE_ID, UPLOAD


def asked(**changes: object) -> Upload:
    body = {"fileName": "talk.wav", "bytes": 10, **changes}
    return Upload.from_request(body, max_bytes=100, retention_days=7)


def test_an_upload_survives_being_written_and_read() -> None:
    assert Upload.from_item(UPLOAD.to_item()) == UPLOAD


def test_what_is_not_said_has_a_default() -> None:
    made = asked()
    assert (made.media_type, made.conversions) == ("application/octet-stream", ())
    assert not made.has_expired


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("talk.wav", "talk.wav"),
        ("  talk.WAV ", "talk.WAV"),
        ("../../etc/passwd.mp3", "passwd.mp3"),
        ("C:\\Music\\Ärzte.flac", "Ärzte.flac"),
        ("/tmp/x/.mp3.mp3", ".mp3.mp3"),
        ('a"b;c.mp3', 'a"b;c.mp3'),
        ("%2e%2e%2fx.mp3", "%2e%2e%2fx.mp3"),
        ("שלום עולם.mp3", "שלום עולם.mp3"),
        ("🎧" * 251 + ".mp3", "🎧" * 251 + ".mp3"),
    ],
)
def test_a_name_is_kept_without_its_folders(given: str, kept: str) -> None:
    assert asked(fileName=given).file_name == kept


@given(st.text(st.characters(), max_size=300), st.sampled_from(sorted(INPUT_SUFFIXES)))
def test_any_name_is_refused_or_harmless(stem: str, suffix: str) -> None:
    try:
        made = asked(fileName=f"{stem}.{suffix}")
    except RequestError:
        return
    name = made.file_name
    assert 1 <= len(name) <= MOST_NAME_CHARACTERS
    assert not re.search(r"[/\\\x00-\x1f\x7f]", name)
    assert name.encode()  # UTF-8 can hold it
    assert re.fullmatch(r"uploads/[0-9a-f]{32}\.[a-z0-9]{2,4}", made.key)


@given(st.text(max_size=60))
def test_any_media_type_is_refused_or_fits_a_header(media_type: str) -> None:
    try:
        made = asked(contentType=media_type)
    except RequestError:
        return
    assert re.fullmatch(r"[\x20-\x7e]+/[\x20-\x7e]+", made.media_type)


def test_the_same_conversion_twice_is_asked_for_once() -> None:
    made = asked(conversions=[{"format": "mp3"}, {"format": "flac"}, {"format": "mp3"}])
    assert made.conversions == (Conversion("mp3"), Conversion("flac"))


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_a_request_is_an_object(body: object) -> None:
    with pytest.raises(RequestError):
        Upload.from_request(body, max_bytes=100, retention_days=7)


def test_the_limit_itself_is_allowed() -> None:
    assert asked(bytes=100).bytes == 100


@pytest.mark.parametrize(
    ("key", "file_id"),
    [
        (UPLOAD.key, FILE_ID),
        ("uploads/talk.wav", "talk"),
        ("uploads/2026/talk.tar.wav", "2026/talk.tar"),
        ("uploads/no suffix", "no suffix"),
        ("uploads/.wav", ".wav"),
        ("uploads/..", ".."),
        ("uploads/", ""),
    ],
)
def test_the_file_id_of_any_key(key: str, file_id: str) -> None:
    assert file_id_of(key) == file_id


@given(st.text(max_size=50))
def test_any_key_has_a_file_id(name: str) -> None:
    assert name.startswith(file_id_of(f"uploads/{name}"))


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.WAV", "wav"), ("a", ""), ("a.", ""), (".wav", ""), ("a.b.c", "c")]
)
def test_suffixes(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix


def test_a_field_that_no_upload_has_is_refused_and_not_passed_over() -> None:
    body = {"fileName": "a.wav", "bytes": 1, "conversion": {"format": "mp3"}}
    with pytest.raises(InvalidRequest, match="no 'conversion'"):
        Upload.from_request(body, 10, 7)
