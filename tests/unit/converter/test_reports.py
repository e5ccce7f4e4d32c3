"""What ffmpeg says, in the forms its versions say it."""

from __future__ import annotations

import pytest

from tasks.converter.reports import Log, Reports, report_of, seconds_of, without_addresses


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:00:01.500000", 1.5),
        ("01:02:03", 3723.0),
        ("100:00:00.04", 360000.04),
        ("-00:00:00.021000", -0.021),
        ("00:00:30.003000000", 30.003),
        ("N/A", None),
        ("", None),
        ("12.5", None),
        ("00:00:xx", None),
    ],
)
def test_times(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == (None if seconds is None else pytest.approx(seconds))


def test_a_block_becomes_a_report() -> None:
    reports = Reports()
    lines = ["bitrate= 256.0kbits/s", "total_size=4096", "out_time_us=1500000", "speed= 12.5x"]
    assert [reports.hear(line) for line in lines] == [None] * 4

    report = reports.hear("progress=continue")

    assert report is not None
    assert (report.seconds, report.bytes_out, report.speed) == (1.5, 4096, 12.5)


def test_what_ffmpeg_does_not_know_is_none() -> None:
    reports = Reports()
    for line in ("total_size=N/A", "out_time_us=N/A", "out_time=N/A", "speed=N/A", "nonsense"):
        assert reports.hear(line) is None

    report = reports.hear("progress=end")

    assert report is not None
    assert (report.seconds, report.bytes_out, report.speed) == (None, None, None)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "nanx", "infinityx"])
def test_what_is_no_finite_number_is_none(text: str) -> None:
    reports = Reports()
    reports.hear(f"speed={text}")

    report = reports.hear("progress=continue")

    assert report is not None
    assert report.speed is None


def test_a_time_before_the_first_packet_is_zero() -> None:
    """ffmpeg 5.1 prints the smallest 64-bit number; encoders with a delay start below zero."""
    reports = Reports()
    for time in ("out_time_us=-9223372036854775807", "out_time=-00:00:00.021"):
        reports.hear(time)
        report = reports.hear("progress=continue")
        assert report is not None
        assert report.seconds == 0


@pytest.mark.parametrize(
    "line",
    [
        "[verbose]   Input stream #0:1 (audio): 144 packets read (2432707 bytes); 143 frames "
        "decoded (658944 samples); ",
        "[in#0/wav @ 0x55] [verbose]   Input stream #0:1 (audio): 162 packets read (26 bytes); "
        "162 frames decoded; 1 decode errors (658944 samples); ",
    ],
)
def test_decoded_samples_and_frames_of_a_stream(line: str) -> None:
    log = Log()
    log.hear(line)
    assert log.decoded_samples == {1: 658944}
    assert log.decoded_frames == {1: 162 if "162" in line else 143}


def test_the_facts_in_the_log() -> None:
    log = Log()
    for line in (
        "[ipod @ 0x1] [error] reserved_moov_size is too small, needed 4989 additional",
        "[out#0/ipod @ 0x2] [error] Error writing trailer: Invalid argument",
        "[aac @ 0x3] [warning] Packet corrupt (stream = 0, dts = NOPTS).",
        "[aac @ 0x3] [warning] Estimating duration from bitrate, this may be inaccurate",
        "[error] Error while decoding stream #0:0: Invalid data found when processing input",
        "[dec:flac @ 0x4] [error] Decoding error: Invalid data found when processing input",
        "[vist#0:0/flac @ 0x5] [error] Error submitting packet to decoder: Invalid data found",
    ):
        log.hear(line)

    assert log.moov_shortfall == 4989
    assert log.trailer_failed
    assert log.packet_was_cut
    assert log.duration_is_guess
    assert log.decode_errors == 3
    assert log.last_error.startswith("reserved_moov_size")


@pytest.mark.parametrize(
    "tag",
    [
        "[error] Error writing trailer: Anna's diary",
        "[warning] reserved_moov_size is too small, needed 1 additional",
        "[verbose]   Input stream #0:1 (audio): 1 packets; 1 frames decoded (1 samples); ",
    ],
)
def test_a_tag_cannot_speak_for_ffmpeg(tag: str) -> None:
    log = Log()
    log.hear(f"[info]     title           : {tag}")
    log.hear(f"                    : {tag}")

    assert list(log.errors) == []
    assert not log.trailer_failed
    assert log.moov_shortfall is None
    assert log.decoded_samples == {}


