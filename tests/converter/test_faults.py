"""S3, ffmpeg and other attempts misbehaving: the same object or a coded failure, nothing left."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conversion.cost import Cost
from conversion.errors import (
    Interrupted,
    JobOver,
    RecordsUnavailable,
    SettingsError,
    SourceMissing,
    StorageUnavailable,
    SupersededAttempt,
    TransientError,
)
from conversion.job import Job, Status
from conversion.outcome import Failure, Mode, Output
from conversion.progress import Progress, Stage
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects, Part
from tasks.converter import blocks
from tests.converter.sounds import Sounds
from tests.converter.world import Recorder, World

_PARTS = 64 * 1024


class Flaky(Objects):
    """S3 on a bad day: some reads break off or fail, some parts fail."""

    def __init__(self, client: Any, bucket: str, seed: int, part_failures: float) -> None:
        super().__init__(client, bucket)
        self._dice = random.Random(seed)
        self._part_failures = part_failures

    def read(self, key: str, etag: str, start: int, end: int) -> bytes:
        luck = self._dice.random()
        if luck < 0.3:
            raise StorageUnavailable("reset")
        data = super().read(key, etag, start, end)
        return data[: self._dice.randrange(len(data))] if luck < 0.6 else data

    def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> Part:
        if self._dice.random() < self._part_failures:
            raise StorageUnavailable("503")
        return super().put_part(key, upload_id, number, body)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100_000)
    monkeypatch.setattr("tasks.converter.gate.BLOCK_BYTES", 100_000)


def _nothing_is_left(world: World) -> bool:
    return not world.open_uploads() and not world.keys()


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(each, marks=pytest.mark.long) for each in range(6, 60))]
)
def test_broken_reads_and_parts_end_in_the_same_object_or_in_try_again(
    world: World, sounds: Sounds, seed: int
) -> None:
    data = sounds.bytes("wav")
    whole = world.output(world.convert(data, "flac"))
    job = world.job(data, "flac")

    def flaky(bucket: str) -> Objects:
        return Flaky(world.s3, bucket, seed, part_failures=0.0 if seed % 2 else 0.1)

    try:
        done = world.run(job, objects=flaky, first_part_bytes=_PARTS)
    except TransientError:
        assert world.open_uploads() == []
        assert len(world.keys()) == 1
        done = world.run(job)
        assert done.attempt == 2
    assert world.output(done) == whole


def test_a_source_replaced_while_it_is_read(world: World, sounds: Sounds) -> None:
    job = world.job(sounds.bytes("wav"), "mp3")
    reads = 0

    def replace_it(**_: Any) -> None:
        nonlocal reads
        reads += 1
        if reads == 3:
            other = bytes(job.source.bytes)
            world.s3.put_object(Bucket=job.source.bucket, Key=job.source.key, Body=other)

    world.s3.meta.events.register("before-call.s3.GetObject", replace_it)
    failed = world.run(job)

    assert failed.failure is not None
    assert failed.failure.code == "SOURCE_CHANGED"
    assert _nothing_is_left(world)


def test_a_source_that_is_gone(world: World, sounds: Sounds) -> None:
    job = world.job(sounds.bytes("wav"), "mp3")
    world.s3.delete_object(Bucket=job.source.bucket, Key=job.source.key)

    failed = world.run(job)

    assert failed.failure is not None
    assert failed.failure.code == "SOURCE_MISSING"


@pytest.mark.parametrize("completed", [True, False])
def test_a_lost_answer_to_the_completion(world: World, sounds: Sounds, completed: bool) -> None:
    """botocore repeats the request and is told that there is no such upload."""

    class Forgetful(Objects):
        def complete_multipart(self, key: str, upload_id: str, parts: list[Part]) -> str:
            if completed:
                super().complete_multipart(key, upload_id, parts)
            raise SourceMissing("NoSuchUpload")

    job = world.convert(
        sounds.bytes("wav"),
        "flac",
        objects=lambda bucket: Forgetful(world.s3, bucket),
        first_part_bytes=_PARTS,
    )

    if completed:
        assert job.status is Status.COMPLETED
    else:
        assert job.failure is not None
        assert job.failure.code == "OUTPUT_BROKEN"
        assert _nothing_is_left(world)


class Pids(logging.Handler):
    """Collects the process ids of every ffmpeg that was started."""

    def __init__(self) -> None:
        super().__init__()
        self.pids: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        if hasattr(record, "pid"):
            self.pids.append(record.pid)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.fixture
def pids(caplog: pytest.LogCaptureFixture) -> Pids:
    caplog.set_level(logging.INFO, "tasks")
    handler = Pids()
    logging.getLogger("tasks").addHandler(handler)
    return handler


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_sink_that_fails_ends_the_child(world: World, sounds: Sounds, pids: Pids) -> None:
    class Full(Objects):
        def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> Part:
            raise StorageUnavailable("503")

    with pytest.raises(StorageUnavailable):
        world.convert(
            sounds.long_wav(60).read_bytes(),
            "wav",
            objects=lambda bucket: Full(world.s3, bucket),
            first_part_bytes=_PARTS,
        )

    assert len(pids.pids) == 1
    assert _is_gone(pids.pids[0])
    assert _nothing_is_left(world)


def _script(folder: Path, text: str) -> str:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("exec sleep 1000", "CONVERTER_STALLED"),
        ("trap '' TERM; while :; do echo progress=continue; sleep 0.1; done", "CONVERTER_STALLED"),
        ("yes '[error] no' >&2", "CONVERTER_STALLED"),
        ("kill -SEGV $$", "CORRUPT_INPUT"),
        ("echo '[fatal] Conversion failed!' >&2; exit 69", "CORRUPT_INPUT"),
        ("echo '[error] Error while opening encoder' >&2; exit 1", "ENCODER_REFUSED"),
        (
            "echo '[error] reserved_moov_size is too small, needed 9 additional' >&2; exit 1",
            "CORRUPT_INPUT",
        ),
        ("exit 0", "OUTPUT_BROKEN"),
        ("head -c 3000000 /dev/zero | tr '\\0' x; exit 1", "CORRUPT_INPUT"),
    ],
)
def test_an_ffmpeg_that_misbehaves(
    world: World, sounds: Sounds, tmp_path: Path, pids: Pids, text: str, code: str
) -> None:
    job = world.convert(
        sounds.bytes("wav"), "mp3", ffmpeg=_script(tmp_path, text), stall_seconds=0.5
    )

    assert job.failure is not None
    # With exit code 0 and nothing decoded, either statement is true.
    assert job.failure.code == code or (text == "exit 0" and job.failure.code == "CORRUPT_INPUT")
    assert all(_is_gone(pid) for pid in pids.pids)
    assert _nothing_is_left(world)


def test_an_ffmpeg_killed_for_want_of_memory_is_tried_again(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        world.convert(sounds.bytes("wav"), "mp3", ffmpeg=_script(tmp_path, "kill -KILL $$"))


def test_an_ffprobe_killed_for_want_of_memory_is_tried_again(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        world.convert(sounds.bytes("wav"), "mp3", ffprobe=_script(tmp_path, "kill -KILL $$"))


@pytest.mark.parametrize("answer", ["", "{", "not json"])
def test_an_answer_of_ffprobe_that_cannot_be_read(
    world: World, sounds: Sounds, tmp_path: Path, answer: str
) -> None:
    job = world.convert(sounds.bytes("wav"), "mp3", ffprobe=_script(tmp_path, f"echo '{answer}'"))

    assert job.failure is not None
    assert job.failure.code == "UNSUPPORTED_INPUT"


def test_an_ffprobe_that_never_ends_its_answer(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    job = world.convert(sounds.bytes("wav"), "mp3", ffprobe=_script(tmp_path, "exec yes"))

    assert job.failure is not None
    assert job.failure.code == "UNSUPPORTED_INPUT"
    assert "than is sane" in job.failure.message


def test_a_missing_ffmpeg_is_a_fault_of_the_deployment(world: World, sounds: Sounds) -> None:
    with pytest.raises(SettingsError, match="SLUICE_FFMPEG"):
        world.convert(sounds.bytes("wav"), "mp3", ffmpeg="/nowhere/ffmpeg")


def test_the_child_sees_no_credential_and_writes_no_file(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    seen.touch()
    # printenv writes into a pipe; the file is written by a shell that is held to 0 bytes.
    script = _script(tmp_path, f"env >&2; echo x > {seen}; exit 1")

    job = world.convert(sounds.bytes("wav"), "mp3", ffmpeg=script)

    assert job.failure is not None
    assert seen.read_text() == ""
    assert "AWS" not in job.failure.message


def test_a_patch_out_of_reach_goes_by_way_of_a_file(
    world: World, sounds: Sounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An MP3's Xing header stands behind its cover; a cover over one part carries it away."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    picture = sounds.noisy_cover()
    assert len(picture) > 3 * _PARTS
    data = sounds.with_cover("covered.mp3", picture).read_bytes()

    filed = world.convert(data, "mp3", first_part_bytes=_PARTS)
    streamed = world.convert(data, "mp3")

    assert filed.output is not None
    assert filed.output.mode is Mode.FILE
    assert streamed.output is not None
    assert streamed.output.mode is Mode.STREAM
    assert world.output(filed) == world.output(streamed)
    assert list(scratch.iterdir()) == []
    assert world.open_uploads() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Of 128 KiB."""
    path = tmp_path / "small"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(path)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("to mount a small disk takes root")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_disk_that_is_full_is_a_failure_that_is_named_and_leaves_nothing(
    world: World, sounds: Sounds, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    data = sounds.with_cover("covered.mp3", sounds.noisy_cover()).read_bytes()

    job = world.convert(data, "mp3", first_part_bytes=_PARTS)

    assert job.failure is not None
    assert job.failure.code == "OUTPUT_TOO_LARGE"
    assert list(small_disk.iterdir()) == []
    assert world.open_uploads() == []


def test_room_for_moov_that_is_too_small_puts_moov_last(
    world: World, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.converter.transcode.moov_room", lambda *_: 500)

    output = world.output(world.convert(sounds.bytes("wav"), "m4a"))

    assert 0 < output.find(b"mdat") < output.find(b"moov")


def test_an_attempt_that_was_superseded_stops_and_writes_nothing(
    world: World, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.converter.reporter._SECONDS_BETWEEN_WRITES", 0.05)

    class Overtaken(Recorder):
        def report(self, job_id: str, progress: Progress) -> None:
            if progress.stage is Stage.CONVERTING and progress.attempt == 1:
                self.begin(job_id, 2)
            super().report(job_id, progress)

    overtaken = Overtaken(world.dynamodb, world.settings.progress_table)
    overtaken.reports = []
    job = world.job(sounds.long_wav(180).read_bytes(), "mp3")

    with pytest.raises(SupersededAttempt):
        world.run(job, progress=overtaken)

    assert _nothing_is_left(world)
    assert world.around.jobs.get(job.job_id).status is Status.PROCESSING


class Late(Jobs):
    """Something happens to the job just before its outcome is recorded."""

    def __init__(self, world: World, meanwhile: Callable[[Jobs, Job], object]) -> None:
        super().__init__(world.dynamodb, world.settings.jobs_table)
        self._meanwhile = meanwhile

    def complete(self, job_id: str, attempt: int, output: Output, cost: Cost | None = None) -> None:
        self._meanwhile(self, self.get(job_id))
        super().complete(job_id, attempt, output, cost)


@pytest.mark.parametrize(
    ("meanwhile", "fence"),
    [
        (lambda jobs, job: jobs.claim(job.job_id, 7), SupersededAttempt),
        (lambda jobs, job: jobs.fail(job.job_id, 1, Failure("X", "over")), JobOver),
    ],
)
def test_a_fence_at_the_very_end_takes_this_attempts_object_back(
    world: World,
    sounds: Sounds,
    meanwhile: Callable[[Jobs, Job], object],
    fence: type[Exception],
) -> None:
    with pytest.raises(fence):
        world.convert(sounds.bytes("wav"), "mp3", jobs=Late(world, meanwhile))

    assert _nothing_is_left(world)


def test_a_fence_is_what_ends_the_run_even_when_the_object_cannot_be_deleted(
    world: World, sounds: Sounds
) -> None:
    class Kept(Objects):
        def delete(self, key: str) -> None:
            raise PermissionError("403")

    with pytest.raises(SupersededAttempt):
        world.convert(
            sounds.bytes("wav"),
            "mp3",
            jobs=Late(world, lambda jobs, job: jobs.claim(job.job_id, 7)),
            objects=lambda bucket: Kept(world.s3, bucket),
        )


def test_an_output_that_cannot_be_recorded_is_taken_back(world: World, sounds: Sounds) -> None:
    class Forbidden(Jobs):
        def complete(
            self, job_id: str, attempt: int, output: Output, cost: Cost | None = None
        ) -> None:
            raise PermissionError("403")

    with pytest.raises(PermissionError):
        world.convert(
            sounds.bytes("wav"), "mp3", jobs=Forbidden(world.dynamodb, world.settings.jobs_table)
        )

    assert _nothing_is_left(world)


def test_an_object_stays_when_the_record_of_it_may_have_been_written(
    world: World, sounds: Sounds
) -> None:
    class Mute(Jobs):
        def complete(
            self, job_id: str, attempt: int, output: Output, cost: Cost | None = None
        ) -> None:
            super().complete(job_id, attempt, output, cost)
            raise RecordsUnavailable("the answer was lost")

    job = world.job(sounds.bytes("wav"), "mp3")
    with pytest.raises(RecordsUnavailable):
        world.run(job, jobs=Mute(world.dynamodb, world.settings.jobs_table))

    assert world.output(world.around.jobs.get(job.job_id))


def test_an_interruption_takes_the_upload_back(world: World, sounds: Sounds) -> None:
    job: Job = world.job(sounds.long_wav(60).read_bytes(), "wav")

    class Stopping(Objects):
        def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> Part:
            if number == 3:
                world.stop.set()
            return super().put_part(key, upload_id, number, body)

    def stopping(bucket: str) -> Objects:
        return Stopping(world.s3, bucket)

    with pytest.raises(Interrupted):
        world.run(job, objects=stopping, first_part_bytes=_PARTS)
    assert _nothing_is_left(world)

    again = world.run(job, stop=threading.Event())
    assert again.status is Status.COMPLETED
    assert again.attempt == 2
