"""The clean-up: what has outlived its use goes, and nothing else; above all, no job that lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversion import clock
from conversion.cleaned import Cleaned, Kind
from conversion.cleanup import clean_up
from conversion.clock import expiry, timestamp, utc_now
from conversion.conversion import Conversion
from conversion.errors import JobNotFound, StorageUnavailable
from conversion.job import Job, Source, Status
from conversion.leftovers import Listed, NotDeleted, OpenUpload
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.progress import ProgressTable
from conversion.stores.uploads import Uploads
from conversion.uploads import PREFIX, Multipart, Upload, UploadStatus
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET, FAILURE, OUTPUT

DAYS = 7
OVER = [each for each in Status if each.is_terminal]
LIVE = [each for each in Status if not each.is_terminal]


class Clock:
    """The time of everything but S3: moto stamps objects by the machine's own."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def jump(self, **how_far: float) -> None:
        self.ahead += timedelta(**how_far)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    ours = Clock()
    set_by(ours, monkeypatch)
    return ours


def set_by(ours: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + ours.ahead

    monkeypatch.setattr(clock, "datetime", Shifted)


class Stamped(Objects):
    """moto dates every multipart upload to 2010: this one knows when it began."""

    def __init__(self, client: Any, bucket: str) -> None:
        super().__init__(client, bucket)
        self._began: dict[str, datetime] = {}

    def start_multipart(self, key: str, media_type: str) -> str:
        upload_id = super().start_multipart(key, media_type)
        self._began[upload_id] = utc_now()
        return upload_id

    def multipart_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        for each in super().multipart_uploads(prefix):
            yield replace(each, initiated=self._began[each.upload_id])


class World:
    """Tables and bucket, and what puts into them."""

    def __init__(self) -> None:
        dynamodb, self.s3 = clients.dynamodb(), clients.s3()
        tables.create_tables(dynamodb)
        self.s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": pretend.REGION}
        )
        self.jobs = Jobs(dynamodb, tables.JOBS)
        self.progress = ProgressTable(dynamodb, tables.PROGRESS)
        self.uploads = Uploads(dynamodb, tables.UPLOADS)
        self.objects = Stamped(self.s3, BUCKET)
        self._made = 0

    def upload(self, **changes: Any) -> Upload:
        """One whose bytes have arrived."""
        self._made += 1
        now = utc_now()
        upload = Upload(
            file_id=f"{self._made:032x}",
            file_name="talk.wav",
            bytes=100,
            media_type="audio/wav",
            conversions=(),
            created_at=timestamp(now),
            expires_at=expiry(now, DAYS),
        )
        upload = replace(upload, **changes)
        self.uploads.put(upload)
        self.put(upload.key, 100)
        return upload

    def job(self, status: Status, upload: Upload | None = None, attempt: int = 1) -> Job:
        """In this status, after so many attempts, each of which has left an output of 10 bytes."""
        self._made += 1
        key = upload.key if upload else f"uploads/{self._made}.wav"
        file_id = upload.file_id if upload else str(self._made)
        source = Source(BUCKET, key, "e" * 32, 100, "talk.wav")
        job = Job.new(f"{self._made:032x}", file_id, source, Conversion("mp3"), DAYS)
        self.jobs.put_if_absent(job)
        if status is Status.CREATED:
            return job
        for number in range(1, attempt + 1):
            self.jobs.claim(job.job_id, DAYS)
            self.progress.begin(job.job_id, number)
            self.put(job.output_key(number), 10)
        if status is Status.COMPLETED:
            self.jobs.complete(job.job_id, attempt, replace(OUTPUT, key=job.output_key(attempt)))
        elif status is Status.FAILED:
            self.jobs.fail(job.job_id, attempt, FAILURE)
        elif status is Status.CANCELLED:
            self.jobs.cancel(job.job_id)
        return self.jobs.get(job.job_id)

    def put(self, key: str, length: int) -> None:
        self.objects.put(key, b"x" * length, "audio/mpeg")

    @property
    def keys(self) -> set[str]:
        return {each.key for each in self.objects.list("")}

    def has_record(self, job: Job) -> bool:
        try:
            self.jobs.get(job.job_id)
        except JobNotFound:
            return False
        except Exception:  # expired, and there
            return True
        return True

    def state(self) -> tuple[Any, ...]:
        """All there is, to be compared."""
        everything = [each for status in Status for each in self.jobs.of_status(status)]
        return (
            {each.job_id: each for each in everything},
            self.keys,
            {each.upload_id for each in self.objects.multipart_uploads("")},
            {each.job_id: self.progress.read([each.job_id]) for each in everything},
        )

    def clean(self, dry_run: bool = False, in_time: Callable[[], bool] = lambda: True) -> Cleaned:
        return clean_up(
            self.jobs, self.uploads, self.objects, self.progress, DAYS, dry_run, in_time
        )


