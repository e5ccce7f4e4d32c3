"""Small things that are easier to see by themselves: values, names, waits, lines."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import click
import httpx
import pytest

from client.answers import Progress
from client.batch import numbers_for
from client.destination import Destination, numbered
from client.errors import (
    ApiUnreachable,
    ClientError,
    FileChanged,
    JobStalled,
    OutputNotWritable,
    Refused,
)
from client.moment import Meter, Moment, clock
from client.options import api_url, bitrate, decibels, hertz, name, seconds, tag
from client.outcome import Outcome, exit_code
from client.retry import (
    LEAST_POLL,
    MOST_RETRY_AFTER,
    MOST_SILENCE,
    MOST_WAITING,
    Patience,
    retry_after,
)
from client.show import Lines
from client.source import CHUNK, Source
from client.watch import FRESH_SECONDS, WAITING, Watch
from tests.client.conftest import ROOT


@pytest.mark.parametrize(
    ("text", "kilobits"),
    [("192k", 192), ("192K", 192), ("192kbps", 192), ("192", 192), ("192000", 192), (" 6k ", 6)],
)
def test_bitrates(text: str, kilobits: int) -> None:
    assert bitrate(text) == kilobits


@pytest.mark.parametrize("text", ["", "0", "0k", "-1", "1.5k", "192500", "192m", "k", "٣٢"])
def test_no_bitrates(text: str) -> None:
    with pytest.raises(click.BadParameter, match="192k"):
        bitrate(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("44100", 44_100),
        ("44.1k", 44_100),
        ("22.05 kHz", 22_050),
        ("48K", 48_000),
        (" 8000Hz ", 8_000),
        ("11.025k", 11_025),
        ("176.4khz", 176_400),
    ],
)
def test_sample_rates(text: str, rate: int) -> None:
    assert hertz(text) == rate


@pytest.mark.parametrize("text", ["", "0", "-1", "44.1", "44,1k", "nan", "1e3", "٤٨k"])
def test_no_sample_rates(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"44\.1k"):
        hertz(text)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90", 90.0),
        ("90.5", 90.5),
        ("0", 0.0),
        ("500ms", 0.5),
        ("250000us", 0.25),
        ("5s", 5.0),
        ("1:30", 90.0),
        ("01:30.25", 90.25),
        ("0:01:30.5", 90.5),
        ("10:00:00", 36_000.0),
    ],
)
def test_times(text: str, time: float) -> None:
    assert seconds(text) == time


@pytest.mark.parametrize(
    "text", ["", "-5", "1:60", "60:00:5x", "1:2:3:4", "1m", "nan", "inf", "1:", ":30", "1e3", "٩"]
)
def test_no_times(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"0:01:30\.5"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "level"),
    [("-16", -16.0), ("-1.5", -1.5), ("-23 LUFS", -23.0), ("-1dBTP", -1.0), ("+3", 3.0)],
)
def test_levels(text: str, level: float) -> None:
    assert decibels(text) == level


@pytest.mark.parametrize("text", ["", "nan", "-inf", "1e9", "loud", "--1"])
def test_no_levels(text: str) -> None:
    with pytest.raises(click.BadParameter, match="-16"):
        decibels(text)


def test_tags() -> None:
    assert tag("title=Pilot") == ("title", "Pilot")
    assert tag("comment=a=b ") == ("comment", "a=b ")
    assert tag("artist=") == ("artist", "")
    for text in ("title", "=Pilot", ""):
        with pytest.raises(click.BadParameter, match="title=Pilot"):
            tag(text)
    with pytest.raises(click.BadParameter, match="UTF-8"):
        tag("title=\udcff")


def test_names_of_formats_and_presets() -> None:
    assert (name(" MP3 "), name("Archive-FLAC"), name("\udcff")) == ("mp3", "archive-flac", "?")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787/v1"),
        ("http://127.0.0.1:8787/v1/", "http://127.0.0.1:8787/v1"),
        ("https://x.example/stage", "https://x.example/stage/v1"),
    ],
)
def test_api_addresses(text: str, url: str) -> None:
    assert api_url(text) == url


@pytest.mark.parametrize("text", ["", "x.example", "ftp://x.example", "https://", "http://x:port"])
def test_no_api_addresses(text: str) -> None:
    with pytest.raises(click.BadParameter, match="address"):
        api_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://me:SECRET@x.example/v1",
        "https://SECRET@x.example",
        "me:SECRET@x.example",
        "https://me:SECRET@x.example:port",
        "ftp://me:SECRET@x.example",
        "https://x.example/v1?token=SECRET",
        "https://x.example/v1#SECRET",
    ],
)
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(click.BadParameter, match="address") as refused:
        api_url(text)
    assert "SECRET" not in refused.value.message


def answer(**headers: str) -> httpx.Response:
    return httpx.Response(503, headers={name.replace("_", "-"): v for name, v in headers.items()})


def test_retry_after_as_number_as_date_and_as_nonsense() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    assert retry_after(answer(retry_after="7")) == 7
    assert retry_after(answer(retry_after=date)) == pytest.approx(20, abs=2)
    assert retry_after(answer(retry_after="Sun, 06 Nov 1994 08:49:37 GMT")) == 0
    assert retry_after(answer(retry_after="86400")) == MOST_RETRY_AFTER
    assert retry_after(answer(retry_after="soon")) is None
    assert retry_after(answer()) is None


def test_polls_never_become_a_busy_loop() -> None:
    assert Patience().until_next_poll(answer(retry_after="0")) == LEAST_POLL
    assert Patience().until_next_poll(answer()) == Patience().poll


def test_what_is_under_way_is_tried_for_about_a_minute() -> None:
    patience = Patience().steady
    doubled = [patience.first_wait * 2**n for n in range(patience.attempts - 1)]
    assert sum(min(each, patience.longest_wait) for each in doubled) > 60


def test_outputs_that_would_be_called_the_same_are_numbered_in_the_order_given() -> None:
    files = ["x/a.wav", "y/A.flac", "b.wav", "a.mp3"]
    assert numbers_for([Path(each) for each in files]) == [0, 1, 0, 2]
    assert numbered("a.b", 0) == "a.b"
    assert numbered("a.b", 2) == "a.b (2)"


@pytest.fixture(params=[True, False], ids=["hard links", "no hard links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:

        def refuse(self: Path, target: Path) -> None:
            raise PermissionError("no hard links here")

        monkeypatch.setattr(Path, "hardlink_to", refuse)


def test_a_part_gets_the_first_free_name_and_replaces_nothing(tmp_path: Path, links: None) -> None:
    (tmp_path / "a.mp3").write_bytes(b"precious")
    with Destination(tmp_path).part() as part:
        part.file.write(b"new")
        placed = Destination(tmp_path).place({".mp3": part}, "a", 0)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {
        "a.mp3": b"precious",
        "a (1).mp3": b"new",
    }
    assert [each.name for each in placed] == ["a (1).mp3"]


def test_what_belongs_together_gets_one_number_that_is_free_for_all(
    tmp_path: Path, links: None
) -> None:
    (tmp_path / "a (1).waveform.png").write_bytes(b"precious")
    (tmp_path / "a.waveform.json").write_bytes(b"precious")
    suffixes = (".mp3", ".waveform.json", ".waveform.png")
    with ExitStack() as stack:
        parts = {each: stack.enter_context(Destination(tmp_path).part()) for each in suffixes}
        for suffix, part in parts.items():
            part.file.write(suffix.encode())
        placed = Destination(tmp_path).place(parts, "a", 0)
    assert [each.name for each in placed] == [f"a (2){each}" for each in suffixes]
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {
        "a (1).waveform.png": b"precious",
        "a.waveform.json": b"precious",
        **{f"a (2){each}": each.encode() for each in suffixes},
    }


def test_an_output_that_cannot_be_kept_is_a_coded_error(tmp_path: Path) -> None:
    with pytest.raises(OutputNotWritable), Destination(tmp_path).part() as part:
        Destination(tmp_path).place({".mp3": part}, "x" * 300, 0)
    here = Destination(tmp_path)
    with pytest.raises(OutputNotWritable), here.part() as first, here.part() as second:
        here.place({".mp3": first, "x" * 300: second}, "a", 0)
    with pytest.raises(OutputNotWritable), Destination(tmp_path).part():
        raise OSError(28, "No space left on device")
    with pytest.raises(OutputNotWritable), Destination(tmp_path / "gone").part():
        raise AssertionError("not reached")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("new", [b"longer" * CHUNK, b""], ids=["grown", "cut"])
def test_a_file_that_changes_is_never_sent_whole(tmp_path: Path, new: bytes) -> None:
    file = tmp_path / "recording.wav"
    file.write_bytes(b"x" * (CHUNK + 1))
    source = Source.at(file)
    file.write_bytes(new)

    async def sent() -> int:
        return sum([len(chunk) async for chunk in source.chunks(lambda done: None)])

    with pytest.raises(FileChanged):
        asyncio.run(sent())


def outcome(error: ClientError | None) -> Outcome:
    return Outcome(Path("a.wav"), None, error=error)


def test_exit_codes() -> None:
    lost, refused = outcome(ApiUnreachable("gone")), outcome(Refused("no", "NO"))
    assert exit_code([outcome(None)], was_heard=True) == 0
    assert exit_code([outcome(None), refused], was_heard=True) == 1
    assert exit_code([refused, lost], was_heard=True) == 1
    assert exit_code([lost, lost], was_heard=False) == 3
    assert exit_code([lost, lost], was_heard=True) == 1, "something was begun there"


def test_messages_from_afar_move_no_cursor() -> None:
    assert Refused("a\x1b[2Jb\nc", "X").message == "a [2Jb c"


def test_moments_read_well() -> None:
    assert str(Moment("queued")) == "queued"
    assert str(Moment("converting", 42.4, "8.1x", 5)) == "converting 42 %, 8.1x, 0:05 left"
    assert str(Meter("uploading", 0).at(0)) == "uploading"
    assert str(Meter("uploading", 4000).at(1000)).startswith("uploading 25 %, ")
    assert [clock(each) for each in (0, 62.5, 3782)] == ["0:00", "1:02", "1:03:02"]


def test_lines_tell_new_stages_and_ends_at_once_and_tick_for_active_files_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Lines(["a.wav", "b\x1b[2J.wav", "c.wav"], every=0.1) as lines:
        lines.show(0, Moment("uploading", 10))
        lines.show(1, Moment("converting", 20))
        lines.show(1, Moment("converting", 25))
        time.sleep(0.15)
        lines.drop(0, "completed 100 %")
        time.sleep(0.1)
    assert capsys.readouterr().err.splitlines() == [
        "a.wav: uploading 10 %",
        "b\ufffd[2J.wav: converting 20 %",
        "b\ufffd[2J.wav: converting 25 %",
        "a.wav: completed 100 %",
        "b\ufffd[2J.wav: converting 25 %",
    ]


def running(stage: str, percent: float, updated_at: str = "t") -> Progress:
    return Progress("processing", stage, percent, 8.0, 3.0, updated_at)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_speed_and_time_left_are_shown_while_they_are_fresh() -> None:
    now = Clock()
    watch = Watch("j", Patience(), now)
    assert watch.see(running("converting", 40)).speed == 8.0
    now.seconds = FRESH_SECONDS + 1
    stale = watch.see(running("converting", 40))
    assert (stale.percent, stale.speed, stale.eta_seconds) == (40, None, None)
    assert watch.see(running("converting", 40, "later")).eta_seconds == 3.0


@pytest.mark.parametrize(
    ("stage", "most"),
    [
        *((each, MOST_WAITING) for each in sorted(WAITING)),
        ("probing", MOST_SILENCE),
        ("new", MOST_SILENCE),
    ],
)
def test_how_long_a_job_may_stand_still(stage: str, most: float) -> None:
    now = Clock()
    watch = Watch("j", Patience(), now)
    watch.see(running(stage, 0))
    now.seconds = most - 1
    watch.see(running(stage, 0))
    now.seconds = most
    with pytest.raises(JobStalled, match="execution named j"):
        watch.see(running(stage, 0))
    over = Progress("completed", "completed", 100, None, None, "t")
    assert watch.see(over) is over, "however late"


def test_waiting_is_for_hours_and_outlasts_the_state_machine() -> None:
    flow = json.loads((ROOT / "statemachine/conversion.asl.json").read_text())
    assert flow["TimeoutSeconds"] < MOST_WAITING
