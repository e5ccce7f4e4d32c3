"""The events that cross our border."""

from __future__ import annotations

import copy

import pytest

from conversion import events
from conversion.errors import InvalidRequest
from conversion.events import ConversionEvent, ObjectCreated
from tests.contract.examples import SOURCE


def test_s3s_event_is_read(event) -> None:
    assert ObjectCreated.from_event(event("s3_object_created")) == ObjectCreated(
        SOURCE.bucket,
        SOURCE.key,
        SOURCE.etag,
        SOURCE.bytes,
        SOURCE.version_id,
        "00673EFD8299329D18",
    )


def test_a_bucket_without_versions_gives_none(event) -> None:
    told = event("s3_object_created")
    del told["detail"]["object"]["version-id"]
    assert ObjectCreated.from_event(told).version_id is None


@pytest.mark.parametrize("name", ["key", "size", "etag"])
def test_an_event_without_what_we_need_is_refused(event, name) -> None:
    told = event("s3_object_created")
    del told["detail"]["object"][name]
    with pytest.raises(InvalidRequest, match=name):
        ObjectCreated.from_event(told)


@pytest.mark.parametrize("told", [None, [], "x", 3, {}, {"source": "aws.s3"}])
def test_what_is_no_event_is_refused(told) -> None:
    with pytest.raises(InvalidRequest):
        ObjectCreated.from_event(told)


@pytest.mark.parametrize(
    "change", [{"source": "aws.ec2"}, {"detail-type": "Object Deleted"}, {"detail": []}]
)
def test_another_event_is_refused(event, change) -> None:
    with pytest.raises(InvalidRequest):
        ObjectCreated.from_event(event("s3_object_created") | change)


def test_an_etag_that_is_no_text_is_refused(event) -> None:
    told = copy.deepcopy(event("s3_object_created"))
    told["detail"]["object"]["etag"] = 7
    with pytest.raises(InvalidRequest):
        ObjectCreated.from_event(told)


@pytest.mark.parametrize(
    ("key", "size", "folder"),
    [
        ("uploads/", 0, True),
        ("uploads/a/", 0, True),
        ("uploads/a/", 5, False),
        ("uploads/a", 0, False),
    ],
)
def test_folders(key: str, size: int, folder: bool) -> None:
    assert ObjectCreated("bucket", key, "etag", size).is_folder is folder


def test_what_we_announce_has_one_name_each() -> None:
    announced = ConversionEvent.__subclasses__()
    assert {each.source for each in announced} == {"sluice"}
    assert len({each.detail_type for each in announced}) == len(announced) == 3
    assert all(each.__module__ == events.__name__ for each in announced)