@pytest.fixture
def world(aws: None, time: Clock) -> World:
    return World()


def removed(cleaned: Cleaned) -> dict[str, tuple[int, int]]:
    assert cleaned.failures == []
    return {
        kind.value: (tally.count, tally.bytes)
        for kind, tally in cleaned.removed.items()
        if tally.count
    }


def test_a_fresh_world_is_left_as_it_is(world: World) -> None:
    for status in Status:
        world.job(status, world.upload())
    world.put("uploads/dropped.wav", 5)
    world.put("conversions/" + "f" * 32 + "/1/output.mp3", 5)
    world.objects.start_multipart("conversions/" + "f" * 32 + "/1/output.mp3", "audio/mpeg")
    before = world.state()

    cleaned = world.clean()

    assert removed(cleaned) == {}
    assert cleaned.complete
    assert world.state() == before


@pytest.mark.parametrize("status", OVER)
def test_an_expired_job_that_is_over_goes_with_all_it_had(
    world: World, time: Clock, status: Status
) -> None:
    job = world.job(status, attempt=3)
    time.jump(days=DAYS, hours=2)

    assert removed(world.clean()) == {"jobs": (1, 0), "outputs": (3, 30)}

    assert not world.has_record(job)
    assert world.keys == set()
    assert world.progress.read([job.job_id]) == {}


@pytest.mark.parametrize("status", LIVE)
def test_a_live_job_keeps_all_it_has_however_long_it_has_expired(
    world: World, time: Clock, status: Status
) -> None:
    job = world.job(status, world.upload(), attempt=2)
    upload = world.objects.start_multipart(job.output_key(2), "audio/mpeg")
    keys = world.keys
    time.jump(days=400)

    assert removed(world.clean()) == {}

    assert world.has_record(job)
    assert world.keys == keys
    assert [each.upload_id for each in world.objects.multipart_uploads("")] == [upload]


@pytest.mark.parametrize("jump", [-600, 600, 3500])
@pytest.mark.parametrize("status", Status)
def test_at_its_expiry_no_job_goes_by_a_clock_that_is_minutes_off(
    world: World, time: Clock, status: Status, jump: int
) -> None:
    job = world.job(status, world.upload())
    time.jump(days=DAYS, seconds=jump + 2)

    assert removed(world.clean()).keys() <= {"losers"}
    assert world.has_record(job)
    assert job.source.key in world.keys
    if status in (Status.PROCESSING, Status.COMPLETED):
        assert job.output_key(1) in world.keys


def test_a_job_that_a_claim_has_given_more_time_stays(world: World, time: Clock) -> None:
    job = world.job(Status.FAILED)
    time.jump(days=DAYS - 1)
    world.jobs.claim(job.job_id, DAYS, redrive=1)
    world.jobs.fail(job.job_id, 2, FAILURE)
    time.jump(days=2)

    assert removed(world.clean()) == {"losers": (1, 10)}
    assert world.has_record(job)
    time.jump(days=DAYS)
    assert removed(world.clean()) == {"jobs": (1, 0)}


