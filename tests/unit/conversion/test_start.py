"""How jobs begin, against stores that can fail at any step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from conversion.conversion import Conversion
from conversion.errors import FileNotFound, RecordsUnavailable, SourceMissing, StorageUnavailable
from conversion.events import ObjectCreated
from conversion.job import Job
from conversion.start import start_for_object, start_for_request
from conversion.stores.objects import Head
from conversion.uploads import Upload
from tests.contract.examples import BUCKET, FILE_ID, SOURCE, UPLOAD

LANDED = ObjectCreated(SOURCE.bucket, SOURCE.key, SOURCE.etag, SOURCE.bytes, SOURCE.version_id)
DEFAULTS = (Conversion("mp3"), Conversion("opus", 96))


@dataclass
class World:
    """Every store in one, in memory; `fail_start_after` starts the flow refuses to answer."""

    uploads: dict[str, Upload] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    objects: dict[str, Head] = field(default_factory=dict)
    fail_start_after: int = 1000
    bucket: str = BUCKET

    def find(self, file_id: str) -> Upload | None:
        return self.uploads.get(file_id)

    def put_if_absent(self, job: Job) -> bool:
        return self.jobs.setdefault(job.job_id, job) is job

    def start(self, job_id: str) -> None:
        if len(self.started) >= self.fail_start_after:
            raise RecordsUnavailable("not now")
        self.started.append(job_id)

    def head(self, key: str) -> Head:
        if key not in self.objects:
            raise SourceMissing(key)
        return self.objects[key]

    def land(self, created: ObjectCreated = LANDED) -> list[Job]:
        return start_for_object(created, DEFAULTS, self, self, self, 7)  # type: ignore[arg-type]

    def request(self, file_id: str = FILE_ID) -> Job:
        return start_for_request(
            file_id, Conversion("wav"), self, self, self, self, 7  # type: ignore[arg-type]
        )  # fmt: skip


def test_an_upload_becomes_the_jobs_it_asked_for() -> None:
    world = World(uploads={FILE_ID: UPLOAD})
    jobs = world.land()

    assert [each.conversion for each in jobs] == list(UPLOAD.conversions)
    assert [each.source for each in jobs] == [SOURCE, SOURCE]
    assert world.started == [each.job_id for each in jobs] == list(world.jobs)


def test_an_unasked_object_becomes_the_defaults_under_its_own_name() -> None:
    world = World()
    jobs = world.land(replace(LANDED, key="uploads/a/Rede.flac"))

    assert [each.conversion for each in jobs] == list(DEFAULTS)
    assert {(each.file_id, each.source.file_name) for each in jobs} == {("a/Rede", "Rede.flac")}


def test_the_same_bytes_put_again_are_converted_again() -> None:
    dropped = replace(LANDED, key="uploads/tune.flac", version_id=None, sequencer="01")
    world = World()
    first, redelivered = world.land(dropped), world.land(dropped)
    again = world.land(replace(dropped, sequencer="02"))

    assert [each.job_id for each in redelivered] == [each.job_id for each in first]
    assert not {each.job_id for each in again} & {each.job_id for each in first}


def test_the_key_of_an_upload_is_written_once_whatever_the_sequencer() -> None:
    world = World(uploads={FILE_ID: UPLOAD})
    first, second = (world.land(replace(LANDED, sequencer=each)) for each in ("01", "02"))

    assert [each.job_id for each in first] == [each.job_id for each in second]


def test_an_object_under_another_key_is_not_the_upload() -> None:
    world = World(uploads={FILE_ID: UPLOAD})
    jobs = world.land(replace(LANDED, key=f"uploads/{FILE_ID}.exe"))

    assert [each.conversion for each in jobs] == list(DEFAULTS)


def test_a_duplicate_event_finds_the_same_jobs() -> None:
    world = World(uploads={FILE_ID: UPLOAD})
    first = world.land()

    assert [each.job_id for each in world.land()] == [each.job_id for each in first]
    assert list(world.jobs.values()) == first


@pytest.mark.parametrize("crash_after", [0, 1])
def test_a_crash_between_record_and_start_is_mended_by_the_next_delivery(crash_after: int) -> None:
    world = World(uploads={FILE_ID: UPLOAD}, fail_start_after=crash_after)
    with pytest.raises(RecordsUnavailable):
        world.land()

    world.fail_start_after = 1000
    jobs = world.land()
    assert set(world.started) == set(world.jobs) == {each.job_id for each in jobs}


def test_a_folder_starts_nothing() -> None:
    world = World()
    assert world.land(replace(LANDED, key="uploads/", bytes=0)) == []
    assert (world.jobs, world.started) == ({}, [])


def test_a_request_converts_what_is_there() -> None:
    world = World({FILE_ID: UPLOAD}, objects={UPLOAD.key: Head("etag", 7, "audio/wav")})
    first, second = world.request(), world.request()

    assert (first.source.etag, first.source.bytes) == ("etag", 7)
    assert first.source.file_name == UPLOAD.file_name
    assert first.job_id != second.job_id
    assert world.started == [first.job_id, second.job_id]


@pytest.mark.parametrize("uploads", [{}, {FILE_ID: UPLOAD}], ids=["unknown", "not arrived"])
def test_a_request_for_what_is_not_there_is_refused(uploads: dict[str, Upload]) -> None:
    world = World(uploads)
    with pytest.raises(FileNotFound):
        world.request()
    assert (world.jobs, world.started) == ({}, [])


def test_storage_that_fails_is_not_a_missing_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: str) -> Head:
        raise StorageUnavailable("not now")

    world = World({FILE_ID: UPLOAD})
    monkeypatch.setattr(world, "head", fails)
    with pytest.raises(StorageUnavailable):
        world.request()
