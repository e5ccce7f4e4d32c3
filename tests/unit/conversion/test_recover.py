"""What a sweep mends, and what it leaves alone: whatever is lost, and whatever the clocks say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from conversion.cancel import cancel
from conversion.conversion import Conversion
from conversion.errors import ExecutionLost, ExecutionStopped, TimedOut, UploadFinished
from conversion.execution import ExecutionStatus
from conversion.job import Status
from conversion.recover import Recovered
from conversion.recovery.heartbeat import SECOND_LOOK_SECONDS
from conversion.recovery.reconcile import settle
from conversion.uploads import UploadStatus
from tests.contract import tables
from tests.contract.examples import BUCKET, FAILURE, FILE_ID, OUTPUT, UPLOAD
from tests.contract.throttled import DOWN, THROTTLED, refused
from tests.unit.conversion.world import DEFAULTS, World

NOTHING = Recovered()
JUMPS = pytest.mark.parametrize("minutes", [-10, 0, 10])


@pytest.fixture
def upload(world: World):
    """An upload record of this moment, of what `put_object` puts."""
    expires_at = int(world.clock.now().timestamp()) + 7 * 24 * 3600
    made = replace(UPLOAD, bytes=8, expires_at=expires_at)
    world.uploads.put(made)
    return made


def made(world: World, file_id: str = FILE_ID) -> list[str]:
    return sorted(str(each.conversion) for each in world.jobs.of_file(file_id))


def test_a_quiet_minute_has_nothing_to_mend(world: World) -> None:
    world.begin("started")
    world.claim("claimed")
    assert world.sweep() == NOTHING


# Slots


@pytest.mark.parametrize("outcome", ["completed", "failed", "cancelled", "gone"])
def test_the_slot_of_a_job_that_is_over_is_given_back(world: World, outcome: str) -> None:
    world.claim("running")
    if outcome == "gone":
        world.slots.take("job")
    else:
        world.claim()
    if outcome == "completed":
        world.jobs.complete("job", 1, OUTPUT)
    elif outcome == "failed":
        world.jobs.fail("job", 1, FAILURE)
    elif outcome == "cancelled":
        cancel("job", world.jobs, world.executions)

    assert world.sweep() == Recovered(slots_given_back=1)
    assert world.slots.holders() == {"running"}
    assert world.sweep() == NOTHING


def test_a_slot_that_gets_free_starts_the_one_that_waits(world: World) -> None:
    world.most = 1
    world.complete("first")
    world.begin("second")
    assert world.execution("second") is None

    assert world.sweep() == Recovered(slots_given_back=1, started=1)
    assert world.execution("second") is ExecutionStatus.RUNNING


# Jobs against executions


def test_a_start_that_was_throttled_is_made_good(world: World) -> None:
    with refused(world.step_functions, "StartExecution"):
        world.begin()
    assert world.execution() is None

    assert world.sweep() == Recovered(started=1)
    assert world.execution() is ExecutionStatus.RUNNING


def begin_and_die(world: World, job_id: str = "job") -> None:
    """The starter ends between taking the slot and starting the execution."""
    world.jobs.put_if_absent(world.a_job(job_id))
    world.slots.take(job_id)


def test_a_start_that_broke_off_is_made_good(world: World) -> None:
    begin_and_die(world)
    assert world.sweep() == NOTHING  # its starter may be just about to
    world.clock.advance(minutes=3)

    assert world.sweep() == Recovered(restarted=1)
    assert world.execution() is ExecutionStatus.RUNNING
    assert world.sweep() == NOTHING


def test_a_job_at_work_whose_execution_is_unknown_gets_another(world: World) -> None:
    world.jobs.put_if_absent(world.a_job())
    world.jobs.claim("job", 7)
    world.clock.advance(minutes=3)

    assert world.sweep() == Recovered(restarted=1, slots_held=1)
    assert world.jobs.claim("job", 7).attempt == 2


ENDED = {
    "ABORTED": ExecutionStopped.code,
    "TIMED_OUT": TimedOut.code,
    "FAILED": ExecutionLost.code,
    "SUCCEEDED": ExecutionLost.code,
}


@pytest.mark.parametrize("begin", [World.begin, World.claim])
@pytest.mark.parametrize(("status", "code"), ENDED.items())
def test_a_job_that_its_execution_left_open_is_failed(
    world: World, status: str, code: str, begin: Callable[[World], object]
) -> None:
    begin(world)
    world.end_execution("job", status)
    world.clock.advance(minutes=3)

    assert world.sweep() == Recovered(given_up=1)
    failure = world.jobs.get("job").failure
    assert failure is not None
    assert failure.code == code
    assert world.sweep() == Recovered(slots_given_back=1)


@pytest.mark.parametrize(("status", "code"), ENDED.items())
def test_an_end_that_is_told_is_settled_at_once(world: World, status: str, code: str) -> None:
    world.claim()
    world.end_execution("job", status)

    assert settle("job", world.jobs, world.executions) is True
    failure = world.jobs.get("job").failure
    assert failure is not None
    assert failure.code == code
    assert settle("job", world.jobs, world.executions) is False


def test_an_outcome_that_is_recorded_stays(world: World) -> None:
    for job_id in ("completed", "failed", "cancelled"):
        world.claim(job_id)
    world.jobs.complete("completed", 1, OUTPUT)
    world.jobs.fail("failed", 1, FAILURE)
    world.jobs.cancel("cancelled")
    for job_id in ("completed", "failed", "cancelled"):
        world.end_execution(job_id, "ABORTED")
        assert settle(job_id, world.jobs, world.executions) is False
        assert world.status(job_id) == job_id
    assert world.jobs.get("failed").failure == FAILURE


def test_an_end_that_is_told_after_a_redrive_settles_nothing(world: World) -> None:
    world.claim()
    assert settle("job", world.jobs, world.executions) is False  # it runs, whatever was told
    assert settle("unknown", world.jobs, world.executions) is False
    assert world.status() == "processing"


def test_what_was_given_up_is_reopened_by_a_redrive(world: World) -> None:
    world.claim()
    world.end_execution("job", "ABORTED")
    settle("job", world.jobs, world.executions)
    world.end_execution("job", "RUNNING")
    world.clock.advance(minutes=3)
    world.sweep()
    assert world.status() == "failed"  # the redrive's task has not come that far

    world.jobs.claim("job", 7, redrive=1)
    world.clock.advance(minutes=3)
    assert world.sweep() == Recovered(slots_held=1)
    assert world.status() == "processing"
    assert world.slots.holders() == {"job"}


def test_a_cancelled_job_that_runs_on_is_stopped(world: World) -> None:
    world.claim()
    with refused(world.step_functions, "StopExecution"):
        cancel("job", world.jobs, world.executions)
    world.slots.give_back("job")
    assert world.sweep() == NOTHING  # the stop may be just taking effect
    world.clock.advance(minutes=3)

    assert world.sweep() == Recovered(stopped=1)
    assert world.execution() is ExecutionStatus.ABORTED
    assert world.sweep() == NOTHING


# Silence


def test_a_silent_task_is_stopped_and_its_job_goes_on(world: World) -> None:
    world.claim()
    task = world.run_task("job")
    world.progress.begin("job", 1)
    world.report()
    world.clock.advance(minutes=6)
    paused: list[float] = []

    assert world.sweep(pause=paused.append) == Recovered(tasks_stopped=1)
    assert paused == [SECOND_LOOK_SECONDS]
    assert "No sign of life" in world.tasks.stopped[task]
    assert world.status() == "processing"
    assert world.execution() is ExecutionStatus.RUNNING

    world.executions.tasks["job"] = replace(world.executions.tasks["job"], has_ended=True)
    assert world.sweep() == NOTHING


@JUMPS
def test_no_jump_of_a_clock_stops_a_task_that_works(world: World, minutes: int) -> None:
    """The sweeper's clock is wrong; the converters' are right, and they go on writing."""
    jobs = [f"job{number}" for number in range(8)]
    for job_id in jobs:
        world.claim(job_id)
        world.run_task(job_id)
        world.progress.begin(job_id, 1)

    def meanwhile(_: float) -> None:
        with world.clock.jumped(-minutes):
            for job_id in jobs:
                world.report(job_id, percent=20)

    with world.clock.jumped(minutes):
        assert world.sweep(pause=meanwhile) == NOTHING
    assert not world.tasks.stopped


@JUMPS
def test_no_wrong_clock_of_a_converter_stops_its_task(world: World, minutes: int) -> None:
    world.claim()
    world.run_task("job", minutes_ago=7)
    world.progress.begin("job", 1)

    def report(_: float = 0) -> None:
        with world.clock.jumped(minutes):
            world.report()

    report()
    assert world.sweep(pause=report) == NOTHING


def test_should_all_fall_silent_only_a_few_are_stopped_at_once(world: World) -> None:
    for number in range(7):
        world.claim(f"job{number}")
        world.run_task(f"job{number}")
    world.clock.advance(minutes=31)  # none has reported: they may be starting until then

    assert world.sweep().tasks_stopped == len(world.tasks.stopped) == 5


def test_waiting_for_capacity_is_not_silence(world: World) -> None:
    world.claim()
    world.run_task("job")
    task = world.executions.tasks["job"]
    world.executions.tasks["job"] = replace(task, has_ended=True)
    world.begin("taskless")
    world.clock.advance(hours=3)

    def never(_: float) -> None:
        raise AssertionError("there is nothing to wait for")

    assert world.sweep(pause=never) == NOTHING
    assert not world.tasks.stopped


def test_a_task_may_take_its_time_to_start_but_not_for_ever(world: World) -> None:
    world.claim()
    world.clock.advance(minutes=20)
    task = world.run_task("job")  # the next attempt
    world.clock.advance(minutes=10)
    assert world.sweep() == NOTHING

    world.clock.advance(minutes=21)
    assert world.sweep() == Recovered(tasks_stopped=1)
    assert task in world.tasks.stopped


def test_a_job_that_ends_while_it_is_looked_at_is_left_alone(world: World) -> None:
    world.claim()
    world.run_task("job", minutes_ago=1)
    world.clock.advance(minutes=40)

    assert world.sweep(pause=lambda _: world.jobs.complete("job", 1, OUTPUT)) == NOTHING


# Lost events


def test_an_upload_whose_event_was_lost_is_started(world: World, upload) -> None:
    event = world.put_object(upload.key, minutes_ago=10)
    assert world.sweep() == Recovered(found=2)

    jobs = world.jobs.of_file(FILE_ID)
    assert {each.conversion for each in jobs} == set(upload.conversions)
    assert world.started() == sorted(each.job_id for each in jobs)
    assert world.sweep() == NOTHING
    world.land(event)  # it comes after all
    assert len(world.jobs.of_file(FILE_ID)) == len(world.started()) == 2


def test_what_is_found_is_completed_before_it_is_started(world: World, upload) -> None:
    world.put_object(upload.key, minutes_ago=10)
    world.sweep()

    assert world.upload_status() is UploadStatus.COMPLETED
    with pytest.raises(UploadFinished):
        world.uploads.abort(FILE_ID)


@pytest.mark.parametrize(("minutes_ago", "found"), [(10, 2), (55, 2), (65, 0)])
def test_what_may_have_been_deleted_after_its_download_is_not_made_anew(
    world: World, upload, minutes_ago: int, found: int
) -> None:
    world.uploads.put(replace(upload, delete_after_download=True))
    world.put_object(upload.key, minutes_ago)
    assert world.sweep().found == found


def test_a_dropped_object_whose_event_was_lost_is_started_once(world: World) -> None:
    event = world.put_object("uploads/Rede.flac", minutes_ago=10)
    assert world.sweep() == Recovered(found=2)
    assert made(world, "Rede") == sorted(str(each) for each in DEFAULTS)

    assert world.sweep() == NOTHING
    assert world.land(event) == []  # it comes after all
    assert len(world.started()) == 2


def test_what_is_put_again_after_that_is_converted_again(world: World) -> None:
    world.put_object("uploads/Rede.flac", minutes_ago=10)
    world.sweep()
    world.clock.advance(minutes=1)
    again = replace(world.put_object("uploads/Rede.flac", minutes_ago=0), sequencer="02")

    assert len(world.land(again)) == 2
    world.clock.advance(minutes=10)
    assert world.sweep() == NOTHING
    assert len(world.started()) == 4


def test_the_same_bytes_put_again_are_found_when_only_that_event_is_lost(world: World) -> None:
    world.land(world.put_object("uploads/Rede.flac", minutes_ago=0))
    world.clock.advance(hours=1)
    world.put_object("uploads/Rede.flac", minutes_ago=0)
    world.clock.advance(minutes=10)

    assert world.sweep() == Recovered(found=2)
    assert world.sweep() == NOTHING


def test_what_landed_after_its_upload_was_aborted_is_left_alone(world: World, upload) -> None:
    world.uploads.abort(upload.file_id)
    world.put_object(upload.key, minutes_ago=10)

    assert world.sweep() == NOTHING


def test_what_was_found_otherwise_than_declared_is_not_converted(world: World, upload) -> None:
    world.put_object(upload.key, minutes_ago=10, body=b"RIFF")

    assert world.sweep().found == 2
    assert {each.status for each in world.jobs.of_file(FILE_ID)} == {Status.FAILED}
    assert world.started() == []
    assert world.sweep() == NOTHING


def test_only_what_is_missing_is_started(world: World, upload) -> None:
    event = world.put_object(upload.key, minutes_ago=10)
    first = replace(upload, conversions=upload.conversions[:1])
    world.uploads.put(first)
    world.land(event)  # broke off behind the first job
    world.uploads.put(upload)
    world.request()  # into another format

    assert world.sweep() == Recovered(found=1)
    assert made(world) == ["flac", "mp3@192", "wav"]


def test_an_upload_that_asked_for_nothing_starts_nothing(world: World, upload) -> None:
    world.uploads.put(replace(upload, conversions=()))
    world.put_object(upload.key, minutes_ago=10)
    assert world.sweep() == NOTHING


@pytest.mark.parametrize("minutes_ago", [1, 4, 6 * 60 + 1, 24 * 60])
def test_an_event_that_may_still_come_or_is_long_gone_is_left(
    world: World, minutes_ago: int
) -> None:
    world.put_object("uploads/Rede.flac", minutes_ago)
    assert world.sweep() == NOTHING


def test_a_folder_and_what_is_no_upload_are_left(world: World) -> None:
    world.put_object("uploads/2026/", minutes_ago=10, body=b"")
    world.put_object("conversions/job/1/output.mp3", minutes_ago=10)
    assert world.sweep() == NOTHING


@JUMPS
@pytest.mark.parametrize("minutes_ago", [0, 6, 16])
def test_no_jump_of_the_sweepers_clock_doubles_an_object(
    world: World, upload, minutes: int, minutes_ago: int
) -> None:
    events = [world.put_object(key, minutes_ago) for key in (upload.key, "uploads/Rede.flac")]
    with world.clock.jumped(minutes):
        world.sweep()  # may find them, although their events are on their way
    for event in events:
        world.land(event)
    for jump in (minutes, 0, -minutes):
        with world.clock.jumped(jump):
            world.sweep()

    assert len(made(world)) == len(made(world, "Rede")) == 2
    assert len(world.started()) == 4


@JUMPS
def test_no_jump_of_the_starters_clock_doubles_an_object(world: World, minutes: int) -> None:
    event = world.put_object("uploads/Rede.flac", minutes_ago=0)
    with world.clock.jumped(minutes):
        world.land(event)
    world.clock.advance(minutes=30)
    world.executions.tasks.clear()

    assert world.sweep().found == 0


def test_an_object_that_cannot_be_started_holds_up_no_other(world: World) -> None:
    world.put_object("uploads/.", minutes_ago=10)
    world.put_object("uploads/Rede.flac", minutes_ago=10)
    world.put_object("uploads/odd.wav", minutes_ago=10)
    unreadable = {"fileId": {"S": "odd"}}  # of another release
    world.dynamodb.put_item(TableName=tables.UPLOADS, Item=unreadable)

    recovered = world.sweep()
    assert recovered.failures == 1
    assert made(world, "Rede") == sorted(str(each) for each in DEFAULTS)


def test_the_bucket_is_listed_only_when_asked(world: World) -> None:
    world.put_object("uploads/Rede.flac", minutes_ago=10)
    assert world.sweep(look_back=None) == NOTHING


# Left-over uploads


def open_uploads(world: World) -> list[str]:
    return sorted(each.key for each in world.objects.multipart_uploads("conversions/"))


def test_an_upload_that_nobody_goes_on_with_is_aborted(world: World) -> None:
    running, over, gone = "a" * 32, "b" * 32, "c" * 32
    world.claim(running)
    world.jobs.claim(running, 7)
    world.complete(over)
    world.slots.give_back(over)
    for owner in (f"{running}/1", f"{running}/2", f"{over}/1", f"{gone}/3"):
        world.objects.start_multipart(f"conversions/{owner}/output.mp3", "audio/mpeg")
    world.objects.start_multipart("conversions/odd", "audio/mpeg")
    world.objects.start_multipart("uploads/talk.wav", "audio/wav")

    assert world.sweep() == Recovered(uploads_aborted=3)
    assert open_uploads(world) == [f"conversions/{running}/2/output.mp3", "conversions/odd"]


def test_an_upload_that_is_young_is_left_to_its_owner(world: World) -> None:
    world.objects.start_multipart(f"conversions/{'c' * 32}/1/output.mp3", "audio/mpeg")
    [upload] = world.objects.multipart_uploads("conversions/")  # moto dates them all 2010
    world.clock.offset = upload.initiated - datetime.now(UTC)
    world.clock.advance(minutes=14)
    assert world.sweep() == NOTHING

    world.clock.advance(minutes=2)
    assert world.sweep() == Recovered(uploads_aborted=1)


# Expiry


def test_what_waits_or_runs_does_not_expire(world: World) -> None:
    world.most = 2
    world.claim("running")
    world.claim("completed")
    world.begin("waiting")
    world.jobs.complete("completed", 1, OUTPUT)
    world.clock.advance(days=3)
    assert world.sweep(look_back=None).kept_alive == 0
    world.clock.advance(days=1)

    assert world.sweep().kept_alive == 2
    assert world.sweep().kept_alive == 0
    world.clock.advance(days=6)
    assert world.status("running") == "processing"
    assert world.status("waiting") == "created"
    assert world.jobs.standings(["completed"]) == {}


def test_what_runs_is_kept_although_it_has_expired(world: World) -> None:
    """No sweep came by for days, and TTL deletes late."""
    world.claim()
    world.clock.advance(days=8)

    recovered = world.sweep()
    assert (recovered.kept_alive, recovered.slots_given_back) == (1, 0)
    assert world.status() == "processing"


# Outages


@pytest.mark.parametrize(
    ("client", "operation", "answer"),
    [
        ("step_functions", "ListExecutions", THROTTLED),
        ("step_functions", "DescribeExecution", DOWN),
        ("s3", "ListObjectsV2", DOWN),
        ("s3", "ListMultipartUploads", DOWN),
        ("dynamodb", "BatchGetItem", THROTTLED),
    ],
)
def test_what_fails_is_counted_and_the_rest_is_done(
    world: World, client: str, operation: str, answer: tuple[int, str]
) -> None:
    world.begin("running")
    begin_and_die(world, "broke-off")
    world.jobs.put_if_absent(world.a_job("waiting"))
    world.clock.advance(minutes=3)

    with refused(getattr(world, client), operation, answer):
        recovered = world.sweep()
    assert recovered.failures >= 1
    assert recovered.started == 1
    assert world.execution("waiting") is ExecutionStatus.RUNNING

    assert world.sweep().failures == 0
    assert world.started() == ["broke-off", "running", "waiting"]


def test_an_outage_is_not_waited_for_by_each_job(world: World) -> None:
    for number in range(4):
        begin_and_die(world, f"job{number}")
    world.clock.advance(minutes=3)

    with refused(world.step_functions, "StartExecution") as refusals:
        assert world.sweep() == Recovered(failures=1)
    assert refusals.count == 1
    assert world.sweep() == Recovered(restarted=4)


def test_nothing_but_its_own_bucket_is_looked_at(world: World) -> None:
    world.put_object("uploads/Rede.flac", minutes_ago=10)
    world.sweep()
    [job, _] = world.jobs.of_file("Rede")
    assert (job.source.bucket, job.status) == (BUCKET, Status.CREATED)
    assert job.conversion in {Conversion("mp3"), Conversion("opus", 96)}