class Meddling:
    """A store that does something before it passes a call on; the first time only."""

    def __init__(self, store: Any, method: str, act: Callable[[], None]) -> None:
        self._store, self._method, self._act = store, method, act

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name == self._method:
            act, self._act = self._act, lambda: None
            act()
        return found


def test_a_redrive_just_before_the_removal_keeps_the_job(world: World, time: Clock) -> None:
    job = world.job(Status.FAILED, world.upload())
    keys = world.keys
    time.jump(days=DAYS, hours=2)

    def redrive() -> None:
        world.jobs.claim(job.job_id, DAYS, redrive=1)

    meddling = Meddling(world.jobs, "remove", redrive)
    cleaned = clean_up(
        meddling, world.uploads, world.objects, world.progress, DAYS, False, lambda: True  # type: ignore[arg-type]
    )  # fmt: skip

    assert removed(cleaned) == {}
    assert world.jobs.get(job.job_id).status is Status.PROCESSING
    assert world.keys == keys
    assert world.progress.read([job.job_id]) != {}


def test_a_redrive_just_after_the_removal_is_told_that_there_is_no_job(
    world: World, time: Clock
) -> None:
    job = world.job(Status.FAILED)
    time.jump(days=DAYS, hours=2)

    def redrive() -> None:
        with pytest.raises(JobNotFound):
            world.jobs.claim(job.job_id, DAYS, redrive=1)

    objects = Meddling(world.objects, "delete_many", redrive)
    cleaned = clean_up(
        world.jobs, world.uploads, objects, world.progress, DAYS, False, lambda: True  # type: ignore[arg-type]
    )  # fmt: skip

    assert removed(cleaned) == {"jobs": (1, 0), "outputs": (1, 10)}
    assert world.keys == set()


def test_an_index_that_lags_removes_nothing_that_has_moved_on(world: World, time: Clock) -> None:
    """The index still says `failed`, and expired; the record says otherwise."""
    stale = world.job(Status.FAILED)
    time.jump(days=DAYS, hours=2)
    world.jobs.claim(stale.job_id, DAYS, redrive=1)

    class Lagging(Jobs):
        def of_status(self, status: Status) -> Iterator[Job]:
            return iter([stale] if status is Status.FAILED else [])

    world.jobs = Lagging(clients.dynamodb(), tables.JOBS)

    assert removed(world.clean()) == {}
    assert world.jobs.get(stale.job_id).status is Status.PROCESSING
    assert len(world.keys) == 1


def test_an_expired_upload_goes_with_its_bytes(world: World, time: Clock) -> None:
    upload = world.upload()
    time.jump(days=DAYS, hours=2)

    assert removed(world.clean()) == {"uploads": (1, 0), "sources": (1, 100)}

    assert world.uploads.find(upload.file_id, expired_too=True) is None
    assert world.keys == set()


@pytest.mark.parametrize("minutes", [-10, 10, 55])
def test_an_upload_stays_for_a_while_after_its_expiry(
    world: World, time: Clock, minutes: int
) -> None:
    world.upload()
    time.jump(days=DAYS, minutes=minutes)
    assert removed(world.clean()) == {}


@pytest.mark.parametrize("hours", [1.5, 3])
def test_an_upload_that_was_to_be_kept_for_longer_stays_by_its_record(
    world: World, time: Clock, hours: float
) -> None:
    """However old its bytes are: half an hour past its expiry, and an hour before it."""
    world.upload(expires_at=expiry(utc_now(), DAYS) + int(hours * 3600))
    time.jump(days=DAYS, hours=2)
    assert removed(world.clean()) == {}
    time.jump(hours=2.5)
    assert removed(world.clean()) == {"uploads": (1, 0), "sources": (1, 100)}


