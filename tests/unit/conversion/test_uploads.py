"""Requests for an upload: evil names, wrong sizes, and keys that hold neither."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.conversion import Conversion
from conversion.declared import MOST_NAME_CHARACTERS, suffix_of
from conversion.errors import InvalidRequest, RequestError
from conversion.formats import INPUT_SUFFIXES
from conversion.uploads import Multipart, Upload, UploadStatus, file_id_of
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


@pytest.mark.parametrize(
    "media_type",
    ["audio/wav", "AUDIO/x-wav; rate=8000", "video/mp4", "application/ogg", "binary/octet-stream"],
)
def test_what_can_hold_audio_is_taken(media_type: str) -> None:
    assert asked(contentType=media_type).media_type == media_type


@pytest.mark.parametrize(
    ("declared", "kept"),
    [("audio/wav; ", "audio/wav;"), ("audio/wav ; codecs=1  ", "audio/wav ; codecs=1")],
)
def test_a_media_type_is_kept_as_a_header_would_bring_it(declared: str, kept: str) -> None:
    assert asked(contentType=declared).media_type == kept


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


def test_so_many_conversions_may_be_asked_for_and_no_more() -> None:
    body = {"fileName": "a.wav", "bytes": 1, "conversions": [{"format": "mp3"}] * 3}
    with pytest.raises(InvalidRequest, match="up to 2"):
        Upload.from_request(body, 10, 7, max_conversions=2)
    assert Upload.from_request(body, 10, 7, max_conversions=3).conversions == (Conversion("mp3"),)


@pytest.mark.parametrize(("said", "kept"), [(True, True), (False, False), (None, False)])
def test_whether_its_jobs_are_deleted_after_their_download(said: object, kept: bool) -> None:
    assert asked(deleteAfterDownload=said).delete_after_download is kept


@pytest.mark.parametrize("said", ["true", 1, 0, [], {}])
def test_yes_and_no_are_true_and_false(said: object) -> None:
    with pytest.raises(InvalidRequest, match="true or false"):
        asked(deleteAfterDownload=said)


IN_PARTS = replace(UPLOAD, bytes=2999, multipart=Multipart("id", 1000, frozenset({1})))


def test_an_upload_in_parts_survives_being_written_and_read() -> None:
    full = replace(
        IN_PARTS, status=UploadStatus.ABORTED, owner="somebody", delete_after_download=True
    )
    assert Upload.from_item(full.to_item()) == full


def test_an_empty_set_is_not_written() -> None:
    nothing_done = replace(IN_PARTS, multipart=Multipart("id", 1000))
    assert "partsDone" not in nothing_done.to_item()
    assert Upload.from_item(nothing_done.to_item()) == nothing_done


def test_a_record_of_an_older_version_is_one_put_of_nobodys() -> None:
    names = ("fileId", "fileName", "bytes", "mediaType", "conversions", "createdAt", "expiresAt")
    assert Upload.from_item({name: UPLOAD.to_item()[name] for name in names}) == UPLOAD


@pytest.mark.parametrize(
    ("done", "received", "percent"),
    [
        (set(), 0, 0),
        ({1}, 1000, 33.3),
        ({3}, 999, 33.3),
        ({1, 3}, 1999, 66.7),
        ({1, 2, 3}, 2999, 99.9),
    ],
)
def test_percent_is_by_bytes_and_never_100_before_the_end(
    done: set[int], received: int, percent: float
) -> None:
    upload = replace(IN_PARTS, multipart=Multipart("id", 1000, frozenset(done)))
    assert (upload.bytes_received, upload.percent) == (received, percent)

    completed = replace(upload, status=UploadStatus.COMPLETED)
    assert (completed.bytes_received, completed.percent) == (2999, 100)
