"""What every UploadStore keeps to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conversion.uploads import UploadStore
from tests.contract.examples import FILE_ID, LONG_AGO, UPLOAD


def test_an_upload_reads_back_as_it_was_written(uploads: UploadStore) -> None:
    uploads.put(UPLOAD)
    assert uploads.find(FILE_ID) == UPLOAD


def test_an_upload_may_ask_for_nothing(uploads: UploadStore) -> None:
    uploads.put(replace(UPLOAD, conversions=()))
    assert uploads.find(FILE_ID) == replace(UPLOAD, conversions=())


@pytest.mark.parametrize("file_id", [FILE_ID, "", "x" * 2049, "\ud800"], ids=range(4))
def test_an_unknown_upload_is_none(uploads: UploadStore, file_id: str) -> None:
    assert uploads.find(file_id) is None


def test_an_expired_upload_is_none_before_it_is_deleted(uploads: UploadStore) -> None:
    uploads.put(replace(UPLOAD, expires_at=LONG_AGO))
    assert uploads.find(FILE_ID) is None


def test_an_expired_upload_is_found_by_whoever_asks_for_those_too(uploads: UploadStore) -> None:
    expired = replace(UPLOAD, expires_at=LONG_AGO)
    uploads.put(expired)

    assert uploads.find(FILE_ID, expired_too=True) == expired
    assert uploads.find("nobody", expired_too=True) is None


def test_only_an_expired_upload_is_removed(uploads: UploadStore) -> None:
    uploads.put(UPLOAD)
    assert uploads.remove(FILE_ID) is False
    assert uploads.find(FILE_ID) == UPLOAD

    uploads.put(replace(UPLOAD, expires_at=LONG_AGO))
    assert uploads.remove(FILE_ID) is True
    assert uploads.find(FILE_ID, expired_too=True) is None


@pytest.mark.parametrize("file_id", [FILE_ID, "", "x" * 2049, "\ud800"], ids=range(4))
def test_an_unknown_upload_is_not_removed(uploads: UploadStore, file_id: str) -> None:
    assert uploads.remove(file_id) is False