@pytest.mark.parametrize("status", LIVE)
def test_a_source_that_a_live_job_needs_stays(world: World, time: Clock, status: Status) -> None:
    upload = world.upload()
    job = world.job(status, upload)
    time.jump(days=DAYS - 1)
    world.jobs.keep_alive(job.job_id, DAYS)
    time.jump(days=3)

    assert removed(world.clean()) == {}
    assert upload.key in world.keys
    assert world.uploads.find(upload.file_id, expired_too=True) == upload


def test_a_source_stays_for_a_failed_job_that_may_be_redriven(world: World, time: Clock) -> None:
    upload = world.upload()
    time.jump(days=DAYS - 1)
    world.job(Status.FAILED, upload)
    time.jump(days=2)

    assert upload.key in world.keys
    assert removed(world.clean()).keys() <= {"losers"}
    assert upload.key in world.keys
    time.jump(days=DAYS)
    assert removed(world.clean()).keys() >= {"jobs", "uploads", "sources"}
    assert world.keys == set()


def test_a_completed_job_does_not_keep_its_source(world: World, time: Clock) -> None:
    upload = world.upload()
    time.jump(days=DAYS - 1)
    job = world.job(Status.COMPLETED, upload)
    time.jump(days=2)

    assert removed(world.clean()) == {"uploads": (1, 0), "sources": (1, 100)}
    assert world.keys == {job.output_key(1)}


def test_a_job_made_at_the_last_moment_keeps_its_source(world: World, time: Clock) -> None:
    """Behind the look at all live jobs: the last question is asked of the file itself."""
    upload = world.upload()
    time.jump(days=DAYS, hours=2)
    uploads = Meddling(world.uploads, "find", lambda: world.job(Status.CREATED, upload) and None)

    cleaned = clean_up(
        world.jobs, uploads, world.objects, world.progress, DAYS, False, lambda: True  # type: ignore[arg-type]
    )  # fmt: skip

    assert removed(cleaned) == {}
    assert upload.key in world.keys


def test_a_dropped_object_goes_when_it_is_older_than_anything_is_kept(
    world: World, time: Clock
) -> None:
    world.put("uploads/2026/Rede.flac", 50)
    time.jump(days=DAYS, minutes=30)
    assert removed(world.clean()) == {}
    time.jump(hours=1)
    assert removed(world.clean()) == {"dropped": (1, 50)}
    assert world.keys == set()


def test_a_dropped_object_stays_for_its_live_job(world: World, time: Clock) -> None:
    source = Source(BUCKET, "uploads/2026/Rede.flac", "e" * 32, 50, "Rede.flac")
    job = Job.new("a" * 32, "2026/Rede", source, Conversion("mp3"), DAYS)
    world.jobs.put_if_absent(job)
    world.put(source.key, 50)
    time.jump(days=DAYS, hours=2)

    assert removed(world.clean()) == {}
    assert world.keys == {source.key}


def test_another_object_beside_an_upload_is_a_dropped_one(world: World, time: Clock) -> None:
    time.jump(days=8)
    upload = world.upload()
    world.put(f"uploads/{upload.file_id}.mp3", 7)

    assert removed(world.clean()) == {"dropped": (1, 7)}
    assert world.keys == {upload.key}


@pytest.mark.parametrize("code", ["PreconditionFailed", "NoSuchKey"])
def test_an_object_dropped_anew_is_not_what_was_listed(
    world: World, time: Clock, code: str
) -> None:
    world.put("uploads/Rede.flac", 50)
    (listed,) = world.objects.list("uploads/")
    time.jump(days=DAYS, hours=2)
    asked: list[Listed | str] = []

    class Conditional(Objects):
        def delete_many(self, objects: Any) -> list[NotDeleted]:
            asked.extend(objects)
            return [NotDeleted("uploads/Rede.flac", code)]

    world.objects = Conditional(world.s3, BUCKET)

    assert removed(world.clean()) == {}, "and that is no failure"
    assert asked == [listed], "with its ETag, which is the condition"


