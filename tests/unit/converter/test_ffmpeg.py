"""What an end of ffmpeg means, by how it ended and what it said."""

from __future__ import annotations

import os
import threading

import pytest

from conversion.errors import (
    CorruptInput,
    EncoderRefused,
    InputOutOfRange,
    Interrupted,
    OutputBroken,
    OutputTooLarge,
    SluiceError,
)
from tasks.converter.child import Limits
from tasks.converter.ffmpeg import Ffmpeg, RoomTooSmall
from tasks.converter.watch import Watch


def _run(script: str, *arguments: str) -> Ffmpeg:
    ffmpeg = Ffmpeg(["sh", "-c", script, *arguments], Limits(10))
    for _ in ffmpeg.reports(Watch(threading.Event(), [], lambda: 0)):
        pass
    return ffmpeg


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("echo '[error] x: Cannot allocate memory' >&2; exit 1", InputOutOfRange),
        ("echo '[error] Could not write header' >&2; exit 1", EncoderRefused),
        ("echo '[error] Invalid data found' >&2; exit 1", CorruptInput),
        ("echo '[error] No space left on device' >&2; exit 1", OutputTooLarge),
        ("echo '[error] Error writing trailer of ftp://x' >&2", OutputBroken),
        ("echo x > /dev/full; exit 69", CorruptInput),
        ("kill -ABRT $$", CorruptInput),
        ("kill -BUS $$", CorruptInput),
        ("kill -XCPU $$", CorruptInput),
        ("kill -XFSZ $$", OutputTooLarge),
        ("kill -KILL $$", Interrupted),
        ("kill -TERM $$", Interrupted),
        ("echo '[info] Exiting normally, received signal 15.' >&2; exit 255", Interrupted),
        ("echo '[error] Operation not permitted' >&2; exit 255", CorruptInput),
    ],
)
def test_every_end_has_its_reason(script: str, error: type[SluiceError]) -> None:
    with pytest.raises(error):
        _run(script)


def test_a_moov_that_does_not_fit_is_told_from_other_failures() -> None:
    said = "echo '[error] reserved_moov_size is too small, needed 9 additional' >&2"

    with pytest.raises(RoomTooSmall):
        _run(said, "-moov_size", "10")
    assert _run(said).log.moov_shortfall == 9


def test_the_message_names_the_memory_it_might_have_had() -> None:
    with pytest.raises(InputOutOfRange, match="384 MiB"):
        _run("echo '[fatal] x: Cannot allocate memory' >&2; exit 1")


def test_a_report_is_handed_on_and_the_last_is_kept() -> None:
    ffmpeg = _run("printf 'out_time_us=1500000\\ntotal_size=77\\nprogress=end\\n'")

    assert (ffmpeg.last.seconds, ffmpeg.last.bytes_out) == (1.5, 77)
    assert ffmpeg.state == (1.5, 77)


def _follow(ffmpeg: Ffmpeg) -> None:
    for report in ffmpeg.reports(Watch(threading.Event(), [], lambda: 0)):
        raise KeyError(report.bytes_out)


def test_whoever_breaks_off_the_reports_ends_the_child(caplog: pytest.LogCaptureFixture) -> None:
    """Also by an error of his own, and while that error is still on its way up."""
    caplog.set_level("INFO")
    ffmpeg = Ffmpeg(["sh", "-c", "echo progress=continue; exec sleep 1000"], Limits(10))

    with pytest.raises(KeyError) as raised:
        _follow(ffmpeg)

    assert raised.tb is not None
    with pytest.raises(ProcessLookupError):
        os.kill(vars(caplog.records[0])["pid"], 0)


def test_the_log_has_neither_addresses_nor_the_words_of_tags(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tasks")

    _run("exit 0", "-metadata", "title=Dear Diary", "-metadata", "a=b=c", "ftp://x:secret@h/o")

    (started,) = [each for each in caplog.records if each.message == "ffmpeg started"]
    command: str = started.command  # pyright: ignore[reportAttributeAccessIssue]
    assert command.endswith("-metadata title -metadata a input")
