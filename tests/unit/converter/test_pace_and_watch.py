"""Percent from time or from bytes; and when to give up."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from conversion.errors import ConverterStalled, Interrupted, SourceChanged
from tasks.converter.pace import Pace
from tasks.converter.reports import Report
from tasks.converter.watch import Watch


def test_percent_from_time() -> None:
    pace = Pace(attempt=1, duration_seconds=100, source_bytes=1000)
    assert pace.progress(Report(seconds=25), bytes_in=900, bytes_out=0).percent == 25
    assert pace.progress(Report(seconds=400), bytes_in=1000, bytes_out=0).percent == 99
    assert pace.progress(Report(), bytes_in=1000, bytes_out=0).percent == 0


def test_percent_from_bytes_where_the_duration_is_not_known() -> None:
    pace = Pace(attempt=1, duration_seconds=None, source_bytes=1000)
    progress = pace.progress(Report(seconds=25, speed=4.0), bytes_in=500, bytes_out=77)
    assert progress.percent == 50
    assert (progress.speed, progress.bytes_in, progress.bytes_out) == (4.0, 500, 77)
    assert progress.eta_seconds is not None


def test_percent_from_the_length_that_ffmpeg_tells_where_the_probe_knew_none() -> None:
    pace = Pace(attempt=1, duration_seconds=None, source_bytes=1000)
    pace.hear_of(None)
    pace.hear_of(50.0)
    pace.hear_of(80.0)
    assert pace.progress(Report(seconds=25), bytes_in=900, bytes_out=0).percent == 50


def test_two_passes_share_the_percent() -> None:
    """The second knows the length that the first one found; seconds stand for the percent."""
    pace = Pace(attempt=1, duration_seconds=None, source_bytes=1000)
    pace.takes(0, 0.3, None)
    first = pace.progress(Report(seconds=25), bytes_in=500, bytes_out=0)
    pace.takes(0.3, 1, 50.0)
    second = pace.progress(Report(), bytes_in=1000, bytes_out=0)
    third = pace.progress(Report(seconds=25), bytes_in=1000, bytes_out=9)
    assert [each.percent for each in (first, second, third)] == [15, 30, 65]
    assert [each.seconds_done for each in (first, second, third)] == [None, 15, 32.5]
    assert pace.progress(Report(seconds=50), bytes_in=1000, bytes_out=9).percent == 99


def test_a_run_that_begins_anew_is_judged_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour for the first says nothing of the second; the seconds shown do not fall."""
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    pace = Pace(attempt=1, duration_seconds=100, source_bytes=1000)
    now = 3600.0
    assert pace.progress(Report(seconds=100), bytes_in=1000, bytes_out=0).seconds_done == 100
    pace.again()
    assert pace.progress(Report(), bytes_in=1000, bytes_out=0).eta_seconds is None
    now = 3610.0
    half = pace.progress(Report(seconds=50), bytes_in=1000, bytes_out=0)
    assert (half.eta_seconds, half.seconds_done) == (10, 100)


def test_a_second_pass_that_begins_anew_keeps_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    pace = Pace(attempt=1, duration_seconds=100, source_bytes=1000)
    pace.takes(0.5, 1, 100)
    pace.again()
    now = 10.0
    half = pace.progress(Report(seconds=50), bytes_in=1000, bytes_out=0)
    assert (half.percent, half.eta_seconds) == (75, 10)


@dataclass
class End:
    error: BaseException | None = None
    is_waiting: bool = False


def test_the_error_of_an_end_is_raised() -> None:
    watch = Watch(threading.Event(), [End(), End(SourceChanged("other"))], lambda: 0)
    with pytest.raises(SourceChanged):
        watch.check()


def test_a_stop_is_raised() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        Watch(stop, [], lambda: 0).check()


def test_standing_still_is_a_stall_unless_s3_owes_an_answer() -> None:
    end = End(is_waiting=True)
    watch = Watch(threading.Event(), [end], lambda: 0, stall_seconds=-1)
    watch.check()
    watch.check()
    end.is_waiting = False
    with pytest.raises(ConverterStalled):
        watch.check()


def test_moving_is_no_stall() -> None:
    steps = iter(range(10))
    watch = Watch(threading.Event(), [], lambda: next(steps), stall_seconds=-1)
    for _ in range(5):
        watch.check()


def test_what_moves_a_little_now_and_then_is_ended_all_the_same() -> None:
    steps = iter(range(10))
    watch = Watch(threading.Event(), [], lambda: next(steps), most_seconds=-1)
    with pytest.raises(ConverterStalled, match="not done"):
        watch.check()


def test_the_time_in_which_s3_owes_an_answer_is_not_the_childs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter([0.0, 0.0, 50.0, 55.0, 65.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    end, steps = End(is_waiting=True), iter(range(10))
    watch = Watch(threading.Event(), [end], lambda: next(steps), most_seconds=10)
    watch.check()
    end.is_waiting = False
    watch.check()
    with pytest.raises(ConverterStalled):
        watch.check()