def test_outputs_that_the_streams_follower_has_deleted_meanwhile_are_no_failure(
    world: World, time: Clock
) -> None:
    """A condition would make them one: S3 finds nothing to hold it against."""
    job = world.job(Status.COMPLETED)
    time.jump(days=DAYS, hours=2)

    class Racing(Objects):
        def delete_many(self, objects: Any) -> list[NotDeleted]:
            self.delete(job.output_key(1))
            asked = list(objects)
            assert asked == [job.output_key(1)]
            return super().delete_many(asked)

    world.objects = Racing(world.s3, BUCKET)

    assert removed(world.clean()) == {"jobs": (1, 0), "outputs": (1, 10)}


def test_losers_and_orphans_go_after_a_day_and_the_winner_stays(world: World, time: Clock) -> None:
    won = world.job(Status.COMPLETED, attempt=3)
    lost = world.job(Status.FAILED, attempt=2)
    stopped = world.job(Status.CANCELLED)
    running = world.job(Status.PROCESSING, attempt=2)
    orphan = f"conversions/{'f' * 32}/1/output.mp3"
    world.put(orphan, 4)
    strange = "conversions/readme.txt"
    world.put(strange, 4)
    time.jump(hours=23)
    assert removed(world.clean()) == {}
    time.jump(hours=2)

    assert removed(world.clean()) == {"losers": (5, 50), "orphans": (1, 4)}

    assert world.keys == {
        won.output_key(3), running.output_key(1), running.output_key(2), strange,
    }  # fmt: skip
    assert all(map(world.has_record, (won, lost, stopped, running)))


def test_what_an_attempt_writes_that_claims_meanwhile_stays(world: World, time: Clock) -> None:
    """Its object is there before the record we have read knows of it."""
    job = world.job(Status.FAILED)
    world.put(job.output_key(2), 10)
    time.jump(days=2)

    assert removed(world.clean()) == {"losers": (1, 10)}
    assert world.keys == {job.output_key(2)}


def test_uploads_that_nobody_works_on_are_aborted_after_an_hour(world: World, time: Clock) -> None:
    over, running = world.job(Status.FAILED), world.job(Status.PROCESSING, attempt=2)
    keys = [
        over.output_key(1), running.output_key(1), running.output_key(2),
        f"conversions/{'f' * 32}/1/output.mp3", "conversions/strange",
    ]  # fmt: skip
    ids = {key: world.objects.start_multipart(key, "audio/mpeg") for key in keys}
    time.jump(minutes=50)
    assert removed(world.clean()) == {}
    time.jump(minutes=20)

    assert removed(world.clean()) == {"parts": (3, 0)}

    left = {each.key: each.upload_id for each in world.objects.multipart_uploads("")}
    assert left == {each: ids[each] for each in (running.output_key(2), "conversions/strange")}


def test_a_job_that_has_left_goes_however_young_and_its_source_stays(
    world: World, time: Clock
) -> None:
    upload = world.upload()
    left, stays = (world.job(Status.COMPLETED, upload, attempt=2) for _ in range(2))
    assert world.jobs.leave(left.job_id, int(utc_now().timestamp()) + 60)
    time.jump(minutes=55)
    assert removed(world.clean()) == {}
    time.jump(minutes=10)

    assert removed(world.clean(dry_run=True)) == {"jobs": (1, 0), "outputs": (2, 20)}
    assert removed(world.clean()) == {"jobs": (1, 0), "outputs": (2, 20)}

    assert not world.has_record(left)
    assert world.has_record(stays)
    assert world.keys == {upload.key, stays.output_key(1), stays.output_key(2)}
    assert world.progress.read([left.job_id]) == {}
    assert removed(world.clean()) == {}


def test_a_job_that_has_left_and_is_old_is_counted_once(world: World, time: Clock) -> None:
    job = world.job(Status.COMPLETED)
    assert world.jobs.leave(job.job_id, int(utc_now().timestamp()) + 60)
    time.jump(days=DAYS, hours=2)

    for dry_run in (True, False):
        assert removed(world.clean(dry_run)) == {"jobs": (1, 0), "outputs": (1, 10)}