def test_a_flood_is_not_kept() -> None:
    log = Log()
    for number in range(10_000):
        log.hear(f"[error] {number} " + "x" * 5000)

    assert sum(len(line) for line in log.errors) < 50_000


def test_addresses_do_not_leave() -> None:
    said = "http://127.0.0.1:4711/s3cret: Invalid data; ftp://sluice:s3cret@127.0.0.1:1/output"
    assert "s3cret" not in without_addresses(said)
    assert "Invalid data" in without_addresses(said)


@pytest.mark.parametrize(
    ("line", "seconds", "size", "speed"),
    [
        ("[info] size=N/A time=00:00:03.50 bitrate=N/A speed=58.1x    ", 3.5, None, 58.1),
        ("[info] size=      12kB time=-00:00:00.02 bitrate=N/A speed=N/A", 0, 12 * 1024, None),
        ("[info] size=   64KiB time=01:00:04.00 bitrate=1.1kbits/s speed=80x", 3604, 65536, 80),
        (
            "[info] frame=  125 fps=0.0 q=2.0 Lsize=     134kB time=N/A speed=59.3x",
            None,
            137216,
            59.3,
        ),
    ],
)
def test_the_line_of_figures_on_standard_error(
    line: str, seconds: float | None, size: int | None, speed: float | None
) -> None:
    log = Log()
    log.hear(line)

    assert log.figures is not None
    assert log.figures.seconds == seconds
    assert (log.figures.bytes_out, log.figures.speed) == (size, speed)


def test_a_line_that_is_no_figures() -> None:
    assert report_of("[info]     title           : size= 12kB time=00:00:01.00 speed=1x") is None
    assert report_of("[info] video:0kB audio:689kB subtitle:0kB other streams:0kB") is None


@pytest.mark.parametrize(("text", "seconds"), [("00:01:02.03", 62.03), ("N/A", None)])
def test_the_duration_of_the_input(text: str, seconds: float | None) -> None:
    log = Log()
    log.hear(f"[info]   Duration: {text}, start: 0.000000, bitrate: 128 kb/s")

    assert log.input_seconds == seconds


def test_what_goes_into_the_filters_and_what_the_encoder_got() -> None:
    log = Log()
    for line in (
        "[info]   Stream #0:0: Audio: mp3, 44100 Hz, stereo, fltp, 128 kb/s",
        "[graph_0_in_0_0 @ 0x1] [verbose] tb:1/44100 fmt:s16 samplerate:44100 chlayout:stereo",
        "[info] Output #0, ogg, to 'input':",
        "[info]   Stream #0:0: Audio: opus, 48000 Hz, stereo, flt, delay 312, 96 kb/s",
        "[graph_-1_in_0:0 @ 0x2] [verbose] tb:1/48000 fmt:fltp samplerate:48000 chlayout:mono",
        "[graph_0_in_0_0 @ 0x1] [verbose] tb:1/44100 fmt:s16 samplerate:44100 chlayout:stereo",
        "[verbose]   Output stream #0:0 (audio): 203 frames encoded (194688 samples); 204 packets",
    ):
        log.hear(line)

    assert log.kinds == [(44_100, "stereo"), (48_000, "mono")]
    assert (log.output_rate, log.encoded_samples) == (48_000, 194_688)


@pytest.mark.parametrize(
    "line",
    [
        "[in#0/ogg @ 0x5] [error] Error during demuxing: Not yet implemented",
        "[error] Error demuxing input file 0: Not yet implemented",
        "[error] http://127.0.0.1:4711/s3cret: Not yet implemented",
    ],
)
def test_an_input_that_could_not_be_read_on(line: str) -> None:
    log = Log()
    log.hear(line)

    assert log.unread == "Not yet implemented"


def test_a_torn_packet_is_not_the_end_of_reading() -> None:
    log = Log()
    log.hear("[warning] http://127.0.0.1:4711/s3cret: corrupt input packet in stream 0")

    assert log.unread is None


def test_times_that_run_back() -> None:
    log = Log()
    log.hear("[ogg @ 0x1] [error] Application provided invalid, non monotonically increasing dts")

    assert log.times_run_back
