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