def test_an_index_that_lags_removes_no_job_that_may_stay(world: World, time: Clock) -> None:
    job = world.job(Status.COMPLETED)
    stale = replace(job, expires_at=int(utc_now().timestamp()) - 7200)

    class Lagging(Jobs):
        def leaving(self) -> Iterator[Job]:
            return iter([stale])

    world.jobs = Lagging(clients.dynamodb(), tables.JOBS)
    assert removed(world.clean()) == {}
    assert world.has_record(job)
    assert world.keys == {job.output_key(1)}


def begun(world: World, upload: Upload, **changes: Any) -> str:
    """A client has begun to send the upload in parts; `changes` are what its record says since."""
    upload_id = world.objects.start_multipart(upload.key, "audio/wav")
    multipart = Multipart(upload_id, 8 * 1024**2)
    world.uploads.put(replace(upload, **{"multipart": multipart, **changes}))
    return upload_id


def open_uploads(world: World) -> list[str]:
    return [each.upload_id for each in world.objects.multipart_uploads(PREFIX)]


def test_an_upload_that_is_under_way_is_left_to_its_client_until_it_expires(
    world: World, time: Clock
) -> None:
    upload_id = begun(world, world.upload())
    for _ in range(DAYS):
        time.jump(hours=24, minutes=5)
        assert "parts" not in removed(world.clean())
        assert open_uploads(world) == [upload_id]
    time.jump(minutes=30)

    assert removed(world.clean())["parts"] == (1, 0)
    assert open_uploads(world) == []


def test_an_upload_whose_bytes_never_came_whole_loses_its_parts_when_it_has_expired(
    world: World, time: Clock
) -> None:
    """Its record says when, however short a while ago it was begun."""
    upload = world.upload(expires_at=expiry(utc_now(), 1))
    world.objects.delete(upload.key)
    begun(world, upload)
    time.jump(hours=24, minutes=50)
    assert removed(world.clean()) == {}
    time.jump(minutes=20)

    assert removed(world.clean()) == {"parts": (1, 0)}
    assert open_uploads(world) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": UploadStatus.ABORTED},
        {"status": UploadStatus.COMPLETED},
        {"multipart": None},
        {"multipart": Multipart("another", 8 * 1024**2)},
    ],
    ids=["aborted", "completed", "of one PUT", "of another multipart upload"],
)
def test_parts_that_cannot_become_the_file_go_after_an_hour(
    world: World, time: Clock, changes: dict[str, Any]
) -> None:
    upload = world.upload()
    upload_id = begun(world, upload, **changes)
    time.jump(minutes=50)
    assert removed(world.clean()) == {}
    assert open_uploads(world) == [upload_id]
    time.jump(minutes=20)

    assert removed(world.clean())["parts"] == (1, 0)
    assert open_uploads(world) == []
    assert (upload.key in world.keys) is (changes.get("status") is not UploadStatus.ABORTED)


@pytest.mark.parametrize("status", UploadStatus)
def test_what_landed_behind_an_abort_goes_after_an_hour(
    world: World, time: Clock, status: UploadStatus
) -> None:
    upload = world.upload(status=status)
    time.jump(minutes=50)
    assert removed(world.clean()) == {}
    time.jump(minutes=20)

    is_aborted = status is UploadStatus.ABORTED
    assert removed(world.clean()) == ({"sources": (1, 100)} if is_aborted else {})
    assert world.keys == (set() if is_aborted else {upload.key})
    assert world.uploads.find(upload.file_id) == upload


def test_what_landed_behind_an_abort_and_has_a_job_all_the_same_stays(
    world: World, time: Clock
) -> None:
    """It was asked for in the same moment."""
    upload = world.upload(status=UploadStatus.ABORTED)
    world.job(Status.CREATED, upload)
    time.jump(hours=2)
    assert removed(world.clean()) == {}


@pytest.mark.parametrize("key", ["uploads/2026/Rede.flac", f"uploads/{1:032x}.flac"])
def test_parts_that_somebody_drops_have_as_long_as_anything_is_kept(
    world: World, time: Clock, key: str
) -> None:
    """The second is like an upload's key, and not its: that one is a WAV."""
    world.upload()
    upload_id = world.objects.start_multipart(key, "audio/flac")
    time.jump(days=DAYS, minutes=30)
    assert "parts" not in removed(world.clean())
    assert open_uploads(world) == [upload_id]
    time.jump(hours=1)

    assert removed(world.clean())["parts"] == (1, 0)
    assert open_uploads(world) == []


def test_an_upload_that_cannot_be_read_holds_up_no_other(world: World, time: Clock) -> None:
    dropped = world.objects.start_multipart("uploads/odd.wav", "audio/wav")
    begun(world, world.upload(), status=UploadStatus.ABORTED)
    clients.dynamodb().put_item(TableName=tables.UPLOADS, Item={"fileId": {"S": "odd"}})
    time.jump(hours=2)

    cleaned = world.clean()
    assert [kind for kind, _ in cleaned.failures] == [Kind.PARTS]
    assert open_uploads(world) == [dropped]


def filled(world: World, time: Clock) -> None:
    """One of everything, and what has to stay beside it."""
    left = world.job(Status.COMPLETED)
    world.jobs.leave(left.job_id, int(utc_now().timestamp()) + 60)
    begun(world, world.upload(), status=UploadStatus.ABORTED)
    for status in Status:
        job = world.job(status, world.upload(), attempt=2)
        world.objects.start_multipart(job.output_key(1), "audio/mpeg")
    world.put("uploads/Rede.flac", 50)
    world.put(f"conversions/{'f' * 32}/1/output.mp3", 4)
    time.jump(days=DAYS, hours=2)
    for status in Status:
        world.job(status, world.upload(), attempt=2)


def test_a_dry_run_changes_nothing_and_says_the_same(world: World, time: Clock) -> None:
    filled(world, time)
    before = world.state()

    said = world.clean(dry_run=True).to_item()

    assert world.state() == before
    assert said == world.clean().to_item() | {"dryRun": True}
    assert {kind for kind, each in said["removed"].items() if each["count"]} == {*Kind}
    assert world.state() != before


def test_a_second_run_finds_nothing_more(world: World, time: Clock) -> None:
    filled(world, time)
    world.clean()
    assert removed(world.clean()) == {}


@pytest.mark.parametrize("steps", [0, 1, 7, 20])
def test_a_run_stops_when_its_time_is_up_and_others_go_on(
    world: World, time: Clock, steps: int
) -> None:
    filled(world, time)
    whole = {
        kind: each["count"] for kind, each in world.clean(dry_run=True).to_item()["removed"].items()
    }
    left = iter(range(steps))

    first = world.clean(in_time=lambda: next(left, None) is not None)

    counted = {kind: tally.count for kind, tally in first.removed.items()}
    if counted != whole:
        assert not first.complete
    rest = world.clean()
    assert rest.complete
    for kind in (Kind.JOBS, Kind.UPLOADS, Kind.SOURCES, Kind.DROPPED, Kind.PARTS):
        assert counted[kind] + rest.removed[kind].count == whole[kind], kind
    assert removed(world.clean()) == {}


class Broken(Objects):
    """S3, with what it refuses."""

    def delete_many(self, objects: Any) -> list[NotDeleted]:
        wanted = list(objects)
        bad = [each for each in wanted if isinstance(each, str)]
        super().delete_many([each for each in wanted if each not in bad])
        return [NotDeleted(each, "AccessDenied") for each in bad]

    def abort_multipart(self, key: str, upload_id: str) -> None:
        raise StorageUnavailable("S3 is not answering.")


def test_one_failure_does_not_stop_the_rest(world: World, time: Clock) -> None:
    filled(world, time)
    world.objects = Broken(world.s3, BUCKET)

    cleaned = world.clean()

    assert cleaned.complete
    counts = {kind: tally.count for kind, tally in cleaned.removed.items() if tally.count}
    assert counts == {Kind.JOBS: 4, Kind.UPLOADS: 4, Kind.SOURCES: 4, Kind.DROPPED: 1}
    kinds = [kind for kind, _ in cleaned.failures]
    assert {each: kinds.count(each) for each in dict.fromkeys(kinds)} == {
        Kind.OUTPUTS: 7, Kind.LOSERS: 5, Kind.ORPHANS: 1, Kind.PARTS: 4,
    }  # fmt: skip
    assert cleaned.to_item()["failures"] == 17


@pytest.mark.parametrize("store", ["jobs", "uploads", "objects", "progress"])
def test_a_store_that_is_gone_loses_nothing(world: World, time: Clock, store: str) -> None:
    filled(world, time)
    live = [each for status in LIVE for each in world.jobs.of_status(status)]
    stores = {name: getattr(world, name) for name in ("jobs", "uploads", "objects", "progress")}

    class Gone:
        def __getattr__(self, _: str) -> Any:
            def gone(*_: object, **__: object) -> None:
                raise StorageUnavailable("It is not answering.")

            return gone

    stores[store] = Gone()
    cleaned = clean_up(*stores.values(), DAYS, False, lambda: True)

    assert cleaned.failures
    for job in live:
        assert world.has_record(job)
        assert job.source.key in world.keys


@dataclass(frozen=True)
class Plan:
    status: Status
    attempt: int
    age_days: float
    shares_upload: bool


plans = st.builds(
    Plan,
    status=st.sampled_from(Status),
    attempt=st.integers(1, 3),
    age_days=st.sampled_from([0, 0.5, 1.5, 6, 6.99, 7, 7.01, 7.05, 7.2, 30]),
    shares_upload=st.booleans(),
)


FEW = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=40)
worlds = given(st.lists(plans, min_size=1, max_size=6), st.sampled_from([-600, 0, 600]))


@FEW
@worlds
def test_whatever_there_is_what_lives_and_what_is_kept_stays(
    given_plans: list[Plan], jump: int
) -> None:
    what_lives_and_what_is_kept_stays(given_plans, jump)


@pytest.mark.long
@MANY
@worlds
def test_whatever_there_is_what_lives_and_what_is_kept_stays_many_times(
    given_plans: list[Plan], jump: int
) -> None:
    what_lives_and_what_is_kept_stays(given_plans, jump)


def what_lives_and_what_is_kept_stays(given_plans: list[Plan], jump: int) -> None:
    with pretend.aws(), pytest.MonkeyPatch.context() as patch:
        time, by_age = Clock(), sorted(given_plans, key=lambda each: -each.age_days)
        set_by(time, patch)
        world, upload, made = World(), None, list[tuple[Plan, Job]]()
        # S3's own stamps are of now, so that every object is as old as the last jump makes it.
        for plan, younger in zip(by_age, [*by_age[1:], None], strict=True):
            if upload is None or not plan.shares_upload:
                upload = world.upload()
            made.append((plan, world.job(plan.status, upload, plan.attempt)))
            time.jump(days=plan.age_days - (younger.age_days if younger else 0))
        time.jump(seconds=jump)

        assert world.clean().failures == []

        for plan, job in made:
            expired = plan.age_days > 7 + 2 / 24
            assert world.has_record(job) or (job.status.is_terminal and plan.age_days >= 7)
            if not job.status.is_terminal:
                assert job.source.key in world.keys
                if job.attempt:
                    assert job.output_key(job.attempt) in world.keys
            elif job.status is Status.COMPLETED and plan.age_days < 7:
                assert job.output_key(job.attempt) in world.keys
            elif expired:
                assert not world.has_record(job)
                assert not any(job.job_id in key for key in world.keys)
